"""Every layer against PyTorch's, live: outputs, gradients of inputs and parameters, and what batches leave behind."""

from __future__ import annotations

from pathlib import Path
from runpy import run_path
from types import SimpleNamespace

import numpy as np
import pytest

from nn_core import components

torch = pytest.importorskip("torch", reason="parity is measured against PyTorch; tests/golden needs none")

GOLDEN = Path(__file__).parents[1] / "golden"
cases, compare = (SimpleNamespace(**run_path(str(GOLDEN / name))) for name in ("cases.py", "compare.py"))
Layer, linear, norm, conv, pool = cases.Layer, cases.linear, cases.norm, cases.conv, cases.pool

CASES = [
    *cases.LAYERS,
    Layer("linear, batch of one", linear(4, 3), (1, 4)),
    Layer("linear, empty batch", linear(4, 3), (0, 4)),
    Layer("linear, single vector", linear(4, 3), (4,)),
    Layer("linear, one to one", linear(1, 1), (7, 1)),
    Layer("linear, three axes", linear(5, 2), (3, 7, 5)),
    Layer("linear, wide", linear(301, 17), (129, 301)),
    Layer("embedding, batch of one", cases.embedding(7, 2), (1,), draw="indices"),
    Layer("embedding, empty batch", cases.embedding(7, 2, padding_idx=0), (0, 3), draw="indices"),
    Layer("embedding, single index", cases.embedding(5, 4), (), draw="indices"),
    Layer("embedding, repeated often", cases.embedding(300, 17, padding_idx=3), (129, 11), draw="indices"),
    Layer(
        "embedding, in a network",
        ("Sequential", [cases.embedding(5, 3), ("Flatten", {}), linear(6, 2)]),
        (4, 2),
        "indices",
    ),
    Layer("relu, one axis", ("ReLU", {}), (7,)),
    Layer("relu, images", ("ReLU", {}), (3, 2, 5, 1), draw="coarse"),
    Layer("flatten, everything", ("Flatten", {"start_dim": 0}), (3, 2, 5)),
    Layer("flatten, last axes", ("Flatten", {"start_dim": -2}), (3, 2, 5, 7)),
    Layer("flatten, one axis", ("Flatten", {"start_dim": 2, "end_dim": 2}), (3, 2, 5, 7)),
    Layer("flatten, first axes", ("Flatten", {"start_dim": 0, "end_dim": -3}), (1, 2, 5, 7)),
    Layer("flatten, empty batch", ("Flatten", {}), (0, 2, 5)),
    Layer("unflatten, first axis", ("Unflatten", {"dim": 0, "unflattened_size": (2, 3)}), (6, 5)),
    Layer("unflatten, into one", ("Unflatten", {"dim": 1, "unflattened_size": (1, -1, 1)}), (2, 7)),
    Layer("unflatten, empty batch", ("Unflatten", {"dim": 1, "unflattened_size": (2, 3)}), (0, 6)),
    Layer("dropout, images", ("Dropout", {"p": 0.9}), (1, 2, 5, 3), train=False),
    Layer("dropout, of nothing", ("Dropout", {"p": 0.0}), (3, 5)),
    Layer("batch_norm1d, small batch", norm(1, 5), (3, 5)),
    Layer("batch_norm1d, one feature", norm(1, 1, momentum=1.0), (9, 1)),
    Layer("batch_norm1d, not affine", norm(1, 3, affine=False, momentum=0.0), (5, 3)),
    Layer("batch_norm1d, one sample", norm(1, 3), (1, 3), train=False),
    Layer("batch_norm1d, empty batch", norm(1, 3), (0, 3, 4), train=False),
    Layer("batch_norm1d, one sequence", norm(1, 3), (1, 3, 7)),
    Layer("batch_norm1d, far from zero", norm(1, 3), (129, 3, 65), draw="far from zero"),
    Layer("layer_norm, batch of one", ("LayerNorm", {"normalized_shape": 5}), (1, 5)),
    Layer("layer_norm, single vector", ("LayerNorm", {"normalized_shape": 5}), (5,)),
    Layer("layer_norm, empty batch", ("LayerNorm", {"normalized_shape": (3, 4)}), (0, 3, 4)),
    Layer("layer_norm, all axes", ("LayerNorm", {"normalized_shape": (2, 3, 4)}), (2, 3, 4)),
    Layer("layer_norm, not affine", ("LayerNorm", {"normalized_shape": 7, "elementwise_affine": False}), (2, 3, 7)),
    Layer("layer_norm, far from zero", ("LayerNorm", {"normalized_shape": 65}), (9, 65), draw="far from zero"),
    Layer("layer_norm, wide", ("LayerNorm", {"normalized_shape": 1023}), (7, 9, 1023)),
    Layer("rms_norm, batch of one", ("RMSNorm", {"normalized_shape": 5}), (1, 5)),
    Layer("rms_norm, single vector", ("RMSNorm", {"normalized_shape": 5}), (5,)),
    Layer("rms_norm, empty batch", ("RMSNorm", {"normalized_shape": (3, 4)}), (0, 3, 4)),
    Layer("rms_norm, not affine", ("RMSNorm", {"normalized_shape": 7, "elementwise_affine": False}), (2, 3, 7)),
    Layer("rms_norm, far from zero", ("RMSNorm", {"normalized_shape": 65}), (9, 65), draw="far from zero"),
    Layer("group_norm, batch of one", cases.group_norm(2, 4), (1, 4, 5)),
    Layer("group_norm, vectors", cases.group_norm(2, 10), (3, 10)),
    Layer("group_norm, empty batch", cases.group_norm(2, 4), (0, 4, 3)),
    Layer("group_norm, one group", cases.group_norm(1, 5), (2, 5, 3, 4)),
    Layer("group_norm, a channel each", cases.group_norm(5, 5), (2, 5, 3, 4)),
    Layer("group_norm, far from zero", cases.group_norm(3, 6), (4, 6, 9, 7), draw="far from zero"),
    Layer("batch_norm2d, one image", norm(2, 3), (1, 3, 5, 7)),
    Layer("batch_norm2d, 1×1 images", norm(2, 3, eps=0.1), (5, 3, 1, 1)),
    Layer("batch_norm2d, one value", norm(2, 3), (1, 3, 1, 1), train=False),
    Layer("batch_norm2d, not affine, options", norm(2, 4, affine=False, momentum=0.7, eps=0.01), (2, 4, 3, 5)),
    Layer("batch_norm2d, far from zero", norm(2, 3), (32, 3, 15, 17), draw="far from zero"),
    Layer("instance_norm2d, one image", cases.instance_norm(3), (1, 3, 5, 7)),
    Layer("instance_norm2d, empty batch", cases.instance_norm(3), (0, 3, 4, 2)),
    Layer("instance_norm2d, two values", cases.instance_norm(3, eps=0.1, affine=True), (2, 3, 1, 2)),
    Layer(
        "instance_norm2d, one value",
        cases.instance_norm(3, affine=True, track_running_stats=True),
        (2, 3, 1, 1),
        train=False,
    ),
    Layer(
        "instance_norm2d, running statistics, not affine",
        cases.instance_norm(3, momentum=1.0, track_running_stats=True),
        (5, 3, 3, 2),
    ),
    Layer(
        "instance_norm2d, far from zero",
        cases.instance_norm(3, affine=True, track_running_stats=True),
        (5, 3, 33, 31),
        draw="far from zero",
    ),
    Layer("conv2d, 1×1 image", conv(3, 2, 1), (2, 3, 1, 1)),
    Layer("conv2d, 1×1 image in padding", conv(2, 3, 3, padding=1), (1, 2, 1, 1)),
    Layer("conv2d, mostly padding", conv(2, 3, 3, padding=3, stride=2), (2, 2, 2, 1)),
    Layer("conv2d, as large as the image", conv(2, 3, (5, 4)), (3, 2, 5, 4)),
    Layer("conv2d, stride beyond the kernel", conv(2, 3, 2, stride=3), (2, 2, 9, 10)),
    Layer("conv2d, empty batch", conv(2, 3, 3), (0, 2, 5, 5)),
    Layer("conv2d, digits", conv(1, 8, 5, padding=2), (9, 1, 28, 28)),
    Layer("conv2d, many channels", conv(33, 17, 3, padding=1, bias=False), (3, 33, 9, 7)),
    Layer("conv2d, many images", conv(3, 5, 3, padding=1), (129, 3, 7, 5)),
    Layer("conv2d, wide and strided", conv(3, 5, (7, 5), stride=2, padding=(3, 2)), (65, 3, 11, 9)),
    Layer("conv2d, depthwise, many images", conv(6, 6, 3, padding=1, groups=6), (65, 6, 7, 5)),
    Layer("conv2d, depthwise, strided", conv(6, 12, 3, padding=1, stride=2, groups=6), (65, 6, 7, 5)),
    Layer("conv2d, 1×1, strided", conv(3, 5, 1, stride=2), (5, 3, 7, 6)),
    Layer("conv2d, patches", conv(3, 5, 4, stride=4), (5, 3, 9, 11)),
    Layer(
        "depthwise_separable_conv2d, strided",
        conv(3, 5, (3, 5), cases.SEPARABLE, stride=2, padding=(2, 1), dilation=2, bias=False, padding_mode="reflect"),
        (3, 3, 9, 11),
    ),
    Layer("depthwise_separable_conv2d, empty batch", conv(3, 5, 3, cases.SEPARABLE), (0, 3, 4, 5)),
    Layer("residual_block2d, more channels", cases.block(3, 5), (3, 3, 5, 7)),
    Layer("residual_block2d, stride alone", cases.block(3, 3, stride=2), (3, 3, 5, 7)),
    Layer("conv1d, empty batch", conv(2, 3, 3, "Conv1d"), (0, 2, 5)),
    Layer("conv1d, one element", conv(2, 3, 3, "Conv1d", padding=1), (1, 2, 1)),
    Layer("conv3d, volumes", conv(2, 3, 3, "Conv3d", padding=1), (33, 2, 3, 4, 5)),
    Layer("conv_transpose2d, empty batch", conv(2, 3, 2, "ConvTranspose2d", stride=2), (0, 2, 3, 3)),
    Layer("conv_transpose2d, 1×1 image", conv(2, 3, 3, "ConvTranspose2d"), (2, 2, 1, 1)),
    Layer("conv_transpose2d, many images", conv(3, 5, 4, "ConvTranspose2d", stride=2, padding=1), (65, 3, 7, 5)),
    Layer("avg_pool2d, divisor", pool(2, "AvgPool2d", divisor_override=3), (2, 3, 5, 4)),
    Layer("avg_pool2d, empty batch", pool(2, "AvgPool2d", padding=1), (0, 3, 5, 5)),
    Layer("lp_pool2d, sums", ("LPPool2d", {"norm_type": 1.0, "kernel_size": 2, "ceil_mode": True}), (2, 3, 5, 4)),
    Layer("lp_pool2d, windows of zero", ("LPPool2d", {"norm_type": 2.0, "kernel_size": 1}), (2, 3, 5, 4), "coarse"),
    Layer("max_pool2d, 1×1 window", pool(1), (2, 3, 3, 5)),
    Layer("max_pool2d, 1×1 image", pool(3, padding=1), (2, 3, 1, 1)),
    Layer("max_pool2d, as large as the image", pool((5, 3)), (1, 2, 5, 3)),
    Layer("max_pool2d, stride beyond the window", pool(2, stride=3), (2, 3, 9, 10)),
    Layer("max_pool2d, ties everywhere", pool((3, 2), stride=1), (2, 3, 7, 6), draw="coarse"),
    Layer("max_pool2d, empty batch", pool(2, padding=1), (0, 3, 5, 5)),
    Layer("max_pool2d, more places than a byte counts", pool(17, stride=3), (1, 2, 20, 23)),
    *(
        Layer(f"global_{kind.lower()}_pool{len(size)}d {keepdims} {n} {size}", spec, (n, 3, *size), draw="coarse")
        for kind in ("Avg", "Max")
        for size in ((1,), (7,), (1, 1), (5, 4), (19, 23))
        for n in (0, 1, 3)
        for keepdims in (True, False)
        for spec in [(f"Global{kind}Pool{len(size)}d", {"keepdims": keepdims})]
    ),
    *(
        Layer(f"adaptive_{kind.lower()}_pool2d {out} of {n} {size}", cases.adaptive(kind, *out), (n, 3, *size), draw)
        for kind, draw in (("Avg", "uniform"), ("Max", "coarse"))
        for out in ((1, 1), (2, 3), (7, 7), (None, 5), (4, None), (None, None), (12, 9))
        for n, size in ((0, (4, 5)), (1, (1, 1)), (2, (7, 6)), (3, (12, 9)), (1, (14, 35)), (2, (30, 23)))
    ),
    Layer("dropout2d, one image", ("Dropout2d", {"p": 0.9}), (1, 3, 5, 1), train=False),
    Layer("dropout2d, of nothing", ("Dropout2d", {"p": 0.0}), (3, 2, 4, 5)),
    Layer("dropout2d, of everything", ("Dropout2d", {"p": 1.0}), (3, 2, 4, 5)),
    Layer("zero_pad2d, nothing left", ("ZeroPad2d", {"padding": (-4, 3, 1, -2)}), (2, 3, 5, 4)),
    Layer("zero_pad2d, empty images", ("ZeroPad2d", {"padding": (1, 2, 0, 1)}), (2, 3, 0, 4)),
    *(
        Layer(f"{kind} {padding} around {n} {size}", (kind, {"padding": padding}), (n, 3, *size))
        for kind, paddings in {
            "ZeroPad2d": (0, 1, (2, 0, 7, 1), (0, -2, -1, 3)),
            "ReflectionPad2d": (0, 1, (3, 0, 0, 2), (3, 3, 2, 2)),
            "ReplicationPad2d": (0, 1, (3, 0, 0, 9), (7, 5, 3, 3)),
            "CircularPad2d": (0, 1, (4, 0, 0, 3), (4, 4, 3, 3)),
        }.items()
        for padding in paddings
        for n, size in ((0, (3, 4)), (1, (3, 4)), (3, (9, 11)))
    ),
    Layer("replication_pad2d, 1×1 images", ("ReplicationPad2d", {"padding": (2, 0, 1, 3)}), (2, 3, 1, 1)),
    Layer("circular_pad2d, 1×1 images", ("CircularPad2d", {"padding": (1, 0, 1, 1)}), (2, 3, 1, 1)),
    *(
        Layer(f"upsample {options} {to} of {n} {size}", ("Upsample", {**to, **options}), (n, 3, *size))
        for options in ({}, {"mode": "bilinear"}, {"mode": "bilinear", "align_corners": True})
        for to in (
            *({"size": size} for size in (1, (2, 3), (7, 11), (20, 18), 7, (14, 3))),
            *({"scale_factor": factor} for factor in (1, 2, (3, 2), (1.1, 2.2), (0.7, 1.7), 10 / 3, (1, 1.3))),
        )
        for n, size in ((0, (4, 5)), (1, (2, 2)), (2, (7, 7)), (3, (10, 9)), (1, (26, 41)))
    ),
    Layer("upsample, nearest where PyTorch's float32 decides", ("Upsample", {"size": (22, 46)}), (1, 2, 26, 14)),
    *(
        Layer(f"pixel_shuffle {r} {n} {size}", ("PixelShuffle", {"upscale_factor": r}), (n, c * r**2, *size))
        for r, c, n, size in (
            (1, 3, 2, (2, 3)),
            (3, 2, 1, (1, 1)),
            (4, 3, 5, (7, 9)),
        )  # torch has no gradient for n = 0
    ),
    *(
        Layer(f"pixel_unshuffle {r} {n} {size}", ("PixelUnshuffle", {"downscale_factor": r}), (n, 3, *size))
        for r, n, size in ((1, 2, (2, 3)), (3, 1, (3, 3)), (4, 5, (16, 20)))
    ),
    Layer("sequential, empty", ("Sequential", []), (2, 3)),
    Layer("sequential, one image", ("Sequential", cases.CNN[1][:5]), (1, 2, 4, 5)),
]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_outputs_gradients_and_statistics_are_pytorchs(case, dtype):
    ours = compare.layer_record(compare.Ours(), case, dtype)
    theirs = compare.layer_record(compare.Torch(), case, dtype)
    compare.assert_close(ours, theirs, compare.TOLERANCES["layers"][dtype])


