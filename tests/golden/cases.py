"""What is compared with PyTorch: tables of plain data, which name classes and arguments as both sides do.

``("Conv2d", {"in_channels": 3, "out_channels": 4, "kernel_size": 3})`` builds `nn_layers_conv.Conv2d` here and
`torch.nn.Conv2d` there. This module needs neither side; `compare.py` runs the rows. After a change to a row run
``python tests/golden/make.py``.
"""

from __future__ import annotations

from typing import Any, NamedTuple

Spec = tuple[Any, ...]
"""(class name, keyword arguments), or (name of a container, the parts, and perhaps its keyword arguments)."""


class Layer(NamedTuple):
    """A layer and the shape of its input; `draw` names how the input is drawn (`compare.DRAWS`)."""

    name: str
    spec: Spec
    shape: tuple[int, ...]
    draw: str = "uniform"
    train: bool = True
    """False where training is random (dropout) or an error (batch norm of one value)."""


class Loss(NamedTuple):
    """A loss, the shape of its predictions and how large they are.

    `draw` and `target` are keys of `compare.PREDICTIONS` and `compare.TARGETS`. Lists among the options are arrays.
    """

    name: str
    spec: Spec
    shape: tuple[int, ...]
    target: str = "indices"
    weighted: bool = False
    scale: float = 1.0
    draw: str = "values"


class Optimizer(NamedTuple):
    """An optimizer over five parameters; `groups` gives options to every n-th of them."""

    name: str
    spec: Spec
    groups: tuple[dict[str, Any], ...] = ({},)
    frozen: tuple[int, ...] = ()
    """Parameters that are not trained."""
    sparse: tuple[int, ...] = ()
    """Parameters that get a gradient only in every third step."""


class Operation(NamedTuple):
    """An operation as an expression of `a`, `b`, `c`, in the names of `nn_core.functional` and in those of `torch`."""

    ours: str
    theirs: str
    """Here `F` is `torch.nn.functional`; empty: the same as ours."""
    shapes: tuple[tuple[int, ...], ...] = ((3, 4),)
    draw: str = "uniform"

    @property
    def name(self) -> str:
        shapes = ", ".join(str(shape) for shape in self.shapes)
        return f"{self.ours}, {self.draw}, {shapes}"


def conv(in_channels: int, out_channels: int, kernel_size: Any, name: str = "Conv2d", **options: Any) -> Spec:
    return name, {"in_channels": in_channels, "out_channels": out_channels, "kernel_size": kernel_size, **options}


SEPARABLE = "DepthwiseSeparableConv2d"


def block(in_channels: int, out_channels: int, **options: Any) -> Spec:
    return "ResidualBlock2d", {"in_channels": in_channels, "out_channels": out_channels, **options}


def linear(in_features: int, out_features: int, **options: Any) -> Spec:
    return "Linear", {"in_features": in_features, "out_features": out_features, **options}


def pool(kernel_size: Any, name: str = "MaxPool2d", **options: Any) -> Spec:
    return name, {"kernel_size": kernel_size, **options}


def embedding(num_embeddings: int, embedding_dim: int, **options: Any) -> Spec:
    return "Embedding", {"num_embeddings": num_embeddings, "embedding_dim": embedding_dim, **options}


def group_norm(num_groups: int, num_channels: int, **options: Any) -> Spec:
    return "GroupNorm", {"num_groups": num_groups, "num_channels": num_channels, **options}


def norm(dims: int, num_features: int, **options: Any) -> Spec:
    return f"BatchNorm{dims}d", {"num_features": num_features, **options}


def instance_norm(num_features: int, **options: Any) -> Spec:
    return "InstanceNorm2d", {"num_features": num_features, **options}


