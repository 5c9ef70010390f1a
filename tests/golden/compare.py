"""How both sides are run: the same steps with the same numbers, and everything that comes out by name.

A *record* is a dictionary of arrays. `Ours` and `Torch` answer the same few calls, so each protocol stands here once.
PyTorch is imported by `Torch` alone.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from types import SimpleNamespace
from typing import Any
from zlib import crc32

import numpy as np

Array = np.ndarray[Any, Any]
Record = dict[str, Array]

BATCHES = 3
STEPS = (1, 2, 3, 10, 200)
TOLERANCES = {
    "layers": {"float32": 1e-5, "float64": 1e-10},
    "losses": {"float32": 1e-5, "float64": 1e-10},
    "operations": {"float32": 1e-5, "float64": 1e-10},
    "optimizers": {"float32": 1e-4, "float64": 1e-9},
}

# What is drawn. RandomState, because its streams never change; and float32 numbers, so that both dtypes start equal.

DRAWS: dict[str, Callable[[np.random.RandomState, tuple[int, ...]], Any]] = {
    "uniform": lambda random, shape: random.uniform(-2, 2, shape),
    "coarse": lambda random, shape: random.randint(-4, 5, shape) / 2,  # many ties and zeros
    "indices": lambda random, shape: random.randint(0, 5, shape),
    "positive": lambda random, shape: random.uniform(0.5, 2, shape),
    "far from zero": lambda random, shape: random.uniform(28, 32, shape),
}
TARGETS: dict[str, Callable[[np.random.RandomState, tuple[int, ...]], Any]] = {
    "indices": lambda random, shape: random.randint(0, classes(shape), terms(shape)),
    "some ignored": lambda random, shape: np.where(
        np.indices(terms(shape)).sum(axis=0) % 3 == 1, -100, random.randint(0, classes(shape), terms(shape))
    ),
    "one_hot": lambda random, shape: to_axis_1(np.eye(classes(shape))[random.randint(0, classes(shape), terms(shape))]),
    "probabilities": lambda random, shape: to_axis_1(random.dirichlet(np.ones(classes(shape)), terms(shape))),
    "log-probabilities": lambda random, shape: np.log(random.dirichlet(np.ones(shape[1]), shape[0])),
    "values": lambda random, shape: random.uniform(-1, 1, shape),
    "coarse": DRAWS["coarse"],
    "shares": lambda random, shape: random.uniform(0, 1, shape),
    "bits": lambda random, shape: random.randint(0, 2, shape) / 1,
    "signs": lambda random, shape: random.choice([-1.0, 1.0], shape),
    "sign of each": lambda random, shape: random.choice([-1.0, 1.0], shape[:-1]),
}
PREDICTIONS: dict[str, Callable[[np.random.RandomState, tuple[int, ...]], Any]] = {
    "values": lambda random, shape: random.uniform(-1, 1, shape),
    "coarse": DRAWS["coarse"],
    "probabilities": lambda random, shape: random.uniform(0.05, 0.95, shape),
    "certainties": lambda random, shape: random.choice([0, 0.5, 1], shape),
    "log-probabilities": lambda random, shape: np.log(TARGETS["probabilities"](random, shape)),
    "pair": lambda random, shape: (random.uniform(-1, 1, shape), random.uniform(-1, 1, shape)),
    "coarse pair": lambda random, shape: (DRAWS["coarse"](random, shape), DRAWS["coarse"](random, shape)),
}


def classes(shape: tuple[int, ...]) -> int:
    """Return the number of classes in predictions (N, C, …), or (C,) of one sample."""
    return shape[0] if len(shape) == 1 else shape[1]


def terms(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of predictions without the classes."""
    return () if len(shape) == 1 else shape[:1] + shape[2:]


def to_axis_1(rows: Array) -> Array:
    """Move the classes from the last axis to where losses expect them."""
    return np.ascontiguousarray(np.moveaxis(rows, -1, min(1, rows.ndim - 1)))


def seeded(name: str) -> np.random.RandomState:
    return np.random.RandomState(crc32(name.encode()))


def read_only(values: Any, dtype: str) -> Array:
    """Return floating-point values rounded to float32, then in `dtype`, and integers as int64."""
    array = np.asarray(values)
    array = array.astype(np.int64) if array.dtype.kind in "iu" else array.astype(np.float32).astype(dtype)
    array.flags.writeable = False
    return array


