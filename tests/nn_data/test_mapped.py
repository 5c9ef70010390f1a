"""Memory-mapped files: .npy and Arrow, without copies."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import feather

from nn_core import ArrayDataset, ConfigError, DataError
from nn_data import ArrowDataset, DataLoader, open_npy


def test_an_npy_file_is_mapped_and_read_only(tmp_path):
    x = np.random.default_rng(0).random((20, 3, 2))
    np.save(tmp_path / "x.npy", x)
    mapped = open_npy(tmp_path / "x.npy")
    assert type(mapped) is np.ndarray
    assert isinstance(mapped.base, np.memmap)
    assert not mapped.flags.writeable
    np.testing.assert_array_equal(mapped, x)
    data = ArrayDataset(mapped, np.arange(20))
    assert data.x is mapped
    for batch, y in DataLoader(data, 6, shuffle=True):
        np.testing.assert_array_equal(batch, x[y])


@pytest.mark.parametrize("cut", [1, 100, 4000])
def test_an_npy_file_that_is_too_short_is_an_error(tmp_path, cut):
    path = tmp_path / "x.npy"
    np.save(path, np.zeros(500))
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(DataError, match=rf"{path} is no .npy file that can be mapped"):
        open_npy(path)


def test_a_header_that_claims_terabytes_allocates_nothing(tmp_path):
    path = tmp_path / "x.npy"
    np.save(path, np.zeros(500))
    path.write_bytes(path.read_bytes().replace(b"(500,)", b"(5000000000000,)").replace(b"          \n", b"\n", 1))
    with pytest.raises(DataError, match=r"is no \.npy file that can be mapped"):
        open_npy(path)


def test_what_is_no_npy_file_is_refused(tmp_path):
    np.save(tmp_path / "objects.npy", np.array([{}, 1], object), allow_pickle=True)
    (tmp_path / "text.npy").write_text("no array")
    np.savez(tmp_path / "several.npz", a=np.zeros(2))
    for name, said in (("objects", "objects.npy"), ("text", "text.npy"), ("nothing", "There is no file")):
        with pytest.raises(DataError, match=said):
            open_npy(tmp_path / f"{name}.npy")
    with pytest.raises(DataError, match="archive of several arrays"):
        open_npy(tmp_path / "several.npz")


RNG = np.random.default_rng(0)
COLUMNS = {
    "a": RNG.random(50, np.float32),
    "b": RNG.integers(0, 9, 50),
    "label": RNG.integers(0, 3, 50, dtype=np.int8),
    "w": RNG.random(50),
}
PIXELS = RNG.integers(0, 256, (50, 6), dtype=np.uint8)


@pytest.fixture(params=[50, 7], ids=["one batch", "several batches"])
def path(tmp_path, request):
    pixels = pa.FixedSizeListArray.from_arrays(pa.array(PIXELS.ravel()), 6)
    table = pa.table({**COLUMNS, "pixels": pixels})
    feather.write_feather(table, tmp_path / "t.arrow", compression="uncompressed", chunksize=request.param)
    return tmp_path / "t.arrow"


def test_rows_of_an_arrow_file_are_gathered(path):
    data = ArrowDataset(path, "label", ["a", "b"], weight="w")
    assert len(data) == 50
    indices = np.array([3, 49, 0, 3, -1])
    x, y, weight = data.take(indices)
    assert (x.dtype, y.dtype, weight.dtype) == (np.float32, np.int64, np.float32)
    np.testing.assert_array_equal(x, np.stack([COLUMNS["a"], COLUMNS["b"]], axis=1).astype(np.float32)[indices])
    np.testing.assert_array_equal(y, COLUMNS["label"][indices])
    np.testing.assert_array_equal(weight, COLUMNS["w"].astype(np.float32)[indices])


def test_lists_are_rows_of_features(path):
    x, y = ArrowDataset(path, ["a", "w"], "pixels").take(np.arange(50))
    np.testing.assert_array_equal(x, PIXELS)
    np.testing.assert_array_equal(y, np.stack([COLUMNS["a"], COLUMNS["w"]], axis=1).astype(np.float32))


def test_columns_are_views_of_the_mapped_file(path):
    before = pa.total_allocated_bytes()
    data = ArrowDataset(path, "label", ["a", "b"])
    assert pa.total_allocated_bytes() - before < 10_000
    assert not data.columns[0][0].flags.writeable
    assert not data.columns[0][0].flags.owndata


def test_rows_that_are_not_there_are_an_error(path):
    for wrong in ([50], [-51]):
        with pytest.raises(IndexError, match="The dataset has 50 rows"):
            ArrowDataset(path, "label", "a").take(np.array(wrong))


def test_what_does_not_fit_is_named(tmp_path, path):
    with pytest.raises(ConfigError, match=r"there is no column 'lable'\. Did you mean 'label'"):
        ArrowDataset(path, "lable")
    with pytest.raises(ConfigError, match="Lists of numbers can be features, not targets"):
        ArrowDataset(path, "pixels")
    with pytest.raises(DataError, match="There is no file"):
        ArrowDataset(tmp_path / "nowhere.arrow", "label")
    feather.write_feather(
        pa.table({"a": [1.0, None], "y": [0, 1]}), tmp_path / "gaps.arrow", compression="uncompressed"
    )
    with pytest.raises(DataError, match="column 'a' has missing values; read it with TableDataset"):
        ArrowDataset(tmp_path / "gaps.arrow", "y")
    feather.write_feather(pa.table({"a": ["x"], "y": [0]}), tmp_path / "words.arrow", compression="uncompressed")
    with pytest.raises(ConfigError, match="Column 'a' is of type string, where numbers are expected"):
        ArrowDataset(tmp_path / "words.arrow", "y")


@pytest.mark.parametrize("cut", [1, 10, 200, 1000])
def test_a_truncated_arrow_file_is_an_error(path, cut):
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(DataError, match=f"{path} cannot be read"):
        ArrowDataset(path, "label")
