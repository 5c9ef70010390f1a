"""Type information: it ships, it is complete, and its names can be used in code of one's own."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from pathlib import Path
from typing import get_type_hints

import numpy as np
import pytest

import nn_core
from nn_core import Linear, MSELoss, Parameter, protocols, typing


def public_functions():
    """Yield (name, function) of all functions and methods without underscore that are defined in the package."""
    for info in pkgutil.walk_packages(nn_core.__path__, "nn_core."):
        module = importlib.import_module(info.name)
        for name, value in vars(module).items():
            if name.startswith("_") or getattr(value, "__module__", None) != info.name:
                continue
            if inspect.isfunction(value):
                yield f"{info.name}.{name}", value
            elif inspect.isclass(value):
                for method, inner in vars(value).items():
                    function = getattr(inner, "fget", getattr(inner, "__func__", inner))
                    public = not method.startswith("_") or method in ("__init__", "__call__")
                    if public and inspect.isfunction(function) and function.__module__ == info.name:
                        yield f"{info.name}.{name}.{method}", function


FUNCTIONS = dict(public_functions())


def test_the_package_says_that_it_is_typed():
    assert (Path(nn_core.__file__).parent / "py.typed").is_file()


def test_the_functions_are_found():
    assert len(FUNCTIONS) > 300
    assert {"nn_core.training.fit", "nn_core.layers.linear.Linear.forward", "nn_core.lazy.lazy_exports"} <= set(
        FUNCTIONS
    )


def test_every_argument_and_result_has_a_type():
    def missing(function):
        signature = inspect.signature(function, follow_wrapped=True)
        parameters = [p for p in signature.parameters.values() if p.name not in ("self", "cls")]
        untyped = [parameter.name for parameter in parameters if parameter.annotation is parameter.empty]
        return untyped + (["its result"] if signature.return_annotation is signature.empty else [])

    # attrs writes the __init__ of its classes, from fields that are typed
    found = {name: missing(function) for name, function in FUNCTIONS.items()}
    assert {name: names for name, names in found.items() if names} == {}


@pytest.mark.parametrize("name", typing.__all__)
def test_every_alias_exists(name):
    assert getattr(typing, name) is not None


def test_aliases_can_be_used_in_code_of_ones_own():
    def train(
        loader: typing.Loader,
        loss: typing.LossFunc | None,
        rule: typing.Optimizer,
        weights: typing.ListOfParameters,
        start: typing.InitFn,
        kernel: typing.KernelSize,
        stride: typing.Stride,
        padding: typing.Padding,
        betas: typing.BetaCoefficients,
        shape: typing.Shape,
        data: typing.TrainTestEvalSets,
    ) -> None: ...

    hints = get_type_hints(train, {"typing": typing})
    assert hints["loss"] == protocols.Loss | None
    assert hints["rule"] is protocols.Optimizer
    assert hints["weights"] == list[Parameter]
    assert hints["kernel"] == hints["stride"] == hints["padding"] == typing.IntOrPair
    assert isinstance(MSELoss(), typing.LossFunc)


def test_an_alias_that_is_none_is_missing_in_the_usual_words():
    with pytest.raises(AttributeError, match=r"module 'nn_core\.typing' has no attribute 'Shapes'"):
        _ = typing.Shapes


def test_an_init_function_takes_the_shape_alone():
    def halves(shape: typing.Shape) -> typing.Array:
        return np.full(shape, 0.5)

    assert (Linear(3, 2, init=halves).weight.data == 0.5).all()