def adaptive(kind: str, *output_size: Any) -> Spec:
    return f"Adaptive{kind}Pool2d", {"output_size": output_size}


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
    Layer("dense", ("Dense", {"in_features": 4, "out_features": 3, "activation": "tanh"}), (2, 3, 4)),
    Layer("dense, no bias", ("Dense", {"in_features": 4, "out_features": 3, "use_bias": False}), (5, 4)),
    Layer("embedding", embedding(5, 3), (4, 2), draw="indices"),
    Layer("embedding, padding", embedding(5, 3, padding_idx=-2), (3, 2, 4), draw="indices"),
    Layer("identity", ("Identity", {}), (3, 2)),
    Layer("activation", ("Activation", {"name": "sigmoid"}), (3, 4)),
    Layer("relu", ("ReLU", {}), (3, 2, 5), draw="coarse"),
    Layer("leaky_relu", ("LeakyReLU", {"negative_slope": 0.2}), (3, 4), draw="coarse"),
    Layer("prelu", ("PReLU", {}), (3, 4), draw="coarse"),
    Layer("prelu, channels", ("PReLU", {"num_parameters": 3}), (2, 3, 2), draw="coarse"),
    Layer("elu", ("ELU", {"alpha": 1.5}), (3, 4), draw="coarse"),
    Layer("selu", ("SELU", {}), (3, 4), draw="coarse"),
    Layer("gelu", ("GELU", {}), (3, 4)),
    Layer("gelu, tanh", ("GELU", {"approximate": "tanh"}), (3, 4)),
    Layer("silu", ("SiLU", {}), (3, 4)),
    Layer("softplus", ("Softplus", {}), (3, 4)),
    Layer("softplus, partly linear", ("Softplus", {"beta": 2.0, "threshold": 1.0}), (3, 4)),
    Layer("sigmoid", ("Sigmoid", {}), (3, 4)),
    Layer("hard_sigmoid", ("Hardsigmoid", {}), (3, 4)),
    Layer("tanh", ("Tanh", {}), (3, 4)),
    Layer("softmax", ("Softmax", {"dim": -1}), (3, 4)),
    Layer("softmax, channels", ("Softmax", {"dim": 1}), (2, 3, 2)),
    Layer("log_softmax", ("LogSoftmax", {"dim": -1}), (3, 4)),
    Layer("flatten", ("Flatten", {}), (2, 3, 2, 3)),
    Layer("flatten, middle axes", ("Flatten", {"start_dim": 1, "end_dim": 2}), (2, 3, 2, 3)),
    Layer("unflatten", ("Unflatten", {"dim": -2, "unflattened_size": (2, -1)}), (2, 6, 3)),
    Layer("reshape", ("Reshape", {"shape": (3, -1)}), (2, 6, 2)),
    Layer("dropout", ("Dropout", {"p": 0.4}), (3, 5), train=False),
    Layer("batch_norm1d", norm(1, 4), (6, 4)),
    Layer("batch_norm1d, sequences", norm(1, 3, momentum=0.3, eps=1e-3), (2, 3, 5)),
    Layer("batch_norm2d", norm(2, 3), (3, 3, 2, 3)),
    Layer("batch_norm2d, not affine", norm(2, 2, affine=False), (2, 2, 3, 3)),
    Layer("instance_norm2d", instance_norm(3), (2, 3, 2, 3)),
    Layer("instance_norm2d, affine", instance_norm(2, eps=0.1, affine=True), (2, 2, 3, 2)),
    Layer(
        "instance_norm2d, running statistics",
        instance_norm(2, momentum=0.3, affine=True, track_running_stats=True),
        (3, 2, 2, 3),
    ),
    Layer("layer_norm", ("LayerNorm", {"normalized_shape": 5}), (3, 5)),
    Layer("layer_norm, two axes", ("LayerNorm", {"normalized_shape": (2, 3), "eps": 0.1, "bias": False}), (2, 3, 2, 3)),
    Layer("rms_norm", ("RMSNorm", {"normalized_shape": 5}), (3, 2, 5)),
    Layer("rms_norm, two axes", ("RMSNorm", {"normalized_shape": (2, 3), "eps": 0.1}), (3, 2, 3)),
    Layer("group_norm", group_norm(2, 4), (2, 4, 3)),
    Layer("group_norm, not affine", group_norm(2, 6, eps=0.1, affine=False), (2, 6, 2, 2)),
    Layer("conv2d", conv(2, 3, 3), (2, 2, 5, 4)),
    Layer("conv2d, padding", conv(2, 2, 3, padding=1, bias=False), (2, 2, 3, 4)),
    Layer("conv2d, stride", conv(2, 3, (3, 2), stride=(2, 3), padding=(0, 1)), (2, 2, 6, 5)),
    Layer("conv2d, dilation and groups", conv(4, 2, (2, 3), groups=2, dilation=(2, 1), padding=1), (2, 4, 5, 4)),
    Layer("conv2d, depthwise", conv(3, 6, 3, groups=3, padding=1, bias=False), (2, 3, 4, 3)),
    Layer("conv2d, same", conv(2, 2, (2, 3), padding="same", dilation=2), (2, 2, 3, 4)),
    Layer("conv2d, reflect", conv(2, 2, 3, padding=(2, 1), padding_mode="reflect"), (2, 2, 3, 4)),
    Layer("conv2d, replicate", conv(2, 2, 3, padding=(2, 1), padding_mode="replicate", stride=2), (2, 2, 3, 4)),
    Layer("conv2d, circular", conv(2, 2, 3, padding=(2, 1), padding_mode="circular"), (2, 2, 3, 4)),
    Layer("conv1d", conv(2, 3, 3, "Conv1d", padding=1, stride=2), (2, 2, 7)),
    Layer("conv1d, valid, dilation", conv(2, 2, 2, "Conv1d", padding="valid", dilation=3, groups=2), (2, 2, 7)),
    Layer("conv1d, reflect", conv(1, 2, 3, "Conv1d", padding=2, padding_mode="reflect"), (2, 1, 4)),
    Layer("conv3d", conv(1, 2, (2, 1, 2), "Conv3d", padding=(1, 0, 1), stride=(2, 1, 1)), (2, 1, 3, 2, 3)),
    Layer("conv_transpose1d", conv(2, 3, 3, "ConvTranspose1d", stride=2, padding=1, output_padding=1), (2, 2, 4)),
    Layer("conv_transpose2d", conv(2, 3, (3, 2), "ConvTranspose2d", stride=(2, 1), padding=(1, 0)), (2, 2, 3, 3)),
    Layer(
        "conv_transpose2d, groups and dilation",
        conv(4, 2, 2, "ConvTranspose2d", groups=2, dilation=(2, 1), stride=2, bias=False, output_padding=1),
        (2, 4, 2, 3),
    ),
    Layer("depthwise_separable_conv2d", conv(2, 3, 3, SEPARABLE, padding=1), (1, 2, 3, 2)),
    Layer("residual_block2d", block(2, 2), (2, 2, 2, 2)),
    Layer("residual_block2d, downsampling", block(2, 2, stride=2), (2, 2, 3, 4)),
    Layer("max_pool1d", pool(3, "MaxPool1d", stride=2, padding=1), (2, 2, 7), draw="coarse"),
    Layer("max_pool2d", pool(2), (2, 2, 4, 6)),
    Layer("max_pool2d, dilation", pool(2, stride=1, dilation=(2, 3), padding=1), (2, 2, 4, 5)),
    Layer("max_pool2d, ceil", pool(2, ceil_mode=True), (2, 2, 5, 3), draw="coarse"),
    Layer("max_pool3d", pool(2, "MaxPool3d", padding=1), (2, 1, 3, 2, 3), draw="coarse"),
    Layer("avg_pool1d", pool(3, "AvgPool1d", stride=2, padding=1), (2, 2, 7)),
    Layer("avg_pool2d", pool((2, 3), "AvgPool2d", stride=1, padding=1), (2, 2, 3, 4)),
    Layer("avg_pool2d, ceil", pool(2, "AvgPool2d", padding=1, ceil_mode=True, count_include_pad=False), (2, 2, 4, 5)),
    Layer("lp_pool2d", ("LPPool2d", {"norm_type": 2.0, "kernel_size": 2}), (2, 2, 4, 5)),
    Layer(
        "lp_pool2d, cubes",
        ("LPPool2d", {"norm_type": 3.0, "kernel_size": (2, 3), "stride": 1}),
        (2, 1, 3, 4),
        "positive",
    ),
    Layer("max_pool2d, overlapping", pool(3, stride=1, padding=1), (2, 2, 4, 3)),
    Layer("max_pool2d, rest left over", pool((2, 3), stride=(3, 2)), (1, 2, 7, 6)),
    Layer("max_pool2d, ties", pool(3, stride=2, padding=1), (2, 2, 5, 5), draw="coarse"),
    Layer("global_avg_pool1d", ("GlobalAvgPool1d", {}), (2, 3, 5)),
    Layer("global_avg_pool1d, flat", ("GlobalAvgPool1d", {"keepdims": False}), (2, 3, 4)),
    Layer("global_avg_pool2d", ("GlobalAvgPool2d", {}), (2, 3, 2, 3)),
    Layer("global_avg_pool2d, flat", ("GlobalAvgPool2d", {"keepdims": False}), (2, 2, 3, 2)),
    Layer("global_max_pool1d", ("GlobalMaxPool1d", {}), (2, 3, 9), draw="coarse"),
    Layer("global_max_pool1d, flat", ("GlobalMaxPool1d", {"keepdims": False}), (2, 3, 5)),
    Layer("global_max_pool2d", ("GlobalMaxPool2d", {}), (2, 3, 3, 4), draw="coarse"),
    Layer("global_max_pool2d, flat", ("GlobalMaxPool2d", {"keepdims": False}), (2, 2, 2, 3)),
    Layer("adaptive_avg_pool2d", adaptive("Avg", 2, 3), (2, 2, 4, 5)),
    Layer("adaptive_avg_pool2d, larger", adaptive("Avg", 3, None), (2, 2, 2, 3)),
    Layer("adaptive_max_pool2d", adaptive("Max", 2, 3), (2, 2, 4, 5), draw="coarse"),
    Layer("adaptive_max_pool2d, even", adaptive("Max", 2, 1), (2, 2, 4, 3), draw="coarse"),
    Layer("dropout2d", ("Dropout2d", {"p": 0.4}), (2, 2, 2, 1), train=False),
    Layer("zero_pad2d", ("ZeroPad2d", {"padding": (1, 0, 2, 1)}), (1, 2, 2, 3)),
    Layer("zero_pad2d, cropping", ("ZeroPad2d", {"padding": (-1, 2, 0, -1)}), (1, 2, 3, 2)),
    Layer("reflection_pad2d", ("ReflectionPad2d", {"padding": (2, 1, 0, 1)}), (1, 2, 2, 3)),
    Layer("replication_pad2d", ("ReplicationPad2d", {"padding": (3, 1, 0, 2)}), (1, 2, 2, 3)),
    Layer("circular_pad2d", ("CircularPad2d", {"padding": (3, 1, 0, 2)}), (1, 2, 2, 3)),
    Layer("upsample", ("Upsample", {"scale_factor": 2}), (1, 2, 2, 3)),
    Layer("upsample, nearest to a size", ("Upsample", {"size": (5, 2)}), (1, 2, 3, 4)),
    Layer("upsample, bilinear", ("Upsample", {"scale_factor": (2.5, 1.5), "mode": "bilinear"}), (1, 2, 2, 3)),
    Layer(
        "upsample, corners aligned",
        ("Upsample", {"size": (3, 4), "mode": "bilinear", "align_corners": True}),
        (1, 2, 2, 3),
    ),
    Layer("pixel_shuffle", ("PixelShuffle", {"upscale_factor": 2}), (1, 8, 2, 1)),
    Layer("pixel_unshuffle", ("PixelUnshuffle", {"downscale_factor": 2}), (1, 2, 2, 4)),
    Layer("sequential", CNN, (3, 2, 4, 5)),
    Layer("residual", ("Residual", [linear(4, 5), ("Tanh", {}), linear(5, 4)]), (3, 4)),
    Layer("residual of nothing", ("Residual", []), (3, 4)),
    Layer("parallel", ("Parallel", [linear(4, 3), ("Sequential", [linear(4, 3), ("ReLU", {})])]), (5, 4)),
    Layer("parallel, mean", ("Parallel", [linear(4, 4), ("Identity", {})], {"merge": "mean"}), (5, 4)),
    Layer("parallel, joined", ("Parallel", [linear(4, 3), linear(4, 2)], {"merge": "concat", "axis": -1}), (2, 3, 4)),
]

