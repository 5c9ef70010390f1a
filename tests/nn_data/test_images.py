"""Datasets of images: the digits inside the package, and MNIST from a folder."""

from __future__ import annotations

import gzip
import hashlib
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

import nn_core
from nn_core import DataError
from nn_data import digits, emnist_letters, fashion_mnist, kmnist, load_dataset, mnist

PER_CLASS = np.array([178, 182, 177, 183, 181, 182, 181, 179, 174, 180])  # as published with the data
PUBLISHED = Path(__file__).parents[3] / "shared" / "data" / "mnist"
PARTS = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


def rows(images: np.ndarray) -> list[bytes]:
    return [image.tobytes() for image in images]


# Digits


@pytest.fixture(scope="module")
def parts():
    return digits()


def test_digits_are_1797_images_of_which_a_fifth_is_for_testing(parts):
    train, test = parts
    assert (train.x.shape, train.y.shape) == ((1437, 1, 8, 8), (1437,))
    assert (test.x.shape, test.y.shape) == ((360, 1, 8, 8), (360,))
    np.testing.assert_array_equal(np.bincount(np.concatenate([train.y, test.y])), PER_CLASS)


def test_digits_have_the_published_pixels_and_labels(parts):
    train, test = parts
    assert sum((part.x * 16).sum(dtype=np.float64) for part in parts) == 561_718
    pixels = dict(zip(rows(np.concatenate([train.x, test.x])), np.concatenate([train.y, test.y]), strict=True))
    zero = [
        [0, 0, 5, 13, 9, 1, 0, 0],
        [0, 0, 13, 15, 10, 15, 5, 0],
        [0, 3, 15, 2, 0, 11, 8, 0],
        [0, 4, 12, 0, 0, 8, 8, 0],
        [0, 5, 8, 0, 0, 9, 8, 0],
        [0, 4, 11, 0, 1, 12, 7, 0],
        [0, 2, 14, 5, 10, 12, 0, 0],
        [0, 0, 6, 13, 10, 0, 0, 0],
    ]
    assert pixels[(np.array(zero, np.float32) / 16).tobytes()] == 0


def test_digits_are_float32_from_0_to_1_with_labels_of_int64(parts):
    for part in parts:
        assert (part.x.dtype, part.y.dtype) == (np.float32, np.int64)
        assert (part.x.min(), part.x.max()) == (0, 1)
        assert set(part.y) == set(range(10))


def test_every_digit_is_in_both_parts_in_its_proportion(parts):
    _, test = parts
    assert (np.abs(np.bincount(test.y) - PER_CLASS * 360 / 1797) < 1).all()


def test_no_image_of_the_digits_is_in_both_parts_and_none_is_lost(parts):
    train, test = parts
    everything = rows(train.x) + rows(test.x)
    assert len(set(everything)) == len(everything) == 1797  # no two images of the set are equal


def test_digits_are_split_alike_for_the_same_seed_and_otherwise_for_another(parts):
    again, others = digits(seed=0), digits(seed=1)
    for part, same, other in zip(parts, again, others, strict=True):
        np.testing.assert_array_equal(part.x, same.x)
        np.testing.assert_array_equal(part.y, same.y)
        assert part.x.shape == other.x.shape
    shared = set(rows(parts[1].x)) & set(rows(others[1].x))
    assert 36 < len(shared) < 144  # 72 of 360 are expected by chance


def test_a_negative_seed_is_a_seed_like_any_other():
    (_, test), (_, again), (_, other) = digits(seed=-1), digits(seed=-1), digits(seed=0)
    np.testing.assert_array_equal(test.x, again.x)
    assert not np.array_equal(test.x, other.x)


@pytest.mark.parametrize(("test_size", "n"), [(100, 100), (0.5, 899), (1, 1), (1796, 1796)])
def test_the_test_part_of_the_digits_may_have_any_size(test_size, n):
    train, test = digits(test_size=test_size)
    assert (len(train), len(test)) == (1797 - n, n)


def test_the_digits_are_found_by_name(parts):
    train, test = load_dataset("digits")
    np.testing.assert_array_equal(train.x, parts[0].x)
    np.testing.assert_array_equal(test.y, parts[1].y)
    assert len(load_dataset("digits", test_size=10)[1]) == 10


def test_an_unknown_option_and_an_unknown_dataset_are_errors_with_the_close_match():
    with pytest.raises(nn_core.ConfigError, match=r"no option 'test_sise'\. Did you mean 'test_size'"):
        load_dataset("digits", test_sise=10)
    with pytest.raises(nn_core.UnknownComponentError, match=r"'digit'\. Did you mean 'digits'"):
        load_dataset("digit")


# MNIST from files that are made here


