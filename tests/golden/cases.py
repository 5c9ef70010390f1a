"""What is compared with PyTorch: tables of plain data, which name classes and arguments as both sides do.

``("Conv2d", {"in_channels": 3, "out_channels": 4, "kernel_size": 3})`` builds `nn_layers_conv.Conv2d` here and
`torch.nn.Conv2d` there. This module needs neither side; `compare.py` runs the rows. After a change to a row run
``python tests/golden/make.py``.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

Spec = tuple[str, Any]
"""(class name, keyword arguments), or ("Sequential", the parts)."""


class Layer(NamedTuple):
    """A layer and the shape of its input; `draw` names how the input is drawn (`compare.DRAWS`)."""

    name: str
    spec: Spec
    shape: tuple[int, ...]
    draw: str = "uniform"
    train: bool = True
    """False where training is random (dropout) or an error (batch norm of one value)."""


class Loss(NamedTuple):
    """A loss, the shape of its predictions and how large they are; `target` is a key of `compare.TARGETS`."""

    name: str
    spec: Spec
    shape: tuple[int, ...]
    target: str = "indices"
    weighted: bool = False
    scale: float = 1.0


class Optimizer(NamedTuple):
    """An optimizer over five parameters; `groups` gives options to every n-th of them."""

    name: str
    spec: Spec
    groups: tuple[dict[str, Any], ...] = ({},)
    frozen: tuple[int, ...] = ()
    """Parameters that are not trained."""
    sparse: tuple[int, ...] = ()
    """Parameters that get a gradient only in every third step."""


def conv(in_channels: int, out_channels: int, kernel_size: Any, **options: Any) -> Spec:
    return "Conv2d", {"in_channels": in_channels, "out_channels": out_channels, "kernel_size": kernel_size, **options}


def linear(in_features: int, out_features: int, **options: Any) -> Spec:
    return "Linear", {"in_features": in_features, "out_features": out_features, **options}


def pool(kernel_size: Any, **options: Any) -> Spec:
    return "MaxPool2d", {"kernel_size": kernel_size, **options}


def norm(dims: int, num_features: int, **options: Any) -> Spec:
    return f"BatchNorm{dims}d", {"num_features": num_features, **options}


CNN: Spec = (
    "Sequential",
    [
        conv(2, 3, 3, padding=1, bias=False),  # before batch norm a bias would have a gradient of rounding errors only
        norm(2, 3),
        ("ReLU", {}),
        pool(2),
        ("Flatten", {}),
        linear(12, 4, bias=False),
        norm(1, 4),
        ("ReLU", {}),
        linear(4, 3),
    ],
)

LAYERS = [
    Layer("linear", linear(4, 3), (5, 4)),
    Layer("linear, no bias", linear(4, 3, bias=False), (2, 3, 4)),
    Layer("relu", ("ReLU", {}), (3, 2, 5), draw="coarse"),
    Layer("flatten", ("Flatten", {}), (2, 3, 2, 3)),
    Layer("flatten, middle axes", ("Flatten", {"start_dim": 1, "end_dim": 2}), (2, 3, 2, 3)),
    Layer("dropout", ("Dropout", {"p": 0.4}), (3, 5), train=False),
    Layer("batch_norm1d", norm(1, 4), (6, 4)),
    Layer("batch_norm1d, sequences", norm(1, 3, momentum=0.3, eps=1e-3), (2, 3, 5)),
    Layer("batch_norm2d", norm(2, 3), (3, 3, 2, 3)),
    Layer("batch_norm2d, not affine", norm(2, 2, affine=False), (2, 2, 3, 3)),
    Layer("conv2d", conv(2, 3, 3), (2, 2, 5, 4)),
    Layer("conv2d, padding", conv(2, 2, 3, padding=1, bias=False), (2, 2, 3, 4)),
    Layer("conv2d, stride", conv(2, 3, (3, 2), stride=(2, 3), padding=(0, 1)), (2, 2, 6, 5)),
    Layer("max_pool2d", pool(2), (2, 2, 4, 6)),
    Layer("max_pool2d, overlapping", pool(3, stride=1, padding=1), (2, 2, 4, 3)),
    Layer("max_pool2d, rest left over", pool((2, 3), stride=(3, 2)), (1, 2, 7, 6)),
    Layer("max_pool2d, ties", pool(3, stride=2, padding=1), (2, 2, 5, 5), draw="coarse"),
    Layer("sequential", CNN, (3, 2, 4, 5)),
]

LOSSES = [
    Loss("cross_entropy", ("CrossEntropyLoss", {}), (6, 4)),
    Loss("cross_entropy, sum", ("CrossEntropyLoss", {"reduction": "sum"}), (6, 4)),
    Loss("cross_entropy, none", ("CrossEntropyLoss", {"reduction": "none"}), (6, 4)),
    Loss("cross_entropy, one-hot", ("CrossEntropyLoss", {}), (6, 4), "one_hot"),
    Loss("cross_entropy, probabilities", ("CrossEntropyLoss", {}), (5, 3), "probabilities"),
    Loss("cross_entropy, weighted", ("CrossEntropyLoss", {}), (6, 4), weighted=True),
    Loss("cross_entropy, large logits", ("CrossEntropyLoss", {}), (6, 4), scale=1e4),
]

OPTIMIZERS = [
    Optimizer("sgd", ("SGD", {"lr": 0.01})),
    Optimizer("sgd, momentum", ("SGD", {"lr": 0.01, "momentum": 0.9})),
    Optimizer("sgd, momentum and decay", ("SGD", {"lr": 0.01, "momentum": 0.9, "weight_decay": 0.1})),
    Optimizer(
        "sgd, groups",
        ("SGD", {"lr": 0.01, "momentum": 0.5}),
        groups=({"lr": 0.1}, {"weight_decay": 0.1, "momentum": 0.0}),
        frozen=(1,),
        sparse=(2, 3),
    ),
    Optimizer("adam", ("Adam", {})),
    Optimizer("adam, options", ("Adam", {"lr": 0.01, "betas": (0.7, 0.95), "eps": 1e-3, "weight_decay": 0.1})),
    Optimizer(
        "adam, groups",
        ("Adam", {"lr": 0.01}),
        groups=({"betas": (0.5, 0.9)}, {"lr": 0.001, "weight_decay": 0.1}, {"eps": 0.1}),
        frozen=(1,),
        sparse=(2, 3),
    ),
]

TABLES: dict[str, list[Any]] = {"layers": LAYERS, "losses": LOSSES, "optimizers": OPTIMIZERS}


def random_geometries(count: int, seed: int = 0) -> list[Layer]:
    """Return convolutions and poolings, `count` of each, whose strides and paddings rarely divide evenly."""
    random = np.random.RandomState(seed)

    def draw(low: int, high: int) -> int:
        return int(random.randint(low, high + 1))

    cases = []
    for i in range(2 * count):
        n, c, kernel_size, stride = draw(1, 3), draw(1, 4), (draw(1, 5), draw(1, 5)), (draw(1, 4), draw(1, 4))
        padding = tuple(draw(0, size // 2) for size in kernel_size)
        height, width = (
            max(1, size - 2 * margin) + draw(0, 7) for size, margin in zip(kernel_size, padding, strict=True)
        )
        options = {"stride": stride, "padding": padding}
        place = f"{kernel_size}, stride {stride}, padding {padding} on {n}×{c}×{height}×{width}"
        if i % 2:
            cases.append(Layer(f"max_pool2d {place}", pool(kernel_size, **options), (n, c, height, width)))
        else:
            spec = conv(c, draw(1, 5), kernel_size, bias=bool(draw(0, 1)), **options)
            cases.append(Layer(f"conv2d {place}", spec, (n, c, height, width)))
    return cases