class Ours:
    """The layers, losses and optimizers of this repository."""

    def __init__(self) -> None:
        import nn_core
        import nn_layers_conv
        import nn_optim

        self.layers, self.optimizers = (nn_core, nn_layers_conv), (nn_optim,)

    def layer(self, spec: Any, dtype: str) -> Any:
        return build(spec, self.layers).astype(dtype)

    def state(self, layer: Any) -> Record:
        return dict(layer.state_dict())

    def load(self, layer: Any, state: Mapping[str, Array]) -> None:
        layer.load_state_dict(state)

    def forward(self, layer: Any, x: Array) -> tuple[Array, Callable[[Array], Array | None]]:
        y, backward = layer.forward(x)
        return y, backward

    def infer(self, layer: Any, x: Array) -> Array:
        y: Array = layer(x)
        return y

    def gradients(self, layer: Any) -> Record:
        """Return the gradients of all parameters and forget them."""
        gradients = {name: parameter.grad for name, parameter in layer.named_parameters()}
        layer.zero_grad()
        return gradients

    def loss(
        self, spec: Any, pred: Any, target: Array, weight: Array | None, dy: Array | None = None
    ) -> tuple[Any, Any]:
        """Return the value and the gradient of its sum, or with dy the one that Tensors get from ``backward(dy)``."""
        import nn_core.tensor

        loss = build(spec, self.layers)
        if dy is None:
            value, gradient = loss.value_and_grad(pred, target, weight)
            return value, gradient
        leaves = tuple(nn_core.tensor.Tensor(part, requires_grad=True) for part in parts_of(pred))
        y = loss(leaves if isinstance(pred, tuple) else leaves[0], target, weight)
        y.backward(dy)
        gradients = tuple(leaf.grad for leaf in leaves)
        return y.data, gradients if isinstance(pred, tuple) else gradients[0]

    def operation(self, case: Any, inputs: list[Array]) -> tuple[list[Array], Callable[[list[Array]], list[Array]]]:
        from nn_core import functional
        from nn_core.tape import go_back
        from nn_core.tensor import Tensor

        leaves = [Tensor(x, requires_grad=True) for x in inputs]
        ys = several(eval(case.ours, vars(functional) | dict(zip("abc", leaves, strict=False))))

        def backward(dys: list[Array]) -> list[Array]:
            go_back(list(zip(ys, dys, strict=True)))
            return [leaf.grad for leaf in leaves if leaf.grad is not None]  # a mask gets none

        return [y.data for y in ys], backward

    def parameter(self, data: Array, trained: bool = True) -> Any:
        import nn_core

        return nn_core.Parameter(data.copy(), requires_grad=trained)

    def optimizer(self, spec: Any, groups: list[dict[str, Any]]) -> Any:
        name, options = spec
        return build((name, {}), self.optimizers, groups, **options)

    def give(self, parameter: Any, gradient: Array) -> None:
        parameter.accumulate(gradient)

    def data(self, parameter: Any) -> Array:
        array: Array = parameter.data.copy()
        return array