def idx_bytes(array: np.ndarray) -> bytes:
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 0x08, array.ndim, *array.shape) + array.tobytes()


def make_folder(folder: Path, **changes: np.ndarray) -> dict[str, np.ndarray]:
    """Write five training and three test images of 28×28 pixels, gzipped, and return the arrays by their part."""
    rng = np.random.default_rng(0)
    arrays = {
        "train_images": rng.integers(0, 256, (5, 28, 28), np.uint8),
        "train_labels": np.array([3, 1, 4, 1, 5], np.uint8),
        "t10k_images": rng.integers(0, 256, (3, 28, 28), np.uint8),
        "t10k_labels": np.array([9, 2, 6], np.uint8),
    } | changes
    folder.mkdir(exist_ok=True)
    for part, array in zip(PARTS, arrays.values(), strict=True):
        (folder / f"{part}.gz").write_bytes(gzip.compress(idx_bytes(array), mtime=0))
    return arrays


def unzip(folder: Path, rename: tuple[str, str] = ("", "")) -> None:
    for path in list(folder.glob("*.gz")):
        (folder / path.stem.replace(*rename)).write_bytes(gzip.decompress(path.read_bytes()))
        path.unlink()


@pytest.mark.parametrize("names", ["gzipped", "plain", "plain with a dot", "mixed"])
def test_mnist_is_read_from_files_under_any_of_their_usual_names(tmp_path, names):
    arrays = make_folder(tmp_path)
    if names.startswith("plain"):
        unzip(tmp_path, ("-idx", ".idx") if "dot" in names else ("", ""))
    if names == "mixed":
        path = tmp_path / f"{PARTS[0]}.gz"
        (tmp_path / PARTS[0]).write_bytes(gzip.decompress(path.read_bytes()))
        path.unlink()
    train, test = mnist(str(tmp_path))
    for part, images, labels in ((train, "train_images", "train_labels"), (test, "t10k_images", "t10k_labels")):
        assert (part.x.dtype, part.y.dtype) == (np.float32, np.int64)
        np.testing.assert_allclose(part.x, arrays[images][:, None] / 255, rtol=1e-6)
        np.testing.assert_array_equal(part.y, arrays[labels])


def test_white_is_1_and_black_is_0(tmp_path):
    make_folder(tmp_path, train_images=np.full((5, 28, 28), 255, np.uint8), t10k_images=np.zeros((3, 28, 28), np.uint8))
    train, test = mnist(str(tmp_path))
    assert (train.x == 1).all()
    assert (test.x == 0).all()


def test_the_home_folder_may_be_abbreviated(tmp_path, monkeypatch):
    make_folder(tmp_path / "mnist")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert len(mnist("~/mnist")[0]) == 5


def test_mnist_is_found_by_name(tmp_path):
    make_folder(tmp_path)
    train, test = load_dataset("mnist", path=str(tmp_path))
    assert (len(train), len(test)) == (5, 3)


def failure(folder: Path) -> str:
    with pytest.raises(DataError) as caught:
        mnist(str(folder))
    assert str(folder) in str(caught.value)
    return str(caught.value)


def test_a_missing_folder_is_an_error_that_names_the_setting(tmp_path):
    message = failure(tmp_path / "nowhere")
    assert "There is no folder" in message
    assert "path must name the one with" in message


@pytest.mark.parametrize("part", PARTS)
def test_a_missing_file_is_an_error_that_names_it(tmp_path, part):
    make_folder(tmp_path)
    (tmp_path / f"{part}.gz").unlink()
    assert f"holds no {part}.gz" in failure(tmp_path)


@pytest.mark.parametrize("part", PARTS)
def test_a_truncated_file_is_an_error_that_names_it(tmp_path, part):
    make_folder(tmp_path)
    path = tmp_path / f"{part}.gz"
    path.write_bytes(path.read_bytes()[:-9])
    assert f"{part}.gz is damaged or truncated" in failure(tmp_path)
    unzipped = gzip.decompress(gzip.compress(idx_bytes(np.zeros((5, 28, 28), np.uint8))))
    path.write_bytes(unzipped[:-9])
    assert "it ends after 3911." in failure(tmp_path)


@pytest.mark.parametrize(
    ("changes", "shapes"),
    [
        ({"train_labels": np.zeros(4, np.uint8)}, ("(5, 28, 28)", "(4,)")),
        ({"t10k_labels": np.zeros(4, np.uint8)}, ("(3, 28, 28)", "(4,)")),
        ({"train_images": np.zeros((5, 784), np.uint8)}, ("(5, 784)", "(5,)")),
        ({"t10k_labels": np.zeros((3, 1), np.uint8)}, ("(3, 28, 28)", "(3, 1)")),
        ({"train_images": np.zeros(5, np.uint8)}, ("(5,)", "(5,)")),
    ],
)
def test_images_and_labels_that_do_not_go_together_are_an_error_with_both_shapes(tmp_path, changes, shapes):
    make_folder(tmp_path, **changes)
    message = failure(tmp_path)
    assert "do not go together" in message
    assert all(shape in message for shape in shapes)


