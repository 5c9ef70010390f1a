"""Transforms: what they do to values, shapes, images and targets."""

from __future__ import annotations

import numpy as np
import pytest

from nn_core import ConfigError, DataError
from nn_data import ArrayDataset, DataLoader, Subset
from nn_data.transforms import (
    Compose,
    Cutout,
    FlattenSamples,
    Function,
    GaussianNoise,
    MixUp,
    Normalize,
    OneHot,
    PerSample,
    RandomCrop,
    RandomHorizontalFlip,
    RandomRotation,
    RandomScaling,
    RandomTranslation,
    RandomVerticalFlip,
    ToFloat,
    ToImages,
    Transform,
)
from nn_data.transforms.geometry import warp


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def images():
    x = np.random.default_rng(1).random((50, 3, 9, 7), np.float32)
    x.flags.writeable = False
    return x


RANDOM = [
    RandomCrop(5, padding=2),
    RandomHorizontalFlip(),
    RandomVerticalFlip(),
    RandomRotation(30),
    RandomTranslation(0.2),
    RandomScaling((0.5, 2)),
    GaussianNoise(0.5),
    Cutout(3),
]
FIXED = [Normalize([0.1, 0.2, 0.3], [1, 2, 3]), Normalize(0.5, 0.25), ToFloat(), FlattenSamples(), Function(np.square)]


def named(transform):
    return type(transform).__name__


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("transform", RANDOM + FIXED, ids=named)
def test_the_dtype_stays_the_input_is_not_written_to_and_no_images_are_no_images(transform, dtype, images, rng):
    x = images.astype(dtype)
    x.flags.writeable = False
    y = transform(x, rng)
    assert y.dtype == dtype
    assert len(y) == 50
    assert transform(x[:0], rng).shape == (0, *y.shape[1:])
    assert transform(x[:1], rng).shape == (1, *y.shape[1:])


@pytest.mark.parametrize("transform", RANDOM, ids=named)
def test_the_generator_decides_and_every_image_gets_something_of_its_own(transform, images):
    first, again, other = (transform(images, np.random.default_rng(seed)) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    same = np.repeat(images[:1], 20, axis=0)
    assert len({image.tobytes() for image in transform(same, np.random.default_rng(0))}) > 1


@pytest.mark.parametrize("transform", [t for t in RANDOM if not isinstance(t, GaussianNoise)], ids=named)
def test_transforms_of_images_refuse_what_is_no_image(transform, rng):
    with pytest.raises(DataError, match=r"takes images of the shape \(N, channels, height, width\), got \(3, 64\)"):
        transform(np.zeros((3, 64), np.float32), rng)


# Values and shapes


def test_normalizing_by_channel_gives_mean_0_and_deviation_1(images, rng):
    y = Normalize.of(images)(images, rng)
    np.testing.assert_allclose(y.mean(axis=(0, 2, 3)), 0, atol=1e-6)
    np.testing.assert_allclose(y.std(axis=(0, 2, 3)), 1, rtol=1e-6)
    whole = Normalize.of(ArrayDataset(images, np.zeros(50)), per_channel=False)(images, rng)
    np.testing.assert_allclose([whole.mean(), whole.std()], [0, 1], atol=1e-6)


def test_a_dataset_is_normalized_by_in_parts(rng):
    x = rng.normal(3, 2, (2500, 2, 3)).astype(np.float32)
    data = ArrayDataset(x, np.zeros(2500))
    whole, parts = Normalize.of(x), Normalize.of(Subset(data, np.arange(2500)))
    np.testing.assert_allclose([parts.mean, parts.std], [x.mean(axis=(0, 2)), x.std(axis=(0, 2))], rtol=1e-5)
    np.testing.assert_allclose([whole.mean, whole.std], [parts.mean, parts.std], rtol=1e-9)
    single = Normalize.of(Subset(data, np.arange(2500)), per_channel=False)
    np.testing.assert_allclose([single.mean, single.std], [x.mean(), x.std()], rtol=1e-5)
    with pytest.raises(DataError, match="no samples to normalize by"):
        Normalize.of(x[:0])


def test_a_constant_channel_becomes_0(rng):
    x = np.stack([np.full(5, 3.0), np.arange(5.0)], axis=1)
    assert Normalize.of(x)(x, rng)[:, 0].tolist() == [0] * 5


def test_bytes_are_normalized_in_float32(rng):
    y = Normalize(128, 64)(np.array([[0, 64, 255]], np.uint8), rng)
    assert y.dtype == np.float32
    assert y.tolist() == [[-2, -1, 127 / 64]]


def test_bytes_become_numbers_from_0_to_1(rng):
    y = ToFloat()(np.arange(256, dtype=np.uint8), rng)
    assert y.dtype == np.float32
    np.testing.assert_array_equal(y, np.arange(256, dtype=np.float32) / 255)


def test_samples_become_vectors_and_images(rng):
    x = np.arange(2 * 36).reshape(2, 36)
    assert ToImages()(x, rng).shape == (2, 1, 6, 6)
    y = ToImages((4, 3, 3))(x, rng)
    assert y.shape == (2, 4, 3, 3)
    np.testing.assert_array_equal(FlattenSamples()(y, rng), x)


def test_noise_has_the_deviation_that_was_asked_for(rng):
    x = np.ones((100, 1000), np.float32)
    noise = GaussianNoise(0.3)(x, rng) - x
    np.testing.assert_allclose([noise.mean(), noise.std()], [0, 0.3], atol=0.01)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Normalize([1, 2], [1]), r"got shapes \(2,\) and \(1,\)"),
        (lambda: Normalize([[1]], [[1]]), "one number or one per channel"),
        (lambda: Normalize(0, 0), "std above 0"),
        (lambda: Normalize(np.nan, 1), "finite"),
        (lambda: GaussianNoise(-1), "std"),
        (lambda: RandomCrop(0), "size"),
        (lambda: RandomCrop(3, padding=-1), "padding"),
        (lambda: RandomHorizontalFlip(1.5), "p"),
        (lambda: RandomTranslation(2), "share"),
        (lambda: RandomScaling((2, 1)), "scale"),
        (lambda: RandomScaling((0, 1)), "scale"),
        (lambda: RandomScaling(1), "scale"),
        (lambda: RandomRotation(-1), "degrees"),
        (lambda: Cutout(0), "size"),
        (lambda: MixUp(0), "alpha"),
        (lambda: OneHot(0), "num_classes"),
    ],
)
def test_options_that_make_no_sense_are_refused(make, said):
    with pytest.raises(ConfigError, match=said):
        make()


