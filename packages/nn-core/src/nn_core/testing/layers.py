"""The checks of a layer. Each takes a case and raises AssertionError with what was expected and what was seen."""

from __future__ import annotations

import copy
import pickle
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
from attrs import field, frozen

from nn_core import random
from nn_core.dtypes import default_dtype
from nn_core.errors import BackwardError
from nn_core.registry import build
from nn_core.serialization import describe
from nn_core.testing.gradients import directional_error
from nn_core.typing import Array, Shape


@frozen
class LayerCase:
    """A layer in one configuration.

    Args:
        name: shown in the test's ID.
        make: returns a new layer.
        input_shape: the shape of one input, batch axis first.
        draw: returns an input of the shape, in the dtype; the default is normal.
        min_batch: the smallest batch the layer can train on (batch norm of vectors: 2).
    """

    name: str
    make: Callable[[], Any]
    input_shape: Shape
    draw: Callable[[np.random.Generator, Shape], Array] = field(default=lambda rng, shape: rng.normal(size=shape))
    min_batch: int = 0

    def layer(self, dtype: str = "float64") -> Any:
        """Return the layer, built, in a dtype, with random parameters so that none is at a special value."""
        random.seed(0)
        layer = self.make()
        layer.build(self.input_shape)
        layer.astype(dtype)
        rng = np.random.default_rng(1)
        for parameter in layer.parameters():
            parameter.data += 0.1 * rng.normal(size=parameter.shape).astype(dtype)
        return layer

    def input(self, dtype: str = "float64", shape: Shape | None = None, seed: int = 2) -> Array:
        """Return an input that cannot be written to."""
        x = self.draw(np.random.default_rng(seed), self.input_shape if shape is None else shape).astype(dtype)
        x.flags.writeable = False
        return x


def _run(layer: Any, x: Array, dy: Array | None = None) -> tuple[Array, Array, Array]:
    """Return (y, dy, dx) of one forward and backward pass, always with the same random masks."""
    with random.keyed(0, 0):
        y, backward = layer.forward(x)
    if dy is None:
        dy = _gradient_like(y)
    return y, dy, backward(dy)


def _gradient_like(y: Array) -> Array:
    dy = np.random.default_rng(3).normal(size=y.shape).astype(y.dtype)
    dy.flags.writeable = False
    return dy


def _close(seen: Array, expected: Array, what: str, tolerance: float = 1e-10) -> None:
    assert seen.shape == expected.shape, f"{what}: expected shape {expected.shape}, got {seen.shape}"
    scale = float(np.abs(expected).max(initial=0.0)) or 1.0
    error = float(np.abs(seen - expected).max(initial=0.0)) / scale
    assert error <= tolerance, f"{what}: relative error {error:.1e}, at most {tolerance:.0e} expected"


def check_gradients(case: LayerCase) -> None:
    """The closure returns the gradient of the input and accumulates those of the parameters, in either mode."""
    for mode in ("train", "eval"):
        layer, x = case.layer(), case.input().copy()
        getattr(layer, mode)()
        _, dy, dx = _run(layer, x)

        def value(layer: Any = layer, x: Array = x, dy: Array = dy) -> float:
            with random.keyed(0, 0):
                return float((layer.forward(x)[0] * dy).sum())

        parameters = layer.parameters()
        for i, parameter in enumerate(parameters):
            assert parameter.grad is not None, f"{mode}: parameter {i} of {case.name} got no gradient"
        arrays = [x, *(parameter.data for parameter in parameters)]
        names = ["the input", *(name for name, _ in layer.named_parameters())]
        for array, gradient, name in zip(arrays, [dx, *(p.grad for p in parameters)], names, strict=True):
            rng = np.random.default_rng(4)
            error, numeric, claimed = directional_error(value, [array], [gradient], rng)
            assert error < 1e-5, (
                f"{mode}: the gradient of {name} gives a directional derivative of {claimed:.8g}, "
                f"finite differences {numeric:.8g} (relative error {error:.1e})"
            )


def check_gradients_add_up(case: LayerCase) -> None:
    """A second pass adds its parameter gradients to those of the first."""
    layer = case.layer()
    _run(layer, case.input())
    first = [parameter.grad.copy() for parameter in layer.parameters()]
    _run(layer, case.input())
    for (name, parameter), once in zip(layer.named_parameters(), first, strict=True):
        _close(parameter.grad, 2 * once, f"gradient of {name} after two passes")


