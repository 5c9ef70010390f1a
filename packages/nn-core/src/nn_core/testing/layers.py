"""The checks of a layer. Each takes a case and raises AssertionError with what was expected and what was seen."""

from __future__ import annotations

import copy
import pickle
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np

from nn_core import random
from nn_core.dtypes import default_dtype
from nn_core.errors import BackwardError
from nn_core.parts import is_trained
from nn_core.registry import build
from nn_core.serialization import describe
from nn_core.tape import no_grad
from nn_core.tensor import Tensor
from nn_core.testing.cases import LayerCase, assert_close, gradient_like, run
from nn_core.testing.gradients import directional_error
from nn_core.typing import Array


def check_closure(case: LayerCase) -> None:
    """The closure returns a gradient of the shape of the input, None for one of integers."""
    x = case.input()
    _, _, dx = run(case.layer(), x)
    assert dx is None or dx.shape == x.shape, (
        f"backward must return the gradient of the input, of shape {x.shape}, got one of shape {dx.shape}"
    )


def check_determinism(case: LayerCase) -> None:
    """The same seed gives the same numbers, to the bit, and so does a second pass with the same key."""
    for one, two in zip(run(case.layer(), case.input()), run(case.layer(), case.input()), strict=True):
        assert np.array_equal(one, two), (  # type: ignore[arg-type] # twice None, for integers, is equal
            "two runs from the same seed differ: draw from the rng that build gets, or from nn_core.default_rng()"
        )
    layer, x = case.layer(), case.input()
    assert np.array_equal(run(layer, x)[0], run(layer, x)[0]), (
        "a second pass with the same key differs from the first: draw with nn_core.keep_mask, which fit keys by the "
        "step, and keep nothing on self that changes the output"
    )


def check_leaves_inputs_alone(case: LayerCase) -> None:
    """Neither the input nor dy is written to, and a second pass does not reach into what the first returned."""
    layer = case.layer()
    x = case.input().copy()  # writable, so that writing shows as a change and not only as NumPy's error
    y, dy, dx = run(layer, x)
    arrays = {"the input": x, "the output": y, "dy": dy.copy()}
    arrays |= {} if dx is None else {"the input gradient": dx}
    before = {name: array.copy() for name, array in arrays.items()}
    run(layer, x, arrays["dy"])
    for name, array in arrays.items():
        assert (array == before[name]).all(), f"{name} was changed"
    for name, parameter in layer.named_parameters():
        assert not np.shares_memory(parameter.grad, arrays["dy"]), f"the gradient of {name} is dy itself"


def check_state(case: LayerCase) -> None:
    """`state_dict` holds everything: loaded into another layer it gives the same output; its arrays are copies."""
    layer, x = case.layer(), case.input()
    layer.forward(x)
    state = layer.state_dict()
    random.seed(99)
    twin = case.make()
    twin.build(case.input_shape)
    twin.astype("float64").load_state_dict(state)
    assert_close(twin.infer(x), layer.infer(x), "output after loading the state", 0)
    for array in state.values():
        array[...] = 0
    assert_close(twin.infer(x), layer.infer(x), "output after the state was overwritten", 0)


def check_gradients(case: LayerCase) -> None:
    """The closure returns the gradient of the input and accumulates those of the parameters, in either mode."""
    for mode in ("train", "eval"):
        layer, x = case.layer(), case.input().copy()
        getattr(layer, mode)()
        _, dy, dx = run(layer, x)

        def value(layer: Any = layer, x: Array = x, dy: Array = dy) -> float:
            with random.keyed(0, 0):
                return float((layer.forward(x)[0] * dy).sum())

        parameters = layer.parameters()
        for name, parameter in layer.named_parameters():
            assert parameter.grad is not None, f"{mode}: {name} got no gradient: backward has to accumulate one"
        arrays = [x, *(parameter.data for parameter in parameters)]
        names = ["the input", *(name for name, _ in layer.named_parameters())]
        for array, gradient, name in zip(arrays, [dx, *(p.grad for p in parameters)], names, strict=True):
            if gradient is None:  # the input holds integers
                continue
            rng = np.random.default_rng(4)
            error, numeric, claimed = directional_error(value, [array], [gradient], rng)
            assert error < 1e-5, (
                f"{mode}: the gradient of {name} gives a directional derivative of {claimed:.8g}, "
                f"finite differences {numeric:.8g} (relative error {error:.1e})"
            )


