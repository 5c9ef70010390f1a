"""Layers that rearrange their input: where the elements go, and how they come back."""

from __future__ import annotations

import numpy as np
import pytest

from nn_core import Dropout, Flatten, Identity, Reshape, Sequential, Unflatten


def draw(*shape):
    return np.random.default_rng(1).normal(size=shape)


@pytest.mark.parametrize(
    ("layer", "shape", "expected"),
    [
        (Unflatten(1, (2, 3)), (5, 6), (5, 2, 3)),
        (Unflatten(1, (2, -1)), (5, 6), (5, 2, 3)),
        (Unflatten(-1, [-1, 2]), (5, 4, 6), (5, 4, 3, 2)),
        (Unflatten(0, (5, 1)), (5,), (5, 1)),
        (Unflatten(1, 6), (5, 6), (5, 6)),
        (Unflatten(1, (2, -1)), (0, 6), (0, 2, 3)),
        (Reshape((2, 3)), (5, 6), (5, 2, 3)),
        (Reshape([3, -1]), (5, 2, 3), (5, 3, 2)),
        (Reshape(-1), (5, 2, 3), (5, 6)),
        (Reshape(-1), (5,), (5, 1)),
        (Reshape(()), (5, 1, 1), (5,)),
        (Reshape((1, -1)), (0, 2, 3), (0, 1, 6)),
    ],
)
def test_elements_keep_their_order_and_come_back(layer, shape, expected):
    x = np.asfortranarray(draw(*shape))
    y, backward = layer.forward(x)
    assert y.shape == layer.output_shape(shape) == expected
    assert (y.ravel() == x.ravel()).all()
    assert (backward(y) == x).all()


def test_unflatten_undoes_flatten():
    x = draw(2, 3, 4, 5)
    assert (Sequential(Flatten(), Unflatten(1, x.shape[1:])).infer(x) == x).all()


@pytest.mark.parametrize("layer", [Identity(), Dropout(0.5).eval(), Dropout(0.0)])
def test_what_leaves_its_input_as_it_is_copies_nothing(layer):
    x = draw(2, 3)
    y, backward = layer.forward(x)
    assert y is x
    assert backward(x) is x
    assert layer.infer(x) is x
