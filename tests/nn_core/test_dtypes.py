"""The default dtype and who follows it."""

from __future__ import annotations

import re

import numpy as np
import pytest

from nn_core import BatchNorm1d, ConfigError, Linear, Sequential, default_dtype, set_default_dtype


@pytest.fixture(autouse=True)
def restored():
    yield
    set_default_dtype("float32")


def test_float32_is_the_default():
    assert default_dtype() == np.float32
    assert Linear(2, 3)([[1, 2]]).dtype == np.float32


@pytest.mark.parametrize("dtype", ["float64", np.float64, np.dtype("float64"), float])
def test_new_parameters_buffers_and_lists_get_the_default(dtype):
    set_default_dtype(dtype)
    model = Sequential(Linear(2, 3), BatchNorm1d(3), Linear(out_features=1))
    assert model.infer(model.accept([[1, 2]])).dtype == np.float64
    dtypes = {name: array.dtype for name, array in model.state_dict().items()}
    assert dtypes.pop("1.num_batches_tracked") == np.int64
    assert set(dtypes.values()) == {np.dtype("float64")}


def test_layers_that_exist_keep_their_dtype():
    layer = Linear(2, 3)
    set_default_dtype("float64")
    assert layer([[1, 2]]).dtype == np.float32


@pytest.mark.parametrize("dtype", ["int32", bool, "complex128", "str"])
def test_only_floating_point_dtypes_are_taken(dtype):
    message = f"Parameters need a floating-point dtype such as float32, got {np.dtype(dtype)}."
    with pytest.raises(ConfigError, match=re.escape(message)):
        set_default_dtype(dtype)
    assert default_dtype() == np.float32