class Torch:
    """What PyTorch computes, as NumPy arrays."""

    def __init__(self) -> None:
        import torch

        torch.set_num_threads(1)  # the arrays are small, and one thread adds in one order
        # NAdam's product of momenta, else a float32 number, which is 1e-8 away from ours.
        sys.modules[torch.optim.NAdam.__module__]._get_scalar_dtype = lambda *args, **kw: torch.float64
        self.torch = torch

        self.layers = (in_terms_of(torch), torch.nn)

    def layer(self, spec: Any, dtype: str) -> Any:
        return build(spec, self.layers).to(getattr(self.torch, dtype))

    def state(self, layer: Any) -> Record:
        return {name: tensor.numpy().copy() for name, tensor in layer.state_dict().items()}

    def load(self, layer: Any, state: Mapping[str, Array]) -> None:
        layer.load_state_dict({name: self.torch.tensor(array) for name, array in state.items()})

    def forward(self, layer: Any, x: Array) -> tuple[Array, Callable[[Array], Array | None]]:
        leaf = self.torch.tensor(x, requires_grad=x.dtype.kind == "f")
        y = layer(leaf)

        def backward(dy: Array) -> Array | None:
            y.backward(self.torch.tensor(dy))
            return None if leaf.grad is None else self.data(leaf.grad)

        return self.data(y), backward

    def infer(self, layer: Any, x: Array) -> Array:
        with self.torch.no_grad():
            return self.data(layer(self.torch.tensor(x)))

    def gradients(self, layer: Any) -> Record:
        gradients = {name: self.data(parameter.grad) for name, parameter in layer.named_parameters()}
        layer.zero_grad()
        return gradients

    def loss(
        self, spec: Any, pred: Any, target: Array, weight: Array | None, dy: Array | None = None
    ) -> tuple[Array, Any]:
        """Return the value and the gradient of its sum, or with dy the one of ``sum(dy · value)``.

        Weights of samples, which PyTorch has not, act on the unreduced loss. What the terms count in the mean is what
        the negative log-likelihood makes of predictions that are −1 everywhere.
        """
        name, options = spec
        leaves = [self.torch.tensor(part, requires_grad=True) for part in parts_of(pred)]
        goal = self.torch.tensor(target)
        options = {
            key: self.torch.tensor(value, dtype=leaves[0].dtype) if isinstance(value, list) else value
            for key, value in options.items()
        }
        if weight is None:
            value = build((name, options), (self.torch.nn,))(*leaves, goal)
        else:
            reduction = options.pop("reduction", "mean")
            terms = build((name, options), (self.torch.nn,), reduction="none")(*leaves, goal)
            counts = self.torch.ones_like(terms)
            if target.dtype.kind == "i":
                count = {key: value for key, value in options.items() if key in ("weight", "ignore_index")}
                counts = self.torch.nn.NLLLoss(**count, reduction="none")(-self.torch.ones_like(leaves[0]), goal)
            if reduction == "batchmean":
                counts = counts / counts[0].numel()
            weights = self.torch.tensor(weight).reshape(-1, *[1] * (terms.ndim - 1))
            value = weights * terms
            if reduction != "none":
                value = value.sum()
            if reduction not in ("none", "sum"):
                value = value / (weights * counts).sum()
        (value if dy is None else value * self.torch.tensor(dy)).sum().backward()
        gradients = tuple(self.data(leaf.grad) for leaf in leaves)
        return self.data(value), gradients if isinstance(pred, tuple) else gradients[0]

    def operation(self, case: Any, inputs: list[Array]) -> tuple[list[Array], Callable[[list[Array]], list[Array]]]:
        torch = self.torch
        leaves = [torch.tensor(x, requires_grad=True) for x in inputs]
        names = vars(torch) | {"F": torch.nn.functional} | dict(zip("abc", leaves, strict=False))
        ys = several(eval(case.theirs or case.ours, names))

        def backward(dys: list[Array]) -> list[Array]:
            torch.autograd.backward(ys, [torch.tensor(dy) for dy in dys])
            return [self.data(leaf.grad) for leaf in leaves if leaf.grad is not None]

        return [self.data(y) for y in ys], backward

    def parameter(self, data: Array, trained: bool = True) -> Any:
        return self.torch.nn.Parameter(self.torch.tensor(data), requires_grad=trained)

    def optimizer(self, spec: Any, groups: list[dict[str, Any]]) -> Any:
        name, options = spec
        return build((name, {}), (self.torch.optim,), groups, **options)

    def give(self, parameter: Any, gradient: Array) -> None:
        if parameter.requires_grad:
            parameter.grad = self.torch.tensor(gradient)

    def data(self, tensor: Any) -> Array:
        array: Array = tensor.detach().numpy().copy()
        return array


