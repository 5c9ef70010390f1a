"""Dropout of whole channels: the checks of all layers, and what is special to it."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from nn_core import ConfigError, Sequential, ShapeError, default_rng, seed
from nn_core.random import keyed
from nn_core.testing import LayerCase, parametrize_layer_checks
from nn_layers_conv import Dropout2d

CASES = [
    LayerCase("dropout2d", lambda: Dropout2d(0.4), (4, 3, 2, 3)),
    LayerCase("dropout2d, nothing", lambda: Dropout2d(0.0), (2, 3, 2, 2)),
    LayerCase("dropout2d, everything", lambda: Dropout2d(1.0), (2, 3, 2, 2)),
]


@parametrize_layer_checks(CASES)
def test_layer(check):
    check()


def test_whole_channels_are_zeroed_and_the_others_scaled():
    seed(0)
    x = np.random.default_rng(0).uniform(1, 2, (200, 50, 2, 3))
    ratio = Dropout2d(0.3).forward(x)[0] / x
    kept = ratio[:, :, 0, 0] != 0
    np.testing.assert_allclose(ratio, np.where(kept, 1 / 0.7, 0)[:, :, None, None] * np.ones((2, 3)), rtol=1e-12)
    for share in (kept.mean(), kept[:, :25].mean(), kept[:100].mean()):  # neither by image nor by channel alone
        assert abs(share - 0.7) < 5 * np.sqrt(0.3 * 0.7 / 5000)
    assert 0 < kept.mean(0).min() < kept.mean(0).max() < 1
    assert 0 < kept.mean(1).min() < kept.mean(1).max() < 1


def test_the_gradient_goes_through_the_mask_of_the_output():
    y, backward = Dropout2d(0.5).forward(np.ones((20, 30, 2, 2)))
    dy = np.random.default_rng(0).normal(size=y.shape)
    assert (backward(dy) == dy * y).all()


def test_it_is_the_identity_in_evaluation_and_without_a_probability():
    x = np.ones((3, 4, 2, 2), np.float32)
    layer = Dropout2d(0.9)
    assert layer.infer(x) is x
    y, backward = layer.eval().forward(x)
    assert y is x
    assert backward(x) is x
    assert Dropout2d(0).forward(x)[0] is x


def test_probability_one_leaves_nothing():
    y, backward = Dropout2d(1).forward(np.ones((3, 4, 2, 2)))
    assert not y.any()
    assert not backward(np.ones_like(y)).any()


@pytest.mark.parametrize("split", [0, 1, 4, 9])
def test_keyed_masks_do_not_depend_on_how_the_rows_are_split(split):
    layer, x = Dropout2d(0.5), np.ones((9, 5, 2, 2))
    with keyed(3, step=5):
        whole = layer.forward(x)[0]
    with keyed(3, step=5):
        top = layer.forward(x[:split])[0]
    with keyed(3, step=5, first_row=split):
        bottom = layer.forward(x[split:])[0]
    assert (np.concatenate([top, bottom]) == whole).all()
    assert 0 < whole.mean() < 2


def test_keyed_masks_do_not_depend_on_what_was_drawn_before_and_differ_between_calls():
    layer, x = Dropout2d(0.5), np.ones((9, 7, 1, 2))
    masks = []
    for _ in range(2):
        default_rng().random(3)
        with keyed(0, step=0):
            masks.append([layer.forward(x)[0] for _ in range(2)])
    assert (masks[0][0] == masks[1][0]).all()
    assert (masks[0][1] == masks[1][1]).all()
    assert (masks[0][0] != masks[0][1]).any()


def test_deep_copies_of_a_model_draw_different_masks():
    model, x = Sequential(Dropout2d(0.5)), np.ones((9, 20, 1, 1))
    twin = copy.deepcopy(model)
    assert (model(x) != twin(x)).any()


def test_outputs_and_gradients_keep_the_order_in_memory():
    x = np.ones((3, 4, 6, 5), np.float32)
    y, backward = Dropout2d(0.5).forward(x.transpose(3, 0, 1, 2))
    for array in (y, backward(np.ones_like(y))):
        assert array.transpose(1, 2, 3, 0).flags.c_contiguous
    assert Dropout2d(0.5).forward(x)[0].flags.c_contiguous


@pytest.mark.parametrize("shape", [(3, 4), (3, 4, 4), (2, 3, 4, 4, 4)])
def test_what_is_no_batch_of_images_is_refused_in_both_modes(shape):
    layer, x = Dropout2d(), np.zeros(shape, np.float32)
    for refuse in (lambda: layer.forward(x), lambda: layer.infer(x), lambda: layer.output_shape(shape)):
        with pytest.raises(ShapeError) as caught:
            refuse()
        assert str(caught.value).startswith(f"dropout2d: expected images of shape (N, C, H, W), got {shape}")


@pytest.mark.parametrize(
    ("p", "message"),
    [
        (1.5, "p of Dropout2d must be a number from 0 to 1, got 1.5."),
        (-0.1, "p of Dropout2d must be a number from 0 to 1, got -0.1."),
        ("0.5", "p of Dropout2d must be a number from 0 to 1, got '0.5'."),
    ],
)
def test_what_is_no_probability_is_refused(p, message):
    with pytest.raises(ConfigError) as caught:
        Dropout2d(p)
    assert str(caught.value) == message
    assert repr(Dropout2d()) == "Dropout2d(p=0.5)"
