"""Tables from files: the values are those that pandas reads, and what is damaged is an error that names the place."""

from __future__ import annotations

import gzip
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import feather

from nn_core import ConfigError, DataError
from nn_data import read_table

HOUSING = Path(__file__).parents[3] / "shared" / "data" / "housing" / "housing.csv"
FRAME = pd.DataFrame(
    {
        "whole": [3, 1, 4, 1],
        "broken": [0.5, float("nan"), -1e300, 2.0],
        "word": ["a", 'with "quotes", and\na line', None, "ü"],
        "flag": [True, False, True, True],
    }
)


def write(path: Path, frame: pd.DataFrame = FRAME) -> Path:
    name = path.name.removesuffix(".gz")
    if name.endswith((".csv", ".tsv", ".txt")):
        frame.to_csv(path, index=False, sep="," if ".csv" in name else "\t")
    elif name.endswith((".parquet", ".pq")):
        frame.to_parquet(path, index=False)
    elif name.endswith((".feather", ".arrow", ".ipc")):
        feather.write_feather(frame, path, compression="zstd" if name.endswith(".feather") else "uncompressed")
    else:
        frame.to_json(path, orient="records", lines=True)
    return path


def same(table: pa.Table, frame: pd.DataFrame) -> None:
    assert table.column_names == [str(name) for name in frame.columns]
    for name, column in zip(table.column_names, frame, strict=True):
        for found, expected in zip(table[name].to_pylist(), frame[column].tolist(), strict=True):
            if expected is None or (isinstance(expected, float) and math.isnan(expected)):
                assert found is None or math.isnan(found)
            else:
                assert found == expected


@pytest.mark.parametrize("ending", ["csv", "tsv", "txt", "parquet", "pq", "feather", "arrow", "ipc", "jsonl", "ndjson"])
def test_a_file_of_any_kind_holds_what_pandas_wrote(tmp_path, ending):
    path = write(tmp_path / f"t.{ending}")
    same(read_table(path), FRAME)
    same(read_table(str(path.rename(tmp_path / f"T.{ending.upper()}"))), FRAME)


@pytest.mark.parametrize("ending", ["csv.gz", "tsv.gz", "jsonl.gz"])
def test_text_files_may_be_gzipped(tmp_path, ending):
    same(read_table(write(tmp_path / f"t.{ending}")), FRAME)


@pytest.mark.skipif(not HOUSING.is_file(), reason=f"there is no {HOUSING}")
def test_the_housing_file_is_as_pandas_reads_it():
    table, frame = read_table(HOUSING), pd.read_csv(HOUSING)
    assert table.shape == (20640, 10)
    assert table["total_bedrooms"].null_count == 207
    for name in frame.columns[:-1]:
        np.testing.assert_array_equal(table[name].to_numpy(), frame[name].to_numpy())
    assert table["ocean_proximity"].to_pylist() == frame["ocean_proximity"].tolist()


def test_tables_in_memory_are_taken_as_they_are():
    table = pa.table({"a": [1, 2]})
    assert read_table(table) is table
    assert read_table(table.to_batches()[0]) == table
    same(read_table(FRAME), FRAME)
    same(read_table({"a": np.arange(3), "b": ["x", "y", "z"]}), pd.DataFrame({"a": range(3), "b": ["x", "y", "z"]}))


def test_the_index_and_names_that_are_numbers_do_no_harm():
    frame = pd.DataFrame({0: [1, 2], 1: [3, 4]}, index=[7, 8])
    same(read_table(frame), frame)


@pytest.mark.parametrize("header", [None, False])
def test_columns_without_names_are_numbered(tmp_path, header):
    path = tmp_path / "t.csv"
    path.write_text("5,0.5,1e3\n6,,-2\n")
    table = read_table(path, header=header)
    assert table.column_names == ["0", "1", "2"]
    assert table.to_pydict() == {"0": [5, 6], "1": [0.5, None], "2": [1000.0, -2.0]}


def test_a_first_line_of_numbers_and_words_has_to_be_explained(tmp_path):
    path = tmp_path / "iris.csv"
    path.write_text("5.1,3.5,setosa\n4.9,3.0,setosa\n")
    with pytest.raises(
        DataError, match=r"The first line of .*iris.csv has numbers \(5.1\) and words in it: say header="
    ):
        read_table(path)
    assert read_table(path, header=False).to_pydict() == {"0": [5.1, 4.9], "1": [3.5, 3.0], "2": ["setosa"] * 2}
    assert read_table(path, header=True).column_names == ["5.1", "3.5", "setosa"]


def test_other_words_can_stand_for_missing_values(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,b\n1,x\n?,?\nNA,-\n,\n")
    table = read_table(path, missing_values=["?", "-"])
    assert table.to_pydict() == {"a": [1, None, None, None], "b": ["x", None, None, None]}


def test_a_byte_order_mark_is_no_part_of_a_name(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(b"\xef\xbb\xbfa,b\n1,2\n")
    assert read_table(path).column_names == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("a,a\n1,2\n", "names several columns 'a'"),
        ("a,b\n1,2\n3\n", "row 1: Expected 2 columns, got 1"),
        ("a,b\n1,2\n3,4,5\n", "row 1: Expected 2 columns, got 3"),
        ("\n\na,b\n", "is empty"),
    ],
)
def test_a_text_file_that_is_no_table_is_an_error_that_names_file_and_row(tmp_path, text, said):
    path = tmp_path / "t.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=said) as caught:
        read_table(path)
    assert str(path) in str(caught.value)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("data", [b"a,b\n1,\xe4\n", b"\xe4,b\n1,2\n"])