def in_terms_of(torch: Any) -> SimpleNamespace:
    """Return what PyTorch has not, or not exactly, in terms of what it has."""
    nn = torch.nn

    class Hardsigmoid(nn.Module):
        """PyTorch's own multiplies by 1/6 rounded to float32, in float64, too."""

        def forward(self, x: Any) -> Any:
            return nn.functional.relu6(x + 3) / 6

    class Dense(nn.Linear):
        def __init__(self, in_features: int, out_features: int, use_bias: bool = True, activation: str = "") -> None:
            super().__init__(in_features, out_features, bias=use_bias)
            self.f = getattr(torch, activation or "clone")

        def forward(self, x: Any) -> Any:
            return self.f(super().forward(x))

    class Activation(nn.Module):
        def __init__(self, name: str) -> None:
            super().__init__()
            self.f = getattr(torch, name)

        def forward(self, x: Any) -> Any:
            return self.f(x)

    class Reshape(nn.Module):
        def __init__(self, shape: tuple[int, ...]) -> None:
            super().__init__()
            self.shape = shape

        def forward(self, x: Any) -> Any:
            return x.reshape(len(x), *self.shape)

    class Residual(nn.Module):
        def __init__(self, *layers: Any) -> None:
            super().__init__()
            self.layers = nn.Sequential(*layers)

        def forward(self, x: Any) -> Any:
            return x + self.layers(x)

    class Parallel(nn.Sequential):
        def __init__(self, *branches: Any, merge: str = "sum", axis: int = 1) -> None:
            super().__init__(*branches)
            self.merge, self.axis = merge, axis

        def forward(self, x: Any) -> Any:
            ys = [branch(x) for branch in self]
            return torch.cat(ys, self.axis) if self.merge == "concat" else getattr(torch.stack(ys), self.merge)(0)

    class DepthwiseSeparableConv2d(nn.Module):
        def __init__(self, in_channels: int, out_channels: int, kernel_size: Any, bias: bool = True, **options: Any):
            super().__init__()
            between = in_channels * options.pop("depth_multiplier", 1)
            self.depthwise = nn.Conv2d(in_channels, between, kernel_size, groups=in_channels, bias=False, **options)
            self.pointwise = nn.Conv2d(between, out_channels, 1, bias=bias)

        def forward(self, x: Any) -> Any:
            return self.pointwise(self.depthwise(x))

    class ResidualBlock2d(nn.Module):
        """The names are those of torchvision's `BasicBlock`."""

        def __init__(self, in_channels: int, out_channels: int, stride: Any = 1) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride=stride, padding=1, bias=False)
            self.bn1 = nn.BatchNorm2d(out_channels)
            self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
            self.bn2 = nn.BatchNorm2d(out_channels)
            self.downsample = None
            if stride != 1 or in_channels != out_channels:
                shortcut = nn.Conv2d(in_channels, out_channels, 1, stride=stride, bias=False)
                self.downsample = nn.Sequential(shortcut, nn.BatchNorm2d(out_channels))

        def forward(self, x: Any) -> Any:
            y = self.bn2(self.conv2(self.bn1(self.conv1(x)).relu()))
            return (y + (x if self.downsample is None else self.downsample(x))).relu()

    def global_pooling(pooling: Any) -> type:
        class Global(nn.Module):
            def __init__(self, keepdims: bool = True) -> None:
                super().__init__()
                self.keepdims, self.pool = keepdims, pooling(1)

            def forward(self, x: Any) -> Any:
                return self.pool(x) if self.keepdims else self.pool(x).flatten(1)

        return Global

    return SimpleNamespace(
        GlobalAvgPool1d=global_pooling(nn.AdaptiveAvgPool1d),
        GlobalAvgPool2d=global_pooling(nn.AdaptiveAvgPool2d),
        GlobalMaxPool1d=global_pooling(nn.AdaptiveMaxPool1d),
        GlobalMaxPool2d=global_pooling(nn.AdaptiveMaxPool2d),
        **{cls.__name__: cls for cls in (Hardsigmoid, Dense, Activation, Reshape, Residual, Parallel)},
        DepthwiseSeparableConv2d=DepthwiseSeparableConv2d,
        ResidualBlock2d=ResidualBlock2d,
    )


def build(spec: Any, modules: Iterable[Any], *args: Any, **options: Any) -> Any:
    """Return what a row of `cases.py` names, from the first of the modules that has it."""
    name, given, *more = spec
    cls = next(getattr(module, name) for module in modules if hasattr(module, name))
    if isinstance(given, list):
        return cls(*[build(part, modules) for part in given], **(more[0] if more else {}))
    return cls(*args, **given, **options)


def several(y: Any) -> list[Any]:
    """Return the outputs of an operation that has one or several."""
    return list(y) if isinstance(y, (tuple, list)) else [y]


def draw_state(random: np.random.RandomState, state: Mapping[str, Array], dtype: str) -> Record:
    """Return values for parameters and buffers of these names and shapes; variances are positive, counters zero."""
    drawn: Record = {}
    for name in sorted(state):
        low, high = (0.5, 1.5) if name.endswith("running_var") else (-1.0, 1.0)
        values = random.uniform(low, high, state[name].shape)
        drawn[name] = read_only(values if state[name].dtype.kind == "f" else 0 * values.astype(int), dtype)
    return drawn


def layer_record(side: Any, case: Any, dtype: str) -> Record:
    """Train on a few batches, then evaluate: outputs, gradients and the state that the batches leave behind.

    Without state every batch is like the first, which is then the only one.
    """
    random = seeded(case.name)
    layer = side.layer(case.spec, dtype)
    state = side.state(layer)
    side.load(layer, draw_state(random, state, dtype))
    record: Record = {}

    def there_and_back(place: str) -> Array:
        x = read_only(DRAWS[case.draw](random, case.shape), dtype)
        y, backward = side.forward(layer, x)
        record[f"{place}/y"] = y
        dx = backward(read_only(random.uniform(-1, 1, y.shape), dtype))
        if dx is not None:  # indices have no gradient
            record[f"{place}/dx"] = dx
        return x

    layer.train()
    if case.train:
        for i in range(BATCHES if state else 1):
            there_and_back(f"train {i}")
        gradients = side.gradients(layer)  # the sum over the batches
        record |= {f"train/gradient of {name}": gradient for name, gradient in gradients.items()}
        record |= {f"train/{name}": array for name, array in side.state(layer).items() if name not in gradients}

    layer.eval()
    x = there_and_back("eval")
    record["eval/infer"] = side.infer(layer, x)
    record |= {f"eval/gradient of {name}": gradient for name, gradient in side.gradients(layer).items()}
    return record