@pytest.mark.parametrize(
    "case",
    [Layer("vectors", norm(1, 3), (1, 3)), Layer("images", norm(2, 3), (1, 3, 1, 1))],
    ids=lambda case: case.name,
)
@pytest.mark.parametrize("side", [compare.Ours(), compare.Torch()], ids=["ours", "torch"])
def test_batch_norm_refuses_to_train_on_one_value_per_channel(side, case):
    with pytest.raises(ValueError, match=r"more than (1|one) value per channel"):
        compare.layer_record(side, case, "float32")


@pytest.mark.parametrize("side", [compare.Ours(), compare.Torch()], ids=["ours", "torch"])
@pytest.mark.parametrize("train", [True, False])
def test_instance_norm_refuses_images_of_one_value_without_running_statistics(side, train):
    case = Layer("images", cases.instance_norm(3, affine=True), (2, 3, 1, 1), train=train)
    with pytest.raises(ValueError, match=r"more than (1 spatial element|one value per image and channel)"):
        compare.layer_record(side, case, "float32")


@pytest.mark.parametrize("kind", ["Avg", "Max"])
@pytest.mark.parametrize("size", [(4, 6), (5, 7)], ids=["even", "uneven"])
def test_pooled_values_are_not_finite_where_pytorchs_are_not(kind, size):
    x = np.zeros((2, 1, *size))
    x[0, 0, 0, 1], x[0, 0, 2, 3], x[1, 0, 3, 5] = np.nan, np.inf, -np.inf
    for spec in (cases.adaptive(kind, 2, 3), (f"Global{kind}Pool2d", {})):
        ours, theirs = (
            [side.forward(layer, x)[0], side.infer(layer.eval(), x)]
            for side in (compare.Ours(), compare.Torch())
            for layer in [side.layer(spec, "float64")]
        )
        np.testing.assert_array_equal(ours, theirs)