def check_gradients_add_up(case: LayerCase) -> None:
    """A second pass adds its parameter gradients to those of the first."""
    layer = case.layer()
    run(layer, case.input())
    first = [parameter.grad.copy() for parameter in layer.parameters()]
    run(layer, case.input())
    for (name, parameter), once in zip(layer.named_parameters(), first, strict=True):
        assert_close(parameter.grad, 2 * once, f"gradient of {name} after two passes")


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
            y, _, dx = run(layer, case.input(dtype))
            seen = {"output": y, "inference": layer.infer(case.input(dtype))}
            seen |= {} if dx is None else {"input gradient": dx}
            seen |= {f"gradient of {name}": parameter.grad for name, parameter in layer.named_parameters()}
            seen |= {name: b.data for name, b in layer.named_buffers() if b.data.dtype.kind == "f"}
            for what, array in seen.items():
                assert array.dtype == dtype, f"{mode}: expected {what} in {dtype}, got {array.dtype}"


def check_memory_layout(case: LayerCase) -> None:
    """Strided and Fortran-ordered inputs and gradients give what contiguous ones give."""
    layer, x = case.layer(), case.input()
    y, dy, dx = run(layer, x)
    layouts: dict[str, Callable[[Array], Array]] = {
        "Fortran-ordered": np.asfortranarray,
        "strided": lambda array: np.repeat(array, 2, axis=-1)[..., ::2],
    }
    for name, arrange in layouts.items():
        fresh = case.layer()
        y2, _, dx2 = run(fresh, arrange(x), arrange(dy))
        assert_close(y2, y, f"output for {name} input")
        assert_close(dx2, dx, f"input gradient for {name} input")
        for (path, p), (_, q) in zip(fresh.named_parameters(), layer.named_parameters(), strict=True):
            assert_close(p.grad, q.grad, f"gradient of {path} for {name} input")


def check_output_shape(case: LayerCase) -> None:
    """`output_shape` foretells the shape of the output."""
    layer, x = case.layer(), case.input()
    foretold, seen = layer.output_shape(x.shape), layer.forward(x)[0].shape
    assert foretold == seen, f"output_shape foretells {foretold}, the output has shape {seen}"


def check_small_batches(case: LayerCase) -> None:
    """A batch of one and an empty batch work, in training too unless the case names a larger least batch."""
    for rows in (0, 1):
        layer = case.layer()
        x = case.input(shape=(rows, *case.input_shape[1:]))
        y = layer.infer(x)
        assert y.shape == layer.output_shape(x.shape), f"batch of {rows}: got {y.shape}"
        if rows >= case.min_batch:
            _, _, dx = run(layer, x)
            assert dx is None or dx.shape == x.shape, (
                f"batch of {rows}: the input gradient has shape {dx.shape}, not {x.shape}"
            )
            for name, parameter in layer.named_parameters():
                assert rows or not parameter.grad.any(), f"an empty batch gave {name} a gradient"


def check_batch_consistency(case: LayerCase) -> None:
    """In evaluation every row depends on its own input alone: a batch of one gives the row of the whole batch."""
    layer = case.layer().eval()
    x = case.input()
    assert_close(np.concatenate([layer.infer(x[i : i + 1]) for i in range(len(x))]), layer.infer(x), "row by row", 1e-9)


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
    assert_close(seen, layer.forward(x)[0], "infer against forward in eval mode")
    assert_close(layer(x), seen, "call in eval mode against infer")