def check_dtype(case: LayerCase) -> None:
    """float32 in, float32 out, gradients and buffers included; likewise float64. A new layer has the default dtype."""
    fresh = case.make()
    fresh.build(case.input_shape)
    for name, parameter in fresh.named_parameters():
        assert parameter.dtype == default_dtype(), f"expected a new {name} in {default_dtype()}, got {parameter.dtype}"
    for dtype in ("float32", "float64"):
        layer = case.layer(dtype)
        for mode in ("train", "eval"):
            getattr(layer, mode)()
            y, _, dx = _run(layer, case.input(dtype))
            seen = {"output": y, "input gradient": dx, "inference": layer.infer(case.input(dtype))}
            seen |= {f"gradient of {name}": parameter.grad for name, parameter in layer.named_parameters()}
            seen |= {name: b.data for name, b in layer.named_buffers() if b.data.dtype.kind == "f"}
            for what, array in seen.items():
                assert array.dtype == dtype, f"{mode}: expected {what} in {dtype}, got {array.dtype}"


def check_leaves_inputs_alone(case: LayerCase) -> None:
    """Neither the input nor dy is written to, and a second pass does not reach into what the first returned."""
    layer = case.layer()
    x = case.input().copy()  # writable, so that writing shows as a change and not only as NumPy's error
    y, dy, dx = _run(layer, x)
    arrays = {"the input": x, "the output": y, "dy": dy.copy(), "the input gradient": dx}
    before = {name: array.copy() for name, array in arrays.items()}
    _run(layer, x, arrays["dy"])
    for name, array in arrays.items():
        assert (array == before[name]).all(), f"{name} was changed"
    for name, parameter in layer.named_parameters():
        assert not np.shares_memory(parameter.grad, arrays["dy"]), f"the gradient of {name} is dy itself"


def check_memory_layout(case: LayerCase) -> None:
    """Strided and Fortran-ordered inputs and gradients give what contiguous ones give."""
    layer, x = case.layer(), case.input()
    y, dy, dx = _run(layer, x)
    layouts: dict[str, Callable[[Array], Array]] = {
        "Fortran-ordered": np.asfortranarray,
        "strided": lambda array: np.repeat(array, 2, axis=-1)[..., ::2],
    }
    for name, arrange in layouts.items():
        fresh = case.layer()
        y2, _, dx2 = _run(fresh, arrange(x), arrange(dy))
        _close(y2, y, f"output for {name} input")
        _close(dx2, dx, f"input gradient for {name} input")
        for (path, p), (_, q) in zip(fresh.named_parameters(), layer.named_parameters(), strict=True):
            _close(p.grad, q.grad, f"gradient of {path} for {name} input")


def check_batch_consistency(case: LayerCase) -> None:
    """In evaluation every row depends on its own input alone: a batch of one gives the row of the whole batch."""
    layer = case.layer().eval()
    x = case.input()
    _close(np.concatenate([layer.infer(x[i : i + 1]) for i in range(len(x))]), layer.infer(x), "row by row", 1e-9)


def check_small_batches(case: LayerCase) -> None:
    """A batch of one and an empty batch work, in training too unless the case names a larger least batch."""
    for rows in (0, 1):
        layer = case.layer()
        x = case.input(shape=(rows, *case.input_shape[1:]))
        y = layer.infer(x)
        assert y.shape == layer.output_shape(x.shape), f"batch of {rows}: got {y.shape}"
        if rows >= case.min_batch:
            _, _, dx = _run(layer, x)
            assert dx.shape == x.shape, f"batch of {rows}: the input gradient has shape {dx.shape}, not {x.shape}"
            for name, parameter in layer.named_parameters():
                assert rows or not parameter.grad.any(), f"an empty batch gave {name} a gradient"


def check_output_shape(case: LayerCase) -> None:
    """`output_shape` foretells the shape of the output."""
    layer, x = case.layer(), case.input()
    foretold, seen = layer.output_shape(x.shape), layer.forward(x)[0].shape
    assert foretold == seen, f"output_shape foretells {foretold}, the output has shape {seen}"


