"""Datasets that are made: the geometry that their names promise."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

import nn_data
from nn_core import ConfigError, DataError
from nn_data import blobs, circles, linear_regression, load_dataset, moons, sine_waves, spirals, xor

ALL = [moons, circles, spirals, blobs, xor, linear_regression, sine_waves]
LABELED = ALL[:5]


def whole(make, **options):
    parts = make(**options)
    return tuple(np.concatenate([getattr(part, name) for part in parts]) for name in "xy")


@pytest.mark.parametrize("make", ALL, ids=lambda make: make.__name__)
def test_the_parts_have_the_promised_kind_and_size_and_say_what_they_are(make):
    train, test = load_dataset(make.__name__, samples=200, test_size=0.25, seed=3)
    assert (len(train), len(test)) == (150, 50)
    for part in (train, test):
        assert part.x.dtype == np.float32
        assert part.info.name == make.__name__
        assert part.info.shape == part.x.shape[1:]
        assert len(part.info.feature_names) == part.x.shape[1]
        if make in LABELED:
            assert part.y.dtype == np.int64
            assert part.y.shape == (len(part),)
            assert len(part.info.class_names) == train.y.max() + 1
        else:
            assert part.y.dtype == np.float32
            assert part.y.shape == (len(part), len(part.info.target_names))
    assert not {row.tobytes() for row in train.x} & {row.tobytes() for row in test.x}


@pytest.mark.parametrize("make", ALL, ids=lambda make: make.__name__)
def test_the_seed_decides(make):
    first, again, other = (make(100, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first[0].x, again[0].x)
    np.testing.assert_array_equal(first[1].y, again[1].y)
    assert (first[0].x != other[0].x).any()


@pytest.mark.parametrize("make", LABELED, ids=lambda make: make.__name__)
def test_classes_are_about_equally_frequent_and_keep_their_share(make):
    train, test = make(samples=600)
    counts = np.bincount(train.y), np.bincount(test.y)
    assert (np.abs(counts[0] / 480 - counts[1] / 120) < 0.02).all()
    assert (np.abs(counts[0] - counts[0].mean()) < 60).all()


def test_moons_lie_on_two_half_circles():
    x, y = whole(moons, noise=0.0)
    np.testing.assert_allclose(np.hypot(*x[y == 0].T), 1, atol=1e-6)
    assert (x[y == 0, 1] >= -1e-6).all()
    np.testing.assert_allclose(np.hypot(*(x[y == 1] - [1, 0.5]).T), 1, atol=1e-6)
    assert (x[y == 1, 1] <= 0.5 + 1e-6).all()


def test_circles_have_their_radii():
    x, y = whole(circles, noise=0.0, factor=0.3)
    np.testing.assert_allclose(np.hypot(*x.T), np.where(y == 0, 1, 0.3), atol=1e-6)
    assert (np.histogram(np.arctan2(*x.T), bins=8)[0] > 80).all()


def test_spirals_turn_as_they_grow():
    x, y = whole(spirals, noise=0.0, classes=4, turns=1.5)
    radius = np.hypot(*x.T)
    angle = np.arctan2(x[:, 1], x[:, 0]) / (2 * np.pi)
    np.testing.assert_allclose((angle - 1.5 * radius - y / 4 + 0.5) % 1, 0.5, atol=1e-4)
    assert radius.max() <= 1


def test_blobs_are_normal_around_their_centers():
    x, y = whole(blobs, samples=6000, noise=0.5, classes=3, features=4)
    for label in range(3):
        np.testing.assert_allclose(x[y == label].std(axis=0), 0.5, rtol=0.1)
    assert np.abs(x).max() < 13


def test_xor_is_told_by_the_signs():
    x, y = whole(xor)
    np.testing.assert_array_equal(y, (np.sign(x[:, 0]) != np.sign(x[:, 1])).astype(int))
    assert np.abs(x).max() <= 1


def test_a_linear_function_is_found_by_least_squares():
    x, y = whole(linear_regression, samples=4000, features=6, informative=2, targets=3, noise=0.2)
    w, residual, *_ = np.linalg.lstsq(x.astype(float), y.astype(float), rcond=None)
    np.testing.assert_allclose(w[2:], 0, atol=0.02)
    assert (np.abs(w[:2]) > 0.02).all()
    np.testing.assert_allclose(np.sqrt(residual / 4000), 0.2, rtol=0.05)


def test_sine_waves_are_sines():
    x, y = whole(sine_waves, noise=0.0, periods=3.0, waves=2)
    np.testing.assert_allclose(y, np.sin(3 * np.pi * x * [1, 2]), atol=1e-5)


@pytest.mark.parametrize("make", ALL, ids=lambda make: make.__name__)
def test_noise_moves_the_samples_by_its_deviation(make):
    clean, noisy = (whole(make, samples=2000, noise=noise, seed=5) for noise in (0.0, 0.1))
    part = 0 if make in LABELED else 1
    if make is not blobs:  # whose noise is all there is about a center
        np.testing.assert_allclose((noisy[part] - clean[part]).std(), 0.1, rtol=0.05)


@pytest.mark.parametrize("make", ALL, ids=lambda make: make.__name__)
@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"samples": 1}, ConfigError, "samples must be an integer of at least 2, got 1"),
        ({"samples": 10.0}, ConfigError, "samples"),
        ({"noise": -0.1}, ConfigError, "noise must be a number of at least 0, got -0.1"),
        ({"noise": float("nan")}, ConfigError, "noise"),
        ({"noise": True}, ConfigError, "noise"),
        ({"test_size": 2000}, DataError, "test_size .* got 2000"),
    ],
    ids=str,
)
def test_options_that_make_no_sense_are_refused(make, options, error, said):
    with pytest.raises(error, match=said):
        make(**options)


@pytest.mark.parametrize(
    ("make", "option"),
    [
        (blobs, "features"),
        (blobs, "classes"),
        (linear_regression, "targets"),
        (sine_waves, "waves"),
        (spirals, "classes"),
    ],
)
def test_counts_are_at_least_1(make, option):
    with pytest.raises(ConfigError, match=f"{option} must be an integer of at least 1, got 0"):
        make(**{option: 0})


@pytest.mark.parametrize("make", ALL, ids=lambda make: make.__name__)
def test_all_of_them_take_the_same_options(make):
    assert {"samples", "noise", "test_size", "seed"} <= set(inspect.signature(make).parameters)
    assert getattr(nn_data, make.__name__) is make