CLASS_WEIGHTS = [0.5, 2.0, 1.0, 0.25]

LOSSES = [
    Loss("cross_entropy", ("CrossEntropyLoss", {}), (6, 4)),
    Loss("cross_entropy, sum", ("CrossEntropyLoss", {"reduction": "sum"}), (6, 4)),
    Loss("cross_entropy, none", ("CrossEntropyLoss", {"reduction": "none"}), (6, 4)),
    Loss("cross_entropy, one-hot", ("CrossEntropyLoss", {}), (6, 4), "one_hot"),
    Loss("cross_entropy, probabilities", ("CrossEntropyLoss", {}), (5, 3), "probabilities"),
    Loss("cross_entropy, weighted", ("CrossEntropyLoss", {}), (6, 4), weighted=True),
    Loss("cross_entropy, large logits", ("CrossEntropyLoss", {}), (6, 4), scale=1e4),
    Loss("cross_entropy, images", ("CrossEntropyLoss", {"ignore_index": 1}), (3, 4, 2, 3)),
    Loss(
        "cross_entropy, everything",
        ("CrossEntropyLoss", {"weight": CLASS_WEIGHTS, "ignore_index": 2, "label_smoothing": 0.25}),
        (8, 4),
        weighted=True,
    ),
    Loss(
        "cross_entropy, class weights and probabilities",
        ("CrossEntropyLoss", {"weight": CLASS_WEIGHTS, "label_smoothing": 0.25}),
        (6, 4),
        "probabilities",
    ),
    Loss("nll", ("NLLLoss", {"weight": CLASS_WEIGHTS, "ignore_index": 2}), (8, 4), draw="log-probabilities"),
    Loss("mse", ("MSELoss", {}), (4, 3), "values"),
    Loss("mse, weighted", ("MSELoss", {"reduction": "none"}), (4, 3), "values", weighted=True),
    Loss("l1", ("L1Loss", {}), (4, 3), "coarse", draw="coarse"),
    Loss("huber", ("HuberLoss", {"delta": 0.5}), (4, 3), "coarse", draw="coarse"),
    Loss("smooth_l1", ("SmoothL1Loss", {"beta": 2.0}), (4, 3), "coarse", draw="coarse"),
    Loss("bce", ("BCELoss", {}), (4, 3), "shares", draw="probabilities"),
    Loss("bce_with_logits", ("BCEWithLogitsLoss", {"pos_weight": [0.5, 2.0, 4.0]}), (4, 3), "shares", scale=10.0),
    Loss("bce_with_logits, large logits", ("BCEWithLogitsLoss", {}), (4, 3), "bits", scale=1e4),
    Loss("kl_div", ("KLDivLoss", {"reduction": "batchmean"}), (4, 3), "probabilities", draw="log-probabilities"),
    Loss(
        "kl_div, logarithms",
        ("KLDivLoss", {"log_target": True, "reduction": "sum"}),
        (4, 3),
        "log-probabilities",
        draw="log-probabilities",
    ),
    Loss("hinge_embedding", ("HingeEmbeddingLoss", {}), (4, 3), "signs", draw="coarse"),
    Loss("margin_ranking", ("MarginRankingLoss", {"margin": 0.5}), (6,), "signs", draw="coarse pair"),
    Loss("cosine_embedding", ("CosineEmbeddingLoss", {"margin": 0.25}), (6, 3), "sign of each", draw="pair"),
]

