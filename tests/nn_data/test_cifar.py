"""CIFAR: the records of the binary version, from files, gzipped files and archives."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from nn_core import DataError
from nn_data import cifar10, cifar100, load_dataset, read_cifar

PUBLISHED = Path(__file__).parents[3] / "shared" / "data" / "cifar10"


def records(n, classes=(10,), seed=0):
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (n, 3, 32, 32), dtype=np.uint8)
    labels = np.stack([rng.integers(0, count, n, dtype=np.uint8) for count in classes], axis=1)
    data = b"".join(bytes(label) + image.tobytes() for image, label in zip(images, labels, strict=True))
    return images, labels, data


def tar(path, members):
    with tarfile.open(path, "w:gz") as archive:
        for name, data in members.items():
            about = tarfile.TarInfo(name)
            about.size = len(data)
            archive.addfile(about, io.BytesIO(data))
    return path


@pytest.mark.parametrize("classes", [(10,), (20, 100)])
@pytest.mark.parametrize("form", ["plain", "gzip", "tar", "zip"])
def test_records_are_read_from_any_kind_of_file(tmp_path, form, classes):
    images, labels, data = records(3, classes)
    path, member = tmp_path / f"a.{form}", ""
    if form in ("plain", "gzip"):
        path.write_bytes(data if form == "plain" else gzip.compress(data))
    elif form == "tar":
        member = "folder/batch.bin"
        tar(path, {"folder/other": b"123", member: data})
    else:
        member = "batch.bin"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(member, data)
    found = read_cifar(path, classes, member)
    np.testing.assert_array_equal(found[0], images)
    np.testing.assert_array_equal(found[1], labels)


def test_cifar10_is_read_from_a_folder(tmp_path):
    parts = {
        "data_batch_1.bin": records(4, seed=1),
        "data_batch_2.bin": records(3, seed=2),
        "test_batch.bin": records(2),
    }
    for name, (_, _, data) in parts.items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / "data_batch_2.bin").rename(tmp_path / "data_batch_2.bin.gz")
    (tmp_path / "data_batch_2.bin.gz").write_bytes(gzip.compress(parts["data_batch_2.bin"][2]))
    train, test = load_dataset("cifar10", path=str(tmp_path))
    images = np.concatenate([parts[f"data_batch_{i}.bin"][0] for i in (1, 2)])
    assert (train.x.dtype, train.y.dtype) == (np.float32, np.int64)
    np.testing.assert_array_equal(train.x, images.astype(np.float32) / 255)
    assert train.y.tolist() == [*parts["data_batch_1.bin"][1][:, 0], *parts["data_batch_2.bin"][1][:, 0]]
    np.testing.assert_array_equal(test.x, parts["test_batch.bin"][0].astype(np.float32) / 255)
    raw, _ = cifar10(str(tmp_path), as_bytes=True)
    np.testing.assert_array_equal(raw.x, images)


def test_cifar10_is_read_from_the_archive(tmp_path):
    members = {f"cifar-10-batches-bin/data_batch_{i}.bin": records(2, seed=i)[2] for i in range(1, 6)}
    path = tar(tmp_path / "cifar-10-binary.tar.gz", members | {"cifar-10-batches-bin/test_batch.bin": records(1)[2]})
    train, test = cifar10(str(path))
    assert (len(train), len(test)) == (10, 1)
    np.testing.assert_array_equal(train.y, np.concatenate([records(2, seed=i)[1][:, 0] for i in range(1, 6)]))


@pytest.mark.parametrize("coarse", [False, True])
@pytest.mark.parametrize("archived", [False, True])
def test_cifar100_has_coarse_and_fine_labels(tmp_path, coarse, archived):
    parts = {"train": records(4, (20, 100)), "test": records(2, (20, 100), seed=1)}
    if archived:
        members = {f"cifar-100-binary/{name}.bin": data for name, (_, _, data) in parts.items()}
        path = tar(tmp_path / "cifar-100-binary.tar.gz", members)
    else:
        path = tmp_path
        for name, (_, _, data) in parts.items():
            (path / f"{name}.bin").write_bytes(data)
    train, test = cifar100(str(path), coarse=coarse)
    for part, name in ((train, "train"), (test, "test")):
        np.testing.assert_array_equal(part.y, parts[name][1][:, 0 if coarse else 1])
    assert len(train.info.class_names) == (20 if coarse else 100)
    assert train.info.class_names[:2] == (("aquatic_mammals", "fish") if coarse else ("apple", "aquarium_fish"))


@pytest.mark.skipif(not PUBLISHED.is_dir(), reason=f"there is no {PUBLISHED}")
def test_the_published_files_have_the_published_numbers():
    train, test = cifar10(str(PUBLISHED))
    assert train.x.shape == (10_000, 3, 32, 32)
    assert test.x.shape == (1000, 3, 32, 32)
    # of the first training batch, as counted by others
    assert np.bincount(train.y).tolist() == [1005, 974, 1032, 1016, 999, 937, 1030, 1001, 1025, 981]
    np.testing.assert_allclose(train.x.mean(axis=(0, 2, 3)), [0.4914, 0.4822, 0.4465], atol=5e-3)
    assert [train.info.class_names[label] for label in train.y[:5]] == ["frog", "truck", "truck", "deer", "automobile"]
    assert [train.info.class_names[label] for label in test.y[:4]] == ["cat", "ship", "ship", "airplane"]


@pytest.mark.parametrize("cut", [1, 3072, 3073 + 1])
def test_a_file_that_ends_in_the_middle_of_a_record_is_an_error(tmp_path, cut):
    path = tmp_path / "batch.bin"
    path.write_bytes(records(3)[2][:-cut])
    with pytest.raises(DataError, match=rf"{path} holds {3 * 3073 - cut} bytes, .* truncated after record"):
        read_cifar(path)


def test_a_label_out_of_range_is_named_with_its_place(tmp_path):
    data = bytearray(records(4, (20, 100))[2])
    data[2 * 3074 + 1] = 100
    path = tmp_path / "train.bin"
    path.write_bytes(data)
    with pytest.raises(DataError, match=rf"{path} is mislabelled: record 2 \(byte {2 * 3074 + 1}\) has the label 100"):
        read_cifar(path, (20, 100))


def test_what_is_missing_is_named(tmp_path):
    with pytest.raises(DataError, match="There is no file"):
        cifar10(str(tmp_path / "nowhere"))
    with pytest.raises(DataError, match=r"holds no data_batch_\*.bin"):
        cifar10(str(tmp_path))
    (tmp_path / "empty.bin").touch()
    with pytest.raises(DataError, match=r"empty.bin is empty"):
        read_cifar(tmp_path / "empty.bin")
    archive = tar(tmp_path / "a.tar.gz", {"x": b"1"})
    with pytest.raises(DataError, match=r"a.tar.gz holds no cifar-10-batches-bin/data_batch_1.bin"):
        cifar10(str(archive))
    (tmp_path / "b.tar.gz").write_bytes(archive.read_bytes()[:20])
    with pytest.raises(DataError, match=r"b.tar.gz is damaged or truncated"):
        cifar10(str(tmp_path / "b.tar.gz"))
