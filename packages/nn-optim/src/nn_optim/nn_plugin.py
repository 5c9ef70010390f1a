"""What nn-optim announces."""

from __future__ import annotations

from collections.abc import Iterator

from nn_core.plugins import OptimizerSpec, hookimpl

NN_API = 1

# ruff: noqa: D103 - what each hook announces is said in nn_core/hookspecs.py


@hookimpl
def nn_optimizers() -> Iterator[OptimizerSpec]:
    yield OptimizerSpec(name="sgd", target="nn_optim.sgd:SGD", summary="Stochastic gradient descent with momentum.")
    yield OptimizerSpec(
        name="adam", target="nn_optim.adam:Adam", summary="Adam: moments of the gradient, bias-corrected."
    )
