"""Damaged files of every kind: always an error that names the file, or the values that were written; never others.

Hypothesis chooses what is cut off, changed or put in. A changed byte can turn one valid file into another, where no
checksum tells: these cases are allowed to give an array of the shape that the file says it has.
"""

from __future__ import annotations

import gzip
import struct

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from pyarrow import feather

from nn_core import DataError
from nn_data import TableDataset, TableStream, mnist, open_npy, read_cifar, read_idx, read_table

checked = settings(
    max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (4, 5, 3), dtype=np.uint8)
IDX = struct.pack(">BBBB3I", 0, 0, 8, 3, 4, 5, 3) + IMAGES.tobytes()
CIFAR = b"".join(bytes([i]) + RNG.bytes(3072) for i in range(3))
TABLE = pa.table(
    {"a": RNG.random(40), "b": RNG.integers(0, 9, 40), "word": ["x", "y"] * 20, "y": RNG.integers(0, 2, 40)}
)


def refused(path, read):
    """Return what `read` makes of a file, None if it refuses it with an error that names it."""
    try:
        return read(path)
    except DataError as error:
        said = str(error)
    assert str(path) in said
    assert len(said) < 1000
    return None


@st.composite
def damages(draw, data: bytes):
    """Cut off the end, change some bytes, put some in, or take some out."""
    kind = draw(st.sampled_from(["cut", "change", "insert", "remove"]))
    place = draw(st.integers(0, len(data) - 1))
    if kind == "cut":
        return data[:place]
    piece = draw(st.binary(min_size=1, max_size=8))
    if kind == "change":
        return data[:place] + piece + data[place + len(piece) :]
    return data[:place] + piece + data[place:] if kind == "insert" else data[:place] + data[place + len(piece) :]


@checked
@given(damages(IDX))
def test_idx(tmp_path, data):
    path = tmp_path / "a.idx"
    path.write_bytes(data)
    array = refused(path, read_idx)
    if array is not None:
        assert data[:3] == b"\0\0" + data[2:3]
        shape = struct.unpack(f">{data[3]}I", data[4 : 4 + 4 * data[3]])
        assert array.shape == shape
        assert array.astype(array.dtype.newbyteorder(">")).tobytes() == data[4 + 4 * data[3] :]


@checked
@given(damages(gzip.compress(IDX, mtime=0)))
def test_gzipped_idx_is_what_was_written_or_refused(tmp_path, data):
    path = tmp_path / "a.gz"
    path.write_bytes(data)
    array = refused(path, read_idx)
    if array is not None:  # a change in the header of gzip, which no checksum covers
        np.testing.assert_array_equal(array, IMAGES)


@checked
@given(st.tuples(*[st.integers(0, 2**32 - 1)] * 3), st.binary(max_size=50))
def test_a_header_of_idx_may_claim_what_it_likes(tmp_path, sizes, rest):
    path = tmp_path / "a.idx"
    path.write_bytes(struct.pack(">BBBB3I", 0, 0, 8, 3, *sizes) + rest)
    array = refused(path, read_idx)
    if array is not None:
        assert array.size == len(rest) == np.prod(sizes)


@checked
@given(damages(CIFAR))
def test_cifar_records_are_whole_and_have_labels_below_10(tmp_path, data):
    path = tmp_path / "batch.bin"
    path.write_bytes(data)
    found = refused(path, read_cifar)
    if found is not None:
        images, labels = found
        assert len(data) == 3073 * len(images)
        assert (labels < 10).all()
        assert images.tobytes() == b"".join(data[i + 1 : i + 3073] for i in range(0, len(data), 3073))


@checked
@given(damages(gzip.compress(CIFAR, mtime=0)))
def test_gzipped_cifar_is_what_was_written_or_refused(tmp_path, data):
    path = tmp_path / "batch.bin.gz"
    path.write_bytes(data)
    found = refused(path, read_cifar)
    if found is not None:
        assert found[0].tobytes() == b"".join(CIFAR[i + 1 : i + 3073] for i in range(0, len(CIFAR), 3073))


