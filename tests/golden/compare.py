"""How both sides are run: the same steps with the same numbers, and everything that comes out by name.

A *record* is a dictionary of arrays. `Ours` and `Torch` answer the same few calls, so each protocol stands here once.
PyTorch is imported by `Torch` alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
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
    "optimizers": {"float32": 1e-4, "float64": 1e-9},
}

# What is drawn. RandomState, because its streams never change; and float32 numbers, so that both dtypes start equal.

DRAWS: dict[str, Callable[[np.random.RandomState, tuple[int, ...]], Any]] = {
    "uniform": lambda random, shape: random.uniform(-2, 2, shape),
    "coarse": lambda random, shape: random.randint(-4, 5, shape) / 2,  # many ties and zeros
    "far from zero": lambda random, shape: random.uniform(28, 32, shape),
}
TARGETS: dict[str, Callable[[np.random.RandomState, tuple[int, ...]], Any]] = {
    "indices": lambda random, shape: random.randint(0, shape[1], shape[0]),
    "one_hot": lambda random, shape: np.eye(shape[1])[random.randint(0, shape[1], shape[0])],
    "probabilities": lambda random, shape: random.dirichlet(np.ones(shape[1]), shape[0]),
}


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

    def forward(self, layer: Any, x: Array) -> tuple[Array, Callable[[Array], Array]]:
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

    def loss(self, spec: Any, pred: Array, target: Array, weight: Array | None) -> tuple[Any, Array]:
        value, gradient = build(spec, self.layers).value_and_grad(pred, target, weight)
        return value, gradient

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
        self.torch = torch

    def layer(self, spec: Any, dtype: str) -> Any:
        return build(spec, (self.torch.nn,)).to(getattr(self.torch, dtype))

    def state(self, layer: Any) -> Record:
        return {name: tensor.numpy().copy() for name, tensor in layer.state_dict().items()}

    def load(self, layer: Any, state: Mapping[str, Array]) -> None:
        layer.load_state_dict({name: self.torch.tensor(array) for name, array in state.items()})

    def forward(self, layer: Any, x: Array) -> tuple[Array, Callable[[Array], Array]]:
        leaf = self.torch.tensor(x, requires_grad=True)
        y = layer(leaf)

        def backward(dy: Array) -> Array:
            y.backward(self.torch.tensor(dy))
            return self.data(leaf.grad)

        return self.data(y), backward

    def infer(self, layer: Any, x: Array) -> Array:
        with self.torch.no_grad():
            return self.data(layer(self.torch.tensor(x)))

    def gradients(self, layer: Any) -> Record:
        gradients = {name: self.data(parameter.grad) for name, parameter in layer.named_parameters()}
        layer.zero_grad()
        return gradients

    def loss(self, spec: Any, pred: Array, target: Array, weight: Array | None) -> tuple[Array, Array]:
        """Return the value and the gradient of its sum; weights, which PyTorch has not, act on the unreduced loss."""
        name, options = spec
        leaf = self.torch.tensor(pred, requires_grad=True)
        if weight is None:
            value = build(spec, (self.torch.nn,))(leaf, self.torch.tensor(target))
        else:
            weights = self.torch.tensor(weight)
            terms = weights * build((name, {**options, "reduction": "none"}), (self.torch.nn,))(
                leaf, self.torch.tensor(target)
            )
            reduction = options.get("reduction", "mean")
            value = {"none": terms, "sum": terms.sum(), "mean": terms.sum() / weights.sum()}[reduction]
        value.sum().backward()
        return self.data(value), self.data(leaf.grad)

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


def build(spec: Any, modules: Iterable[Any], *args: Any, **options: Any) -> Any:
    """Return what a row of `cases.py` names, from the first of the modules that has it."""
    name, given = spec
    cls = next(getattr(module, name) for module in modules if hasattr(module, name))
    if isinstance(given, list):
        return cls(*[build(part, modules) for part in given])
    return cls(*args, **given, **options)


def draw_state(random: np.random.RandomState, state: Mapping[str, Array], dtype: str) -> Record:
    """Return values for parameters and buffers of these names and shapes; variances are positive, counters zero."""
    drawn: Record = {}
    for name in sorted(state):
        low, high = (0.5, 1.5) if name.endswith("running_var") else (-1.0, 1.0)
        values = random.uniform(low, high, state[name].shape)
        drawn[name] = read_only(values if state[name].dtype.kind == "f" else 0 * values.astype(int), dtype)
    return drawn


def layer_record(side: Any, case: Any, dtype: str) -> Record:
    """Train on a few batches, then evaluate: outputs, gradients and the state that the batches leave behind."""
    random = seeded(case.name)
    layer = side.layer(case.spec, dtype)
    side.load(layer, draw_state(random, side.state(layer), dtype))
    record: Record = {}

    def there_and_back(place: str) -> Array:
        x = read_only(DRAWS[case.draw](random, case.shape), dtype)
        y, backward = side.forward(layer, x)
        record[f"{place}/y"] = y
        record[f"{place}/dx"] = backward(read_only(random.uniform(-1, 1, y.shape), dtype))
        return x

    layer.train()
    for i in range(BATCHES if case.train else 0):
        there_and_back(f"train {i}")
    if case.train:
        gradients = side.gradients(layer)  # the sum over the batches
        record |= {f"train/gradient of {name}": gradient for name, gradient in gradients.items()}
        record |= {f"train/{name}": array for name, array in side.state(layer).items() if name not in gradients}

    layer.eval()
    x = there_and_back("eval")
    record["eval/infer"] = side.infer(layer, x)
    record |= {f"eval/gradient of {name}": gradient for name, gradient in side.gradients(layer).items()}
    return record


def loss_record(side: Any, case: Any, dtype: str) -> Record:
    """Return value and gradient."""
    random = seeded(case.name)
    pred = read_only(case.scale * random.uniform(-1, 1, case.shape), dtype)
    target = read_only(TARGETS[case.target](random, case.shape), dtype)
    weight = read_only(random.uniform(0, 2, case.shape[0]), dtype) if case.weighted else None
    value, gradient = side.loss(case.spec, pred, target, weight)
    return {"value": np.asarray(value, dtype), "gradient": gradient}


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