@pytest.mark.parametrize(
    ("transform", "x", "said"),
    [
        (Normalize([1, 2], [1, 1]), np.zeros((3, 4)), r"2 channels on axis 1, got the shape \(3, 4\)"),
        (ToImages(), np.zeros((3, 50)), "do not make a square image"),
        (ToImages((3, 4, 4)), np.zeros((3, 50)), r"do not make an image of \(3, 4, 4\)"),
        (GaussianNoise(), np.zeros((2, 2), np.uint8), "got uint8; ToFloat"),
        (RandomRotation(3), np.zeros((2, 1, 2, 2), np.uint8), "got uint8; ToFloat"),
        (RandomCrop(9), np.zeros((2, 1, 8, 8)), r"window of 9×9 does not fit into images of \(8, 8\)"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(transform, x, said, rng):
    with pytest.raises(DataError, match=said):
        transform(x, rng)


# Images


def test_a_crop_is_a_window_of_the_padded_image_and_all_places_occur(images, rng):
    images = np.tile(images, (4, 1, 1, 1))
    padded = np.pad(images, ((0, 0), (0, 0), (2, 2), (2, 2)))
    places = set()
    for x, y in zip(padded, RandomCrop((11, 8), padding=2)(images, rng), strict=True):
        found = [
            (top, left) for top in range(3) for left in range(4) if (x[:, top : top + 11, left : left + 8] == y).all()
        ]
        assert len(found) == 1
        places.add(found[0])
    assert len(places) == 12


@pytest.mark.parametrize(("transform", "axis"), [(RandomHorizontalFlip, 2), (RandomVerticalFlip, 1)])
def test_a_flip_is_the_mirror_image_or_nothing(transform, axis, images, rng):
    y = transform(0.5)(images, rng)
    flipped = [bool((a == np.flip(b, axis)).all()) for a, b in zip(y, images, strict=True)]
    kept = [bool((a == b).all()) for a, b in zip(y, images, strict=True)]
    assert [a != b for a, b in zip(flipped, kept, strict=True)] == [True] * 50
    assert 10 < sum(flipped) < 40
    np.testing.assert_array_equal(transform(1)(images, rng), np.flip(images, axis + 1))
    np.testing.assert_array_equal(transform(0)(images, rng), images)


def test_a_cutout_is_one_square_of_zeros_that_may_lie_across_the_edge(images, rng):
    x = np.tile(images, (4, 1, 1, 1)) + 1
    sizes = set()
    for before, after in zip(x, Cutout(3)(x, rng), strict=True):
        hidden = (after == 0).all(axis=0)
        assert ((after == before) | hidden).all()
        rows, columns = np.flatnonzero(hidden.any(axis=1)), np.flatnonzero(hidden.any(axis=0))
        assert hidden[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].all()
        sizes.add((len(rows), len(columns)))
    assert (3, 3) in sizes
    assert max(sizes) == (3, 3)
    assert min(sizes) < (3, 3)
    np.testing.assert_array_equal(Cutout(3, p=0)(x, rng), x)


# Geometry


def turned(degrees, n):
    angle = np.deg2rad(degrees)
    return np.broadcast_to([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]], (n, 2, 2))


@pytest.mark.parametrize(("quarter", "degrees"), [(1, 90), (2, 180), (3, 270), (0, 0)])
def test_quarter_turns_are_exact(quarter, degrees):
    x = np.random.default_rng(0).random((4, 2, 6, 6))
    y = warp(x, turned(degrees, 4), np.zeros((4, 2)), "")
    np.testing.assert_allclose(y, np.rot90(x, quarter, axes=(2, 3)), atol=1e-12)


def test_a_move_by_whole_pixels_shifts_and_fills_with_zeros():
    x = np.random.default_rng(0).random((1, 1, 5, 6))
    y = warp(x, np.eye(2)[None], np.array([[1.0, -2.0]]), "")
    expected = np.zeros_like(x)
    expected[:, :, 1:, :-2] = x[:, :, :-1, 2:]
    np.testing.assert_allclose(y, expected, atol=1e-12)


def test_a_move_by_half_a_pixel_is_the_mean_of_two():
    x = np.random.default_rng(0).random((1, 1, 3, 6))
    y = warp(x, np.eye(2)[None], np.array([[0.0, 0.5]]), "")
    np.testing.assert_allclose(y[..., 1:], (x[..., 1:] + x[..., :-1]) / 2, atol=1e-12)
    np.testing.assert_allclose(y[..., 0], x[..., 0] / 2, atol=1e-12)


def test_a_linear_ramp_stays_linear_when_it_is_scaled():
    rows = np.arange(9.0)[:, None] - 4
    x = np.broadcast_to(rows, (9, 9))[None, None].copy()
    y = warp(x, np.eye(2)[None] / 2, np.zeros((1, 2)), "")  # twice as large
    np.testing.assert_allclose(y[0, 0], np.broadcast_to(rows / 2, (9, 9)), atol=1e-12)


def test_angles_moves_and_factors_fill_their_ranges():
    spot = np.zeros((400, 1, 41, 41))
    spot[:, :, 10, 20] = 1  # ten pixels above the center
    grid = np.arange(41) - 20

    def center_of(y):
        mass = y.sum(axis=(1, 2, 3))
        return (y.sum(axis=(1, 3)) @ grid) / mass, (y.sum(axis=(1, 2)) @ grid) / mass

    rows, columns = center_of(RandomRotation(30)(spot, np.random.default_rng(0)))
    angles = np.rad2deg(np.arctan2(columns, -rows))
    np.testing.assert_allclose([angles.min(), angles.max()], [-30, 30], atol=2)
    np.testing.assert_allclose(np.hypot(rows, columns), 10, atol=0.3)
    rows, columns = center_of(RandomTranslation(0.1)(spot, np.random.default_rng(0)))
    np.testing.assert_allclose([rows.min(), rows.max()], [-14.1, -5.9], atol=0.2)
    np.testing.assert_allclose([columns.min(), columns.max()], [-4.1, 4.1], atol=0.2)
    rows, columns = center_of(RandomScaling((0.5, 1.5))(spot, np.random.default_rng(0)))
    np.testing.assert_allclose(columns, 0, atol=1e-9)
    np.testing.assert_allclose([rows.min(), rows.max()], [-15, -5], atol=0.6)


# Targets


def test_labels_become_one_hot_rows(rng):
    _, y, weight = OneHot(3).batch((np.zeros(2), np.array([2, 0]), np.ones(2)), rng)
    assert y.tolist() == [[0, 0, 1], [1, 0, 0]]
    assert weight.tolist() == [1, 1]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_mixup_mixes_inputs_targets_and_weights_alike(rng, dtype):
    x = rng.random((40, 3, 2)).astype(dtype)
    parts = (x, x[:, 0].copy(), x[:, 0, 0].copy())
    mixed = MixUp(1.0).batch(parts, rng)
    assert [part.dtype for part in mixed] == [dtype] * 3
    np.testing.assert_allclose(mixed[0][:, 0], mixed[1], rtol=1e-6)
    np.testing.assert_allclose(mixed[1][:, 0], mixed[2], rtol=1e-6)
    np.testing.assert_allclose(mixed[1].sum(axis=0) > 0, True)
    assert (mixed[0] != x).mean() > 0.9
    assert (mixed[2] <= parts[2].max() + 1e-6).all()
    assert (mixed[2] >= parts[2].min() - 1e-6).all()


def test_mixup_is_a_mixture_of_two_samples_with_shares_from_the_beta_distribution(rng):
    y = np.eye(2000)
    _, mixed = MixUp(0.4).batch((y[:, :1], y), rng)
    np.testing.assert_allclose(mixed.sum(axis=1), 1)
    assert ((mixed > 0).sum(axis=1) <= 2).all()
    shares = mixed[np.arange(2000), np.arange(2000)]
    np.testing.assert_allclose([shares.mean(), shares.var()], [0.5, 0.25 / 1.8], atol=0.02)


@pytest.mark.parametrize(
    ("batch", "said"),
    [
        ((np.zeros((2, 2), np.uint8), np.zeros((2, 2))), "got uint8: put ToFloat"),
        ((np.zeros((2, 2)), np.array([0, 1])), r"got int64: .* OneHot\(num_classes\) for labels"),
        (((np.zeros(2), np.zeros(2)), np.zeros(2)), "got tuple"),
    ],
)
def test_mixup_refuses_what_cannot_be_mixed(batch, said, rng):
    with pytest.raises(DataError, match=said):
        MixUp().batch(batch, rng)


# Composition


def test_transforms_are_done_one_after_the_other_with_one_generator(images):
    together = Compose([RandomHorizontalFlip(), [RandomCrop(5), lambda x: x * 2]])
    rng = np.random.default_rng(3)
    expected = 2 * RandomCrop(5)(RandomHorizontalFlip()(images, rng), rng)
    np.testing.assert_array_equal(together(images, np.random.default_rng(3)), expected)
    x, y = together.batch((images, 7), np.random.default_rng(3))
    np.testing.assert_array_equal(x, expected)
    assert y == 7


def test_a_function_of_one_sample_is_done_to_each(images, rng):
    np.testing.assert_array_equal(PerSample(lambda x: x[:1] + 1)(images, rng), images[:, :1] + 1)
    noisy = PerSample(lambda x, rng: x + rng.random(), random=True)(images, np.random.default_rng(0))
    drawn = np.random.default_rng(0).random(50)
    np.testing.assert_allclose(noisy, images + drawn[:, None, None, None], rtol=1e-6)
    with pytest.raises(DataError, match=r"PerSample made \[\(1,\), \(2,\)\]"):
        PerSample(lambda n: np.zeros(n))(np.array([1, 2]), rng)


@pytest.mark.parametrize("choice", [3, "flip", RandomHorizontalFlip, [RandomCrop(3), None]])
def test_what_is_no_transform_is_refused(choice):
    with pytest.raises(ConfigError, match="A transform is a Transform, a function of x or a list of them"):
        Compose([choice])


def test_a_transform_says_what_it_must_define(rng):
    with pytest.raises(NotImplementedError, match=r"Transform must define __call__\(x, rng\)"):
        Transform()(1, rng)


class Shift(Transform):
    """What someone else may write."""

    def __call__(self, x, rng):
        return x + rng.integers(0, 1000, len(x))[:, None]


def test_what_a_transform_draws_for_a_batch_follows_from_seed_epoch_and_batch():
    data = (np.zeros((20, 1)), np.arange(20))

    def epoch(number, seed=0, **options):
        loader = DataLoader(data, 6, seed=seed, transform=Shift(), **options)
        loader.set_epoch(number)
        return [x.ravel().tolist() for x, _ in loader]

    first = epoch(2)
    assert epoch(2) == first == epoch(2, prefetch=3, threads=2)
    assert epoch(3) != first != epoch(2, seed=1)
    assert len({tuple(batch) for batch in first}) == 4