@checked
@given(st.integers(0, 9), st.integers(10, 255))
def test_a_label_of_mnist_that_is_no_digit_is_named_with_its_byte(tmp_path, place, label):
    labels = np.arange(10, dtype=np.uint8)
    labels[place] = label
    for part, n in (("train", 10), ("t10k", 10)):
        pixels = struct.pack(">BBBB3I", 0, 0, 8, 3, n, 28, 28) + bytes(n * 784)
        (tmp_path / f"{part}-images-idx3-ubyte").write_bytes(pixels)
        values = labels if part == "t10k" else np.zeros(10, np.uint8)
        (tmp_path / f"{part}-labels-idx1-ubyte").write_bytes(struct.pack(">BBBBI", 0, 0, 8, 1, n) + values.tobytes())
    with pytest.raises(DataError, match=rf"t10k-labels-idx1-ubyte is mislabelled: record {place} \(byte {8 + place}\)"):
        mnist(str(tmp_path))


def npy() -> bytes:
    import io

    file = io.BytesIO()
    np.save(file, IMAGES)
    return file.getvalue()


@checked
@given(damages(npy()))
def test_npy(tmp_path, data):
    path = tmp_path / "a.npy"
    path.write_bytes(data)
    array = refused(path, open_npy)
    if array is not None:
        assert array.nbytes <= len(data)
        array.sum() if array.dtype.kind in "iufb" else None


def written(form: str) -> bytes:
    sink = pa.BufferOutputStream()
    if form == "parquet":
        pq.write_table(TABLE, sink, row_group_size=15, write_page_checksum=True)
    elif form == "csv":
        pyarrow.csv.write_csv(TABLE, sink)
    else:
        feather.write_feather(TABLE, sink, compression="uncompressed" if form == "arrow" else "lz4")
    return sink.getvalue().to_pybytes()


def rows_of(path):
    stream = TableStream(path, "y", ["a", "b"], batch_size=7)
    return np.concatenate([x for x, _ in stream])


@pytest.mark.parametrize("read", [read_table, rows_of], ids=["table", "stream"])
@pytest.mark.parametrize("form", ["parquet", "feather", "arrow"])
@checked
@given(st.data())
def test_columnar_files_that_are_cut_off_are_refused(tmp_path, form, read, data):
    whole = written(form)
    path = tmp_path / f"t.{form}"
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    assert refused(path, read) is None


@checked
@given(damages(written("parquet")))
def test_a_damaged_parquet_file_with_checksums_is_what_was_written_or_refused(tmp_path, data):
    path = tmp_path / "t.parquet"
    path.write_bytes(data)
    table = refused(path, read_table)
    # The schema, which has no checksum, may have changed: then it is another table, and says so.
    if table is not None and table.schema.equals(TABLE.schema) and len(table) == len(TABLE):
        assert table.equals(TABLE)


@pytest.mark.parametrize("form", ["feather", "arrow"])
@checked
@given(st.data())
def test_a_damaged_arrow_file_does_no_harm(tmp_path, form, data):
    path = tmp_path / f"t.{form}"
    path.write_bytes(data.draw(damages(written(form))))
    table = refused(path, read_table)
    if table is not None:
        table.validate(full=True)


@checked
@given(damages(written("csv")))
def test_csv_has_rows_of_as_many_fields_as_names_or_is_refused(tmp_path, data):
    path = tmp_path / "t.csv"
    path.write_bytes(data)
    table = refused(path, read_table)
    if table is not None:
        text = data.decode()
        assert table.num_columns >= 1
        if '"' not in text.replace('"x"', "").replace('"y"', "").split("\n", 1)[-1]:
            lines = [line for line in text.replace("\r", "\n").split("\n")[1:] if line]
            assert len(table) in (len(lines), len(lines) + 1)


@checked
@given(st.integers(0, 39), st.sampled_from(["x1", "1,5", "--", "0x10", "1e", "ten"]))
def test_a_word_among_the_numbers_of_a_csv_file_is_named_with_its_row(tmp_path, row, word):
    path = tmp_path / "t.csv"
    lines = [f"{i}.5,{i % 2}" for i in range(40)]
    lines[row] = f'"{word}",1'
    path.write_text("\n".join(["a,y", *lines]))
    with pytest.raises(DataError, match=rf"Column 'a' has 39 numbers, but '{word}' in row {row} is none"):
        TableDataset(path, target="y")
