"""Images in folders, one folder per class."""

from __future__ import annotations

import numpy as np
import pytest

from nn_core import ConfigError, DataError
from nn_data import DataLoader, ImageFolder, load_dataset

Image = pytest.importorskip("PIL.Image", reason="Pillow, the extra nn-data[images], is not installed")


def pixels(seed, size=(6, 5), channels=3):
    shape = size if channels == 1 else (*size, channels)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


@pytest.fixture
def folder(tmp_path):
    for name, seeds in (("cat", [0, 1, 2]), ("ant", [3, 4, 5, 6])):
        (tmp_path / name / "more").mkdir(parents=True)
        for seed in seeds:
            place = tmp_path / name / ("more" if seed % 2 else "") / f"{seed}.png"
            Image.fromarray(pixels(seed)).save(place)
    (tmp_path / "cat" / "notes.txt").write_text("no image")
    (tmp_path / ".hidden").mkdir()
    return tmp_path


def test_folders_are_classes_and_pixels_are_those_of_the_files(folder):
    data = ImageFolder(folder)
    assert len(data) == 7
    assert data.info.class_names == ("ant", "cat")
    assert data.info.shape == (3, 6, 5)
    x, y = data.take(np.arange(7))
    assert (x.dtype, y.dtype) == (np.float32, np.int64)
    assert y.tolist() == [0] * 4 + [1] * 3
    seeds = [int(path.stem) for path in data.paths]
    assert sorted(seeds[:4]) == [3, 4, 5, 6]
    expected = np.stack([pixels(seed).transpose(2, 0, 1) for seed in seeds])
    np.testing.assert_array_equal(x, expected.astype(np.float32) / 255)
    np.testing.assert_array_equal(ImageFolder(folder, as_bytes=True).take([2, 0])[0], expected[[2, 0]])


def test_images_are_scaled_and_turned_to_gray_as_pillow_does(folder):
    x, _ = ImageFolder(folder, size=(3, 4), mode="L", as_bytes=True).take(np.array([0]))
    path = ImageFolder(folder).paths[0]
    expected = np.asarray(Image.open(path).convert("L").resize((4, 3), Image.Resampling.BILINEAR))
    np.testing.assert_array_equal(x[0, 0], expected)


def test_one_number_is_a_size_for_both_sides(folder):
    assert ImageFolder(folder, size=4).info.shape == (3, 4, 4)
    assert repr(ImageFolder(folder)) == "ImageFolder(7 images of (3, 6, 5) in 2 classes)"


def test_gray_images_of_16_bits_keep_their_upper_8(tmp_path):
    (tmp_path / "a").mkdir()
    Image.fromarray(np.array([[0, 30_000], [65_535, 256]], np.uint16)).save(tmp_path / "a" / "1.png")
    x, _ = ImageFolder(tmp_path, mode="L", as_bytes=True).take([0])
    assert x[0, 0].tolist() == [[0, 117], [255, 1]]


def test_jpegs_are_read_too(tmp_path):
    (tmp_path / "a").mkdir()
    Image.fromarray(np.full((8, 8, 3), 200, np.uint8)).save(tmp_path / "a" / "1.jpg")
    x, _ = ImageFolder(tmp_path).take([0])
    np.testing.assert_allclose(x, 200 / 255, atol=2 / 255)


def test_a_loader_reads_images_when_they_are_due(folder, monkeypatch):
    read = []
    original = ImageFolder._read
    monkeypatch.setattr(ImageFolder, "_read", lambda self, path, size: read.append(path) or original(self, path, size))
    batches = iter(DataLoader(ImageFolder(folder), 3))
    assert len(read) == 1  # the first one, for its size
    next(batches)
    assert len(read) == 4


def test_by_name_every_class_keeps_its_share(folder):
    train, test = load_dataset("image_folder", path=str(folder), test_size=2)
    assert sorted(test.take(np.arange(2))[1].tolist()) == [0, 1]
    assert len(train) == 5
    assert train.info.class_names == ("ant", "cat")


def test_folders_named_train_and_test_are_the_parts(tmp_path, folder):
    for part in ("train", "test"):
        for name in ("cat", "ant"):
            (tmp_path / "parted" / part / name).mkdir(parents=True)
            Image.fromarray(pixels(1)).save(tmp_path / "parted" / part / name / "1.png")
    train, test = load_dataset("image_folder", path=str(tmp_path / "parted"))
    assert (len(train), len(test)) == (2, 2)
    (tmp_path / "parted" / "test" / "cat").rename(tmp_path / "parted" / "test" / "dog")
    with pytest.raises(DataError, match="differ in classes or sizes"):
        load_dataset("image_folder", path=str(tmp_path / "parted"))


def test_a_damaged_image_is_named(folder):
    path = folder / "cat" / "0.png"
    data = path.read_bytes()
    images = ImageFolder(folder)
    place = images.paths.index(path)
    for damaged in (data[:40], data[: len(data) // 2], b"", b"GIF89a", data.replace(b"IDAT", b"JDAT")):
        path.write_bytes(damaged)
        with pytest.raises(DataError, match=f"{path} is no image that can be read"):
            images.take(np.array([place]))


def test_an_image_of_another_size_is_named(folder):
    Image.fromarray(pixels(0, (7, 5))).save(folder / "cat" / "2.png")
    with pytest.raises(DataError, match=r"2.png has 7×5 pixels, and the first image 6×5: give size=\(height, width\)"):
        ImageFolder(folder).take(np.arange(7))


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"mode": "CMYK"}, ConfigError, "mode of ImageFolder must be RGB or L, got 'CMYK'"),
        ({"size": (0, 3)}, ConfigError, r"size of ImageFolder must be \(height, width\), got \(0, 3\)"),
        ({"path": "nowhere"}, DataError, "There is no folder nowhere"),
    ],
)
def test_options_that_make_no_sense_are_refused(folder, options, error, said):
    with pytest.raises(error, match=said):
        ImageFolder(**({"path": folder} | options))


def test_a_folder_without_classes_or_images_is_an_error(tmp_path):
    with pytest.raises(DataError, match="holds no folders; every class needs one"):
        ImageFolder(tmp_path)
    (tmp_path / "cat").mkdir()
    with pytest.raises(DataError, match="cat holds no images"):
        ImageFolder(tmp_path)