def test_bytes_that_are_no_text_are_an_error_unless_the_encoding_is_named(tmp_path, data):
    path = tmp_path / "t.csv"
    path.write_bytes(data)
    with pytest.raises(DataError, match=f"of {path} has bytes that are no utf-8. .* encoding='latin-1'"):
        read_table(path)
    same(read_table(path, encoding="latin-1"), pd.read_csv(path, encoding="latin-1"))
    with pytest.raises(ConfigError, match="There is no encoding 'utf-nine'"):
        read_table(path, encoding="utf-nine")


def test_quoted_lines_may_lie_across_the_blocks_that_are_read(tmp_path):
    frame = pd.DataFrame({"a": range(40_000), "b": ["one\ntwo\n\nthree, and more text to fill the line"] * 40_000})
    frame.to_csv(tmp_path / "t.csv", index=False)
    same(read_table(tmp_path / "t.csv"), frame)


@pytest.mark.parametrize("ending", ["csv.gz", "parquet", "feather", "arrow", "jsonl"])
def test_a_damaged_file_is_an_error_that_names_it(tmp_path, ending):
    path = write(tmp_path / f"t.{ending}")
    whole = path.read_bytes()
    for damaged in (whole[: len(whole) // 2], whole[:-3], b"", bytes(100)):
        path.write_bytes(damaged)
        with pytest.raises(DataError, match=str(path)):
            read_table(path)


def test_a_changed_byte_in_a_page_with_a_checksum_is_noticed(tmp_path):
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"a": np.arange(1000.0)}), path, write_page_checksum=True, use_dictionary=False)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(DataError, match=f"{path} cannot be read: .*CRC"):
        read_table(path)


@pytest.mark.parametrize(
    ("source", "error", "said"),
    [
        (3, ConfigError, "got int"),
        (None, ConfigError, "got NoneType"),
        ("t.xlsx", ConfigError, "has no ending of a table; known are .csv"),
        ("nowhere.csv", DataError, "There is no file nowhere.csv"),
        ({"a": [1, 2], "b": [1]}, DataError, "the columns a, b cannot be read"),
        ({"a": [object()]}, DataError, "the columns a cannot be read"),
    ],
)
def test_what_is_no_table_is_refused(source, error, said):
    with pytest.raises(error, match=said):
        read_table(source)


def test_a_folder_is_for_streams(tmp_path):
    (tmp_path / "a.parquet").mkdir()
    with pytest.raises(DataError, match=r"is a folder; TableStream reads it"):
        read_table(tmp_path / "a.parquet")


def test_lines_of_json_are_told_apart_from_other_json(tmp_path):
    path = tmp_path / "t.jsonl"
    path.write_text('{"a": 1}\n{"a": "x"}\n')
    with pytest.raises(DataError, match=f"{path} cannot be read"):
        read_table(path)
    with gzip.open(tmp_path / "t.json.gz", "wt") as file:
        file.write('{"a": 1}\n{"a": 2.5}\n')
    assert read_table(tmp_path / "t.json.gz").to_pydict() == {"a": [1.0, 2.5]}


def test_rows_may_be_dictionaries():
    assert read_table({"a": 1.5, "b": "x", "c": None}).to_pylist() == [{"a": 1.5, "b": "x", "c": None}]
    assert read_table([{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]).to_pydict() == {"a": [1, 2], "b": ["x", "y"]}


def test_columns_of_several_kinds_of_values_are_words():
    frame = pd.DataFrame({"a": [1, "many", None], "b": [1, 2, 3]})
    assert read_table(frame).to_pydict() == {"a": ["1", "many", None], "b": [1, 2, 3]}
    assert frame["a"].tolist()[:2] == [1, "many"]  # which was not changed
    with pytest.raises(DataError, match="several columns 'a'; every column needs a name of its own"):
        read_table(pd.DataFrame([[1, 2]], columns=["a", "a"]))


def test_separator_and_decimal_point_can_be_named(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a;b\n0,5;x\n1,25;y\n")
    assert read_table(path, separator=";", decimal=",").to_pydict() == {"a": [0.5, 1.25], "b": ["x", "y"]}
    with pytest.raises(DataError, match=r"(?s)Row|row|separator=';'"):
        read_table(path)
    path.write_text("a;b\n1;x\n")
    with pytest.raises(DataError, match="has one column alone, 'a;b': say separator=';' if that separates them"):
        read_table(path)
    with pytest.raises(ConfigError, match="separator of a text file must be one character, got ';;'"):
        read_table(path, separator=";;")


def test_columns_that_look_like_numbers_can_be_words(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("code,n\n01,1\n02,2\n")
    assert read_table(path, text=["co*"]).to_pydict() == {"code": ["01", "02"], "n": [1, 2]}
    assert read_table(path, text=[0, "nowhere"])["code"].to_pylist() == ["01", "02"]
