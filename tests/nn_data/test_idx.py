"""IDX files: every type and rank, and everything that can be wrong with a file."""

from __future__ import annotations

import gzip
import re
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from nn_core import DataError
from nn_data import read_idx

CODES = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}


def idx_bytes(array: np.ndarray) -> bytes:
    """Return an array as the published description of the format has it: big-endian, sizes of 32 bits."""
    code = CODES[array.dtype.str[1:]]
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, code, array.ndim, *array.shape)
    return header + array.astype(array.dtype.newbyteorder(">")).tobytes()


def write(path: Path, data: bytes, zipped: bool = False) -> Path:
    path.write_bytes(gzip.compress(data, mtime=0) if zipped else data)
    return path


def failure(path: Path) -> str:
    """Return the message about a file that cannot be read; it must begin or end like a sentence that names the file."""
    with pytest.raises(DataError) as caught:
        read_idx(path)
    message = str(caught.value)
    assert str(path) in message
    assert message.endswith(".")
    assert "\n" not in message
    return message


# What is right


@pytest.mark.parametrize("zipped", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("dtype", CODES)
def test_values_of_every_type_are_read_in_the_machine_byte_order(tmp_path, dtype, zipped):
    kind = np.dtype(dtype)
    limits = np.finfo(kind) if kind.kind == "f" else np.iinfo(kind)
    array = np.array([[limits.min, 0, 1], [2, 3, limits.max]], kind)
    found = read_idx(write(tmp_path / "data", idx_bytes(array), zipped))
    assert found.dtype == kind
    assert found.dtype.isnative
    np.testing.assert_array_equal(found, array)


@pytest.mark.parametrize("zipped", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("shape", [(), (5,), (2, 3), (2, 3, 4), (1, 2, 3, 4), (2, 1, 2, 1, 2)])
def test_arrays_of_every_rank_keep_shape_and_order(tmp_path, shape, zipped):
    array = np.random.default_rng(0).integers(-(2**31), 2**31, size=shape, dtype=np.int32)
    found = read_idx(write(tmp_path / "data", idx_bytes(np.asarray(array)), zipped))
    assert found.shape == shape
    np.testing.assert_array_equal(found, array)


@pytest.mark.parametrize("shape", [(0,), (0, 28, 28), (3, 0)])
def test_an_array_without_values_is_read(tmp_path, shape):
    assert read_idx(write(tmp_path / "data", idx_bytes(np.zeros(shape, np.uint8)))).shape == shape


def test_a_gzip_file_is_recognized_by_its_content_whatever_its_name(tmp_path):
    array = np.arange(4, dtype=np.uint8)
    for name in ("plain.gz", "zipped"):
        found = read_idx(write(tmp_path / name, idx_bytes(array), zipped=name == "zipped"))
        np.testing.assert_array_equal(found, array)


def test_a_path_may_be_text(tmp_path):
    path = write(tmp_path / "data", idx_bytes(np.arange(4, dtype=np.uint8)))
    assert read_idx(str(path)).tolist() == [0, 1, 2, 3]


def test_more_values_than_one_read_fetches_are_all_there(tmp_path):
    array = np.random.default_rng(0).integers(0, 256, size=(3, 1 << 20), dtype=np.uint8)
    np.testing.assert_array_equal(read_idx(write(tmp_path / "data", idx_bytes(array))), array)


def test_the_result_may_be_written_to(tmp_path):
    found = read_idx(write(tmp_path / "data", idx_bytes(np.arange(4, dtype=np.uint8))))
    found += 1
    assert found.tolist() == [1, 2, 3, 4]


# What is wrong


def test_a_plain_file_cut_at_any_byte_is_an_error_that_names_file_and_numbers(tmp_path):
    data = idx_bytes(np.arange(12, dtype=np.int16).reshape(2, 3, 2))
    for length in range(len(data)):
        message = failure(write(tmp_path / "short", data[:length]))
        if length < 4:
            assert "not an IDX file" in message
        elif length < 16:
            assert f"{length - 4} of 12 bytes of sizes" in message
        else:
            assert re.search(rf"24 bytes .* \(2, 3, 2\) .* it ends after {length - 16}\.", message)


def test_a_gzip_file_cut_at_any_byte_is_an_error(tmp_path):
    data = gzip.compress(idx_bytes(np.arange(12, dtype=np.int16).reshape(2, 3, 2)), mtime=0)
    for length in range(len(data)):
        failure(write(tmp_path / "short.gz", data[:length]))


@pytest.mark.parametrize("zipped", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("surplus", [1, 2, 100_000])
def test_a_file_that_is_too_long_is_an_error(tmp_path, zipped, surplus):
    data = idx_bytes(np.arange(6, dtype=np.uint8).reshape(2, 3)) + bytes(surplus)
    assert re.search(r"6 bytes .* \(2, 3\) .* there are more", failure(write(tmp_path / "long", data, zipped)))


@pytest.mark.parametrize(
    "start",
    [
        pytest.param(b"\x01\x00\x08\x01", id="first byte"),
        pytest.param(b"\x00\x01\x08\x01", id="second byte"),
        pytest.param(b"\x00\x00\x0a\x01", id="a type between the others"),
        pytest.param(b"\x00\x00\x00\x01", id="no type"),
        pytest.param(b"\x89PNG", id="an image"),
        pytest.param(b"epoc", id="text"),
    ],
)
def test_a_file_with_another_beginning_is_an_error_that_shows_it(tmp_path, start):
    message = failure(write(tmp_path / "other", start + bytes(8)))
    assert f"not an IDX file: it begins with {start.hex(' ')}" in message


def test_an_empty_file_is_an_error(tmp_path):
    assert "begins with nothing" in failure(write(tmp_path / "empty", b""))


def test_every_damaged_byte_of_a_gzip_file_is_noticed_or_harmless(tmp_path):
    array = np.arange(40, dtype=np.uint8)
    data = gzip.compress(idx_bytes(array), mtime=0)
    noticed = []
    for i in range(2, len(data)):  # without the first two it is no gzip file at all
        path = write(tmp_path / "damaged.gz", data[:i] + bytes([data[i] ^ 0x55]) + data[i + 1 :])
        try:
            np.testing.assert_array_equal(read_idx(path), array)  # time stamp, system: bytes without consequence
        except DataError as error:
            noticed.append(str(error))
    assert len(noticed) > len(data) - 12
    assert all(str(tmp_path) in message for message in noticed)


def test_a_missing_file_is_an_error(tmp_path):
    assert failure(tmp_path / "nowhere" / "data") == f"There is no file {tmp_path / 'nowhere' / 'data'}."


def test_a_directory_is_an_error(tmp_path):
    assert "is a folder" in failure(tmp_path)


def test_a_file_in_the_way_of_a_folder_is_an_error(tmp_path):
    write(tmp_path / "file", b"")
    assert "cannot be read" in failure(tmp_path / "file" / "data")


# What lies about its size


@pytest.mark.parametrize("zipped", [False, True], ids=["plain", "gzip"])
def test_a_header_that_claims_two_thousand_million_images_costs_no_memory(tmp_path, zipped):
    header = struct.pack(">BBBB3I", 0, 0, 0x08, 3, 2**31, 28, 28)
    path = write(tmp_path / "huge", header + bytes(100), zipped)
    tracemalloc.start()
    try:
        message = failure(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert f"should hold {2**31 * 28 * 28} bytes" in message
    assert "it ends after 100." in message
    assert peak < 4_000_000


def test_a_gzip_file_that_swells_beyond_its_header_is_not_unpacked(tmp_path):
    data = struct.pack(">BBBB1I", 0, 0, 0x08, 1, 10) + bytes(50_000_000)
    path = write(tmp_path / "bomb.gz", data, zipped=True)
    del data
    tracemalloc.start()
    try:
        assert "there are more" in failure(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4_000_000


@pytest.mark.parametrize(
    ("sizes", "values"),
    [
        pytest.param([1] * 255, 1, id="255 axes"),
        pytest.param([0] + [2**32 - 1] * 3, 0, id="no values between huge axes"),
    ],
)
def test_a_shape_that_no_array_can_have_is_an_error(tmp_path, sizes, values):
    header = struct.pack(f">BBBB{len(sizes)}I", 0, 0, 0x08, len(sizes), *sizes)
    failure(write(tmp_path / "odd", header + bytes(values)))