def test_gradients_of_adaptive_max_pooling_where_all_is_minus_infinity_are_pytorchs():
    x = np.full((2, 1, 5, 6), -np.inf)
    for spec in (cases.adaptive("Max", 1, 3), cases.adaptive("Max", 3, 4), ("GlobalMaxPool2d", {})):
        gradients = []
        for side in (compare.Ours(), compare.Torch()):
            y, backward = side.forward(side.layer(spec, "float64"), x)
            gradients.append(backward(np.arange(1.0, y.size + 1).reshape(y.shape)))
        np.testing.assert_array_equal(*gradients)


@pytest.mark.parametrize("options", [{}, {"stride": 1, "padding": (1, 2)}], ids=["no padding", "padding"])
def test_gradients_of_max_pooling_where_all_is_minus_infinity_are_pytorchs(options):
    x = np.full((2, 1, 5, 6), -np.inf)
    gradients = []
    for side in (compare.Ours(), compare.Torch()):
        y, backward = side.forward(side.layer(pool((3, 4), **options), "float64"), x)
        gradients.append(backward(np.arange(1.0, y.size + 1).reshape(y.shape)))
    np.testing.assert_array_equal(*gradients)


def refuses(side, spec, shape):
    try:
        side.infer(side.layer(spec, "float32"), np.zeros(shape, np.float32))
    except (ValueError, RuntimeError):
        return True
    return False