def loss_record(side: Any, case: Any, dtype: str) -> Record:
    """Return value and gradient, and the gradient of the value times random numbers."""
    random = seeded(case.name)
    drawn = PREDICTIONS[case.draw](random, case.shape)
    pred = tuple(read_only(case.scale * np.asarray(part), dtype) for part in parts_of(drawn))
    pred = pred if isinstance(drawn, tuple) else pred[0]
    target = read_only(TARGETS[case.target](random, case.shape), dtype)
    weight = read_only(random.uniform(0, 2, case.shape[0]), dtype) if case.weighted else None
    value, gradients = side.loss(case.spec, pred, target, weight)
    dy = read_only(random.uniform(-1, 1, np.shape(value)), dtype)
    _, products = side.loss(case.spec, pred, target, weight, dy)
    record = {"value": np.asarray(value, dtype)}
    for i, (gradient, product) in enumerate(zip(parts_of(gradients), parts_of(products), strict=True)):
        number = f" {i + 1}" if isinstance(pred, tuple) else ""
        record |= {f"gradient{number}": gradient, f"gradient{number} of a product": product}
    return record


def parts_of(arrays: Any) -> tuple[Any, ...]:
    return arrays if isinstance(arrays, tuple) else (arrays,)


def operation_record(side: Any, case: Any, dtype: str) -> Record:
    """Return the outputs and, for random gradients of them, the gradients of the inputs."""
    random = seeded(case.name)
    inputs = [read_only(DRAWS[case.draw](random, shape), dtype) for shape in case.shapes]
    ys, backward = side.operation(case, inputs)
    record = {f"y {i}": y if y.dtype.kind == "f" else y.astype(np.int64) for i, y in enumerate(ys)}
    if ys[0].dtype.kind == "f":
        dxs = backward([read_only(random.uniform(-1, 1, y.shape), str(y.dtype)) for y in ys])
        record |= {f"gradient of {name}": dx for name, dx in zip("abc", dxs, strict=False)}
    return record


def optimizer_record(side: Any, case: Any, dtype: str, steps: Iterable[int] = STEPS) -> Record:
    """Step 200 times with the same gradients on both sides; return the parameters after each of `steps`."""
    random = seeded(case.name)
    shapes = [(3, 4), (4,), (2, 1, 3, 2), (1, 5), (2, 2)]
    parameters = [
        side.parameter(read_only(random.uniform(-1, 1, shape), dtype), trained=i not in case.frozen)
        for i, shape in enumerate(shapes)
    ]
    groups = [{"params": parameters[i :: len(case.groups)], **options} for i, options in enumerate(case.groups)]
    optimizer = side.optimizer(case.spec, groups)
    record: Record = {}
    for step in range(1, 201):
        optimizer.zero_grad()
        for i, (parameter, shape) in enumerate(zip(parameters, shapes, strict=True)):
            gradient = read_only(random.uniform(-1, 1, shape), dtype)
            if i not in case.sparse or step % 3 == 0:
                side.give(parameter, gradient)
        optimizer.step()
        if step in steps:
            record |= {f"step {step}/{i}": side.data(parameter) for i, parameter in enumerate(parameters)}
    return record


RECORDS: dict[str, Callable[[Any, Any, str], Record]] = {
    "layers": layer_record,
    "losses": loss_record,
    "operations": operation_record,
    "optimizers": optimizer_record,
}


def relative_error(ours: Array, theirs: Array) -> float:
    """Return ``max|a − b| / max|b|``, or ``max|a|`` where b is zero."""
    scale = float(np.abs(theirs).max(initial=0.0)) or 1.0
    return float(np.abs(ours - theirs).max(initial=0.0)) / scale


def assert_close(ours: Mapping[str, Array], theirs: Mapping[str, Array], tolerance: float) -> None:
    """Compare two records: names, dtypes, shapes, and numbers to within `tolerance` (`relative_error`)."""
    assert sorted(ours) == sorted(theirs)
    for name, array in ours.items():
        expected = theirs[name]
        assert (name, array.dtype, array.shape) == (name, expected.dtype, expected.shape)
        error = relative_error(array, expected)
        assert error <= tolerance, f"{name}: relative error {error:.1e}, at most {tolerance:.0e} expected"