def check_call_equals_closure(case: LayerCase) -> None:
    """``layer(x)`` and ``layer.backward(dy)`` give what forward and its closure give; a second backward is an error."""
    layer, other, x = case.layer(), case.layer(), case.input()
    y, dy, dx = run(layer, x)
    with random.keyed(0, 0):
        y2 = other(x)
    assert_close(y2, y, "output of the call", 0)
    assert_close(other.backward(dy), dx, "input gradient of the call", 0)
    try:
        other.backward(dy)
    except BackwardError:
        return
    raise AssertionError("a second backward must raise BackwardError")


def check_call_on_tensors(case: LayerCase) -> None:
    """A call on a Tensor is one node, whose backward gives to the bit what forward and its closure give."""
    for mode in ("train", "eval"):
        layer, x = case.layer(), case.input()
        getattr(layer, mode)()
        y, dy, dx = run(layer, x)
        for differentiable in (False,) if dx is None else (False, True):
            other = case.layer()
            getattr(other, mode)()
            leaf = Tensor(x, requires_grad=differentiable)
            with random.keyed(0, 0):
                out = other(leaf)
            assert_close(out.data, y, f"{mode}: output of the call on a Tensor", 0)
            if not (differentiable or is_trained(other)):
                assert not out.requires_grad, (
                    f"{mode}: there is nothing to go back to, but the output requires a gradient"
                )
                continue
            node, name = out.node, type(layer).__name__
            assert node is not None, f"{mode}: a call on a Tensor left no node"
            assert (node.name, node.inputs[0] is leaf) == (name, True), (
                f"{mode}: expected one node {name} from the input to the output, got {node.name}"
            )
            out.backward(dy)
            assert_close(leaf.grad, dx if differentiable else None, f"{mode}: input gradient of the Tensor", 0)
            for (path, p), (_, q) in zip(other.named_parameters(), layer.named_parameters(), strict=True):
                assert_close(p.grad, q.grad, f"{mode}: gradient of {path} by way of a Tensor", 0)
        with no_grad(), random.keyed(0, 0):
            out = case.layer()(leaf)
        assert out.node is None, "a call on a Tensor inside no_grad left a node"


def check_copy(case: LayerCase) -> None:
    """Deep copies and pickles work, are independent, and carry no closure along."""
    layer, x = case.layer(), case.input()
    layer(x)
    expected = layer.infer(x)
    twins = [copy.deepcopy(layer)]
    with suppress(pickle.PicklingError, AttributeError):  # pickle cannot import by name what a test module defines
        twins.append(pickle.loads(pickle.dumps(layer)))
    for twin in twins:
        assert_close(twin.infer(x), expected, "output of a copy", 0)
        try:
            twin.backward(gradient_like(expected))
        except BackwardError:
            pass
        else:
            raise AssertionError("a copy took the original's closure along")
        for parameter in twin.parameters():
            parameter.data[...] = 0
    layer.backward(gradient_like(expected))


def check_threads(case: LayerCase) -> None:
    """Two threads can use one layer at once: each goes back through its own call."""
    layer = case.layer()
    inputs = [case.input(seed=seed) for seed in (5, 6)]
    barrier = threading.Barrier(2, timeout=20)
    seen: list[Any] = [None, None]
    errors: list[BaseException] = []

    def work(i: int) -> None:
        try:
            with random.keyed(0, 0):
                y = layer(inputs[i])
            barrier.wait()  # both have called before either goes back
            seen[i] = layer.backward(gradient_like(y))
        except BaseException as error:
            errors.append(error)
            barrier.abort()

    threads = [threading.Thread(target=work, args=(i,)) for i in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    for i in range(2):
        _, _, expected = run(case.layer(), inputs[i])
        assert_close(seen[i], expected, f"input gradient in thread {i} (is something kept on self between calls?)")


def check_config(case: LayerCase) -> None:
    """`config` describes the layer: built from it, it has the same repr and, with the same state, the same output."""
    layer, x = case.layer(), case.input()
    twin = build("layer", describe(layer))
    twin.build(case.input_shape)
    assert repr(twin) == repr(layer), f"expected {layer!r}, got {twin!r}"
    twin.astype("float64").load_state_dict(layer.state_dict())
    assert_close(twin.infer(x), layer.infer(x), "output of the layer built from the configuration", 0)


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