MIXED = ({"lr": 0.02}, {"weight_decay": 0.1}), (1,), (2, 3)
"""Groups, frozen parameters and those that seldom get a gradient."""

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
    Optimizer("sgd, nesterov", ("SGD", {"lr": 0.01, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01})),
    Optimizer("adamw, groups", ("AdamW", {"lr": 0.01}), *MIXED),
    Optimizer("nadam, groups", ("NAdam", {}), *MIXED),
    Optimizer("radam, groups", ("RAdam", {}), *MIXED),
    Optimizer("adamax, groups", ("Adamax", {}), *MIXED),
    Optimizer("rmsprop, groups", ("RMSprop", {"momentum": 0.9, "centered": True, "lr": 1e-3}), *MIXED),
    Optimizer("adagrad, groups", ("Adagrad", {"lr_decay": 0.01}), *MIXED),
    Optimizer("adadelta, groups", ("Adadelta", {}), *MIXED),
]

PAIR, CUBE = ((2, 3), (3,)), ((2, 3, 4),)

OPERATIONS = [
    Operation("add(a, b)", "", PAIR),
    Operation("subtract(a, b)", "", ((2, 1), (1, 3))),
    Operation("multiply(a, b)", "", ((3,), (2, 1, 1))),
    Operation("divide(a, b)", "", PAIR, "positive"),
    Operation("power(a, b)", "pow(a, b)", PAIR, "positive"),
    Operation("power(a, 3)", "pow(a, 3)"),
    Operation("power(a, 0)", "pow(a, 0)"),
    Operation("power(a, -0.5)", "pow(a, -0.5)", draw="positive"),
    Operation("power(2, a)", "pow(2, a)"),
    Operation("power(0, a)", "pow(0, a)", draw="positive"),
    Operation("maximum(a, b)", "", PAIR, "coarse"),
    Operation("minimum(a, b)", "", PAIR, "coarse"),
    Operation("where(a > b, a, c)", "", ((2, 3), (3,), ())),
    Operation("negative(a)", ""),
    Operation("equal(a, b)", "eq(a, b)", PAIR, "coarse"),
    Operation("not_equal(a, b)", "", PAIR, "coarse"),
    Operation("less(a, b)", "", PAIR, "coarse"),
    Operation("less_equal(a, b)", "", PAIR, "coarse"),
    Operation("greater(a, b)", "", PAIR, "coarse"),
    Operation("greater_equal(a, b)", "", PAIR, "coarse"),
    Operation("abs(a)", "", draw="coarse"),
    Operation("clip(a, -1, 0.5)", "", draw="coarse"),
    Operation("clip(a, max=1)", "", draw="coarse"),
    Operation("cos(a)", ""),
    Operation("erf(a)", ""),
    Operation("exp(a)", ""),
    Operation("log(a)", "", draw="positive"),
    Operation("sin(a)", ""),
    Operation("sqrt(a)", "", draw="positive"),
    Operation("square(a)", ""),
    Operation("tanh(a)", ""),
    Operation("elu(a, alpha=0.7)", "F.elu(a, alpha=0.7)"),
    Operation("gelu(a)", "F.gelu(a)"),
    Operation("gelu(a, approximate='tanh')", "F.gelu(a, approximate='tanh')"),
    Operation("hard_sigmoid(a)", "F.hardsigmoid(a)", draw="far from zero"),
    Operation("leaky_relu(a, 0.1)", "F.leaky_relu(a, 0.1)", draw="coarse"),
    Operation("log_softmax(a, axis=0)", "log_softmax(a, 0)"),
    Operation("relu(a)", "", draw="coarse"),
    Operation("selu(a)", ""),
    Operation("sigmoid(a)", ""),
    Operation("silu(a)", "F.silu(a)"),
    Operation("softmax(a, axis=1)", "softmax(a, 1)"),
    Operation("softplus(a, beta=2)", "F.softplus(a, beta=2)"),
    Operation("sum(a)", ""),
    Operation("sum(a, axis=(0, -1), keepdims=True)", "", CUBE),
    Operation("mean(a)", ""),
    Operation("mean(a, axis=1)", "", CUBE),
    Operation("var(a, axis=1)", "var(a, 1, correction=0)", CUBE),
    Operation("var(a, unbiased=True)", ""),
    Operation("std(a, axis=(0, 2), keepdims=True)", "std(a, (0, 2), correction=0, keepdim=True)", CUBE),
    Operation("std(a, axis=-1, correction=1)", "std(a, -1)"),
    Operation("std(a, axis=1)", "std(a, 1, correction=0)", ((3, 1),)),
    Operation("max(a, axis=(0, 1))", "amax(a, (0, 1))", CUBE, "coarse"),
    Operation("max(a)", "amax(a)"),
    Operation("min(a, axis=1, keepdims=True)", "amin(a, 1, keepdim=True)", CUBE, "coarse"),
    Operation("prod(a)", ""),
    Operation("prod(a, axis=1)", "", ((4, 3),), "coarse"),
    Operation("prod(a, axis=(2, 0))", "prod(prod(a, 2), 0)", CUBE),
    Operation("logsumexp(a, axis=1)", "logsumexp(a, 1)", CUBE),
    Operation("logsumexp(100 * a)", "logsumexp(100 * a, (0, 1))"),
    Operation("argmax(a, axis=1)", "", ((3, 4),), "coarse"),
    Operation("argmin(a)", ""),
    Operation("all(a, axis=1)", "", draw="coarse"),
    Operation("any(a, axis=1)", "", ((3, 1),), "coarse"),
    Operation("matmul(a, b)", "", ((2, 3), (3, 4))),
    Operation("matmul(a, b)", "", ((3,), (3,))),
    Operation("matmul(a, b)", "", ((3,), (2, 3, 2))),
    Operation("matmul(a, b)", "", ((2, 1, 2, 3), (3, 3, 1))),
    Operation("dot(a, b)", "matmul(a, b)", ((2, 3), (3,))),
    Operation("outer(a, b)", "", ((2,), (3,))),
    Operation("einsum('ij,jk->ik', a, b)", "", ((2, 3), (3, 4))),
    Operation("einsum('ii', a)", "", ((3, 3),)),
    Operation("einsum('...ij,...j,kj->k...i', a, b, c)", "", ((2, 2, 3), (1, 3), (2, 3))),
    Operation("reshape(a, (3, -1))", "", CUBE),
    Operation("ravel(a)", ""),
    Operation("flatten(a, 1)", "", CUBE),
    Operation("transpose(a)", "permute(a, (2, 1, 0))", CUBE),
    Operation("transpose(a, (1, 2, 0))", "permute(a, (1, 2, 0))", CUBE),
    Operation("permute(a, (2, 0, -2))", "", CUBE),
    Operation("swapaxes(a, 0, -1)", "", CUBE),
    Operation("moveaxis(a, (0, 1), (-1, 0))", "", CUBE),
    Operation("squeeze(a, 1)", "", ((2, 1, 1),)),
    Operation("squeeze(a)", "", ((1, 2, 1),)),
    Operation("unsqueeze(a, -2)", ""),
    Operation("expand_dims(a, 1)", "unsqueeze(a, 1)"),
    Operation("expand(a, (2, -1, 3))", "a.expand(2, -1, 3)", ((2, 1),)),
    Operation("broadcast_to(a, (2, 2, 3))", "", ((2, 1),)),
    Operation("getitem(a, (slice(1, None), slice(None, None, 2)))", "a[1:, ::2]"),
    Operation("a[..., None, -1]", "", CUBE),
    Operation("a[::-1]", "flip(a, (0,))"),
    Operation("a[[2, 0, 2]]", ""),
    Operation("a[:, [0, 0, 3, -4]]", ""),
    Operation("a[[0, 1, 0], 1:, [2, 2, 2]]", "", CUBE),
    Operation("a[a > 0]", ""),
    Operation("a[1, [True, False, True]]", "", CUBE),
    Operation("take(a, [[2, 0], [2, -1]], axis=1)", "a[:, tensor([[2, 0], [2, -1]])]", CUBE),
    Operation("take(a, [5, 0, 5])", "take(a, tensor([5, 0, 5]))"),
    Operation("take_along_axis(a, [[2, 2], [0, 3]], axis=1)", "gather(a, 1, tensor([[2, 2], [0, 3]]))", ((2, 4),)),
    Operation("gather(a, 0, [[2, 2], [0, 2]])", "gather(a, 0, tensor([[2, 2], [0, 2]]))"),
    Operation("scatter_add(a, 1, [[2, 0, 2]], b)", "scatter_add(a, 1, tensor([[2, 0, 2]]), b)", ((3, 4), (1, 3))),
    Operation("concatenate([a, b, a], axis=1)", "cat([a, b, a], 1)", ((2, 3), (2, 1))),
    Operation("stack([a, b, a], axis=-1)", "", ((2, 3), (2, 3))),
    Operation("split(a, 2, axis=1)", "tensor_split(a, 2, 1)"),
    Operation("split(a, [1, 1, 4], axis=-1)", "tensor_split(a, (1, 1, 4), -1)", CUBE),
    Operation("pad(a, ((1, 0), (2, 1)), constant_values=0.5)", "F.pad(a, (2, 1, 1, 0), value=0.5)"),
    Operation("pad(a, ((0, 0), (2, 1), (1, 3)), 'reflect')", "F.pad(a, (1, 3, 2, 1), 'reflect')", CUBE),
    Operation("pad(a, ((0, 0), (4, 1), (0, 2)), 'edge')", "F.pad(a, (0, 2, 4, 1), 'replicate')", CUBE),
    Operation("pad(a, ((0, 0), (3, 1), (2, 4)), 'wrap')", "F.pad(a, (2, 4, 3, 1), 'circular')", CUBE),
]

TABLES: dict[str, list[Any]] = {
    "layers": LAYERS,
    "losses": LOSSES,
    "operations": OPERATIONS,
    "optimizers": OPTIMIZERS,
}