def check_infer(case: LayerCase) -> None:
    """`infer` equals forward in eval mode, whatever the mode, and changes no state."""
    layer, x = case.layer(), case.input()
    layer.forward(x)
    before = layer.state_dict()
    seen = layer.infer(x)
    assert layer.training, "infer left the layer in eval mode"
    for name, array in layer.state_dict().items():
        assert (array == before[name]).all(), f"infer changed {name}"
    layer.eval()
    _close(seen, layer.forward(x)[0], "infer against forward in eval mode")
    _close(layer(x), seen, "call in eval mode against infer")


def check_call_equals_closure(case: LayerCase) -> None:
    """``layer(x)`` and ``layer.backward(dy)`` give what forward and its closure give; a second backward is an error."""
    layer, other, x = case.layer(), case.layer(), case.input()
    y, dy, dx = _run(layer, x)
    with random.keyed(0, 0):
        y2 = other(x)
    _close(y2, y, "output of the call", 0)
    _close(other.backward(dy), dx, "input gradient of the call", 0)
    try:
        other.backward(dy)
    except BackwardError:
        return
    raise AssertionError("a second backward must raise BackwardError")


def check_determinism(case: LayerCase) -> None:
    """The same seed gives the same numbers, to the bit."""
    for one, two in zip(_run(case.layer(), case.input()), _run(case.layer(), case.input()), strict=True):
        assert (one == two).all(), "two runs from the same seed differ"


def check_config(case: LayerCase) -> None:
    """`config` describes the layer: built from it, it has the same repr and, with the same state, the same output."""
    layer, x = case.layer(), case.input()
    twin = build("layer", describe(layer))
    twin.build(case.input_shape)
    assert repr(twin) == repr(layer), f"expected {layer!r}, got {twin!r}"
    twin.astype("float64").load_state_dict(layer.state_dict())
    _close(twin.infer(x), layer.infer(x), "output of the layer built from the configuration", 0)


def check_state(case: LayerCase) -> None:
    """`state_dict` holds everything: loaded into another layer it gives the same output; its arrays are copies."""
    layer, x = case.layer(), case.input()
    layer.forward(x)
    state = layer.state_dict()
    random.seed(99)
    twin = case.make()
    twin.build(case.input_shape)
    twin.astype("float64").load_state_dict(state)
    _close(twin.infer(x), layer.infer(x), "output after loading the state", 0)
    for array in state.values():
        array[...] = 0
    _close(twin.infer(x), layer.infer(x), "output after the state was overwritten", 0)


def check_copy(case: LayerCase) -> None:
    """Deep copies and pickles work, are independent, and carry no closure along."""
    layer, x = case.layer(), case.input()
    expected = layer.infer(x)
    layer(x)
    twins = [copy.deepcopy(layer)]
    with suppress(pickle.PicklingError, AttributeError):  # pickle cannot import by name what a test module defines
        twins.append(pickle.loads(pickle.dumps(layer)))
    for twin in twins:
        try:
            twin.backward(_gradient_like(expected))
        except BackwardError:
            pass
        else:
            raise AssertionError("a copy took the original's closure along")
        for parameter in twin.parameters():
            parameter.data[...] = 0
    layer.backward(_gradient_like(expected))


def check_threads(case: LayerCase) -> None:
    """Two threads can use one layer at once: each goes back through its own call."""
    layer = case.layer()
    inputs = [case.input(seed=seed) for seed in (5, 6)]
    barrier = threading.Barrier(2, timeout=20)
    seen: list[Any] = [None, None]

    def work(i: int) -> None:
        with random.keyed(0, 0):
            y = layer(inputs[i])
        barrier.wait()  # both have called before either goes back
        seen[i] = layer.backward(_gradient_like(y))

    threads = [threading.Thread(target=work, args=(i,)) for i in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for i in range(2):
        _, _, expected = _run(case.layer(), inputs[i])
        _close(seen[i], expected, f"input gradient in thread {i}")


LAYER_CHECKS: dict[str, Callable[[LayerCase], None]] = {
    name.removeprefix("check_"): check
    for name, check in list(globals().items())
    if name.startswith("check_") and name != "check_layer"
}


def check_layer(case: LayerCase) -> None:
    """Run all checks on one case.

    Raises:
        AssertionError: a check failed; the message says which, what was expected and what was seen.
    """
    for name, check in LAYER_CHECKS.items():
        try:
            check(case)
        except AssertionError as error:
            raise AssertionError(f"{case.name}, {name}: {error}") from error