# MNIST as published


@pytest.fixture(scope="module")
def published():
    if not PUBLISHED.is_dir():
        pytest.skip(f"the MNIST files are not in {PUBLISHED}")
    return mnist(str(PUBLISHED))


def test_published_mnist_has_its_shapes_and_types(published):
    for part, n in zip(published, (60_000, 10_000), strict=True):
        assert (part.x.shape, part.y.shape) == ((n, 1, 28, 28), (n,))
        assert (part.x.dtype, part.y.dtype) == (np.float32, np.int64)
        assert (part.x.min(), part.x.max()) == (0, 1)


def test_published_mnist_has_its_labels(published):
    train, test = (np.bincount(part.y).tolist() for part in published)
    assert train == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert test == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]


def test_published_mnist_has_its_mean_pixel(published):
    test = published[1].x
    assert test.mean(dtype=np.float64) * 255 == pytest.approx(33.791224489795916, rel=1e-6)


# Those that take its place


@pytest.mark.parametrize("make", [fashion_mnist, kmnist])
def test_datasets_in_the_same_files_are_read_alike_under_their_own_classes(tmp_path, make):
    arrays = make_folder(tmp_path)
    train, test = make(str(tmp_path))
    same, _ = mnist(str(tmp_path))
    np.testing.assert_array_equal(train.x, same.x)
    assert test.y.tolist() == arrays["t10k_labels"].tolist()
    assert (train.info.name, len(set(train.info.class_names))) == (make.__name__, 10)
    assert train.info.class_names != same.info.class_names


@pytest.mark.parametrize("make", [mnist, fashion_mnist, kmnist])
def test_bytes_are_kept_on_request(tmp_path, make):
    arrays = make_folder(tmp_path)
    train, _ = make(str(tmp_path), as_bytes=True)
    assert train.x.dtype == np.uint8
    np.testing.assert_array_equal(train.x[:, 0], arrays["train_images"])


def make_letters(path: Path, zipped: bool) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    files, arrays = {}, {}
    for part, n in (("train", 6), ("test", 4)):
        arrays[part] = rng.integers(0, 256, (n, 28, 28), dtype=np.uint8)
        arrays[f"{part}-labels"] = np.array([1, 26, 3, 4, 5, 6], np.uint8)[:n]
        files[f"emnist-letters-{part}-images-idx3-ubyte"] = idx_bytes(arrays[part])
        files[f"emnist-letters-{part}-labels-idx1-ubyte"] = idx_bytes(arrays[f"{part}-labels"])
    if zipped:
        with zipfile.ZipFile(path, "w") as archive:
            for name, data in files.items():
                archive.writestr(f"gzip/{name}.gz", gzip.compress(data))
    else:
        for name, data in files.items():
            (path / name).write_bytes(data)
    return arrays


@pytest.mark.parametrize("zipped", [False, True])
def test_letters_stand_upright_and_are_numbered_from_0(tmp_path, zipped):
    path = tmp_path / "gzip.zip" if zipped else tmp_path
    arrays = make_letters(path, zipped)
    train, test = emnist_letters(str(path))
    np.testing.assert_array_equal(train.x[:, 0], arrays["train"].swapaxes(1, 2).astype(np.float32) / 255)
    assert train.y.tolist() == [0, 25, 2, 3, 4, 5]
    assert [train.info.class_names[label] for label in test.y] == ["a", "z", "c", "d"]


def test_a_letter_that_is_none_is_named(tmp_path):
    make_letters(tmp_path, zipped=False)
    path = tmp_path / "emnist-letters-test-labels-idx1-ubyte"
    path.write_bytes(path.read_bytes()[:-1] + b"\x00")
    with pytest.raises(DataError, match=r"test-labels-idx1-ubyte is mislabelled: record 3 \(byte 11\) has the label 0"):
        emnist_letters(str(tmp_path))


def test_the_published_checksums_are_those_of_the_published_files(published, monkeypatch):
    """All but the training images, which are not the original file here."""
    asked = []
    monkeypatch.setattr("nn_data.datasets.images.fetch", lambda name, files: asked.extend(files) or [1 / 0])
    with pytest.raises(ZeroDivisionError):
        mnist()
    assert [file.name for file in asked] == [f"{part}.gz" for part in PARTS]
    for file in asked[1:]:
        assert file.checksum == f"md5:{hashlib.md5((PUBLISHED / file.name).read_bytes()).hexdigest()}"