@pytest.mark.parametrize(
    ("kind", "least"),
    [("ZeroPad2d", 0), ("ZeroPad2d", -3), ("ReflectionPad2d", 0), ("ReplicationPad2d", 0), ("CircularPad2d", 0)],
)
def test_padding_is_refused_where_pytorch_refuses_it(kind, least):
    for size in ((2, 3), (1, 1), (0, 2)):
        for padding in np.ndindex(4, 2, 4, 2):
            spec, shape = (kind, {"padding": tuple(n + least for n in padding)}), (1, 1, *size)
            assert refuses(compare.Ours(), spec, shape) == refuses(compare.Torch(), spec, shape), (spec, size)


@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular"])
def test_padding_of_convolutions_is_refused_where_pytorch_refuses_it(mode):
    for size in np.ndindex(4, 4):
        for padding in np.ndindex(4, 4):
            spec, shape = conv(1, 1, 1, padding=padding, padding_mode=mode), (1, 1, *size)
            if 0 not in size:
                assert refuses(compare.Ours(), spec, shape) == refuses(compare.Torch(), spec, shape), (spec, size)


@pytest.mark.parametrize("align", [{}, {"align_corners": True}], ids=["borders", "corners"])
@pytest.mark.parametrize("to", [{"size": (9, 4)}, {"scale_factor": 2}, {"scale_factor": (0.6, 1.5)}], ids=str)
def test_interpolated_values_are_not_finite_where_pytorchs_are_not(align, to):
    x = np.zeros((2, 1, 5, 6))
    x[0, 0, 0, 1], x[0, 0, 2, 3], x[1, 0, 3, 5] = np.nan, np.inf, -np.inf
    for options in ({}, {"mode": "bilinear", **align}):
        sides = (compare.Ours(), compare.Torch())
        with np.errstate(invalid="ignore"):  # 0 · ∞
            ys = [side.infer(side.layer(("Upsample", {**to, **options}), "float64"), x) for side in sides]
        np.testing.assert_array_equal(*ys)


def named(spec):
    """Yield the names of the classes in a specification."""
    name, given, *_ = spec
    yield name
    for part in given if isinstance(given, list) else []:
        yield from named(part)


def test_no_layer_is_left_out():
    names = {component.target.partition(":")[2] for component in components("layer")}
    assert names <= {name for case in CASES for name in named(case.spec)}
