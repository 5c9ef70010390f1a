"""Streams: batches of files that need not fit in memory."""

from __future__ import annotations

import itertools
import json
import threading

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from pyarrow import feather

from nn_core import ConfigError, DataError, Linear, Optimizer, fit
from nn_data import DataLoader, Preprocessing, TableDataset, TableStream
from nn_data.tables import streaming

N = 1000
RNG = np.random.default_rng(0)
COLUMNS = {
    "id": np.arange(N, dtype=np.float32),
    "a": RNG.random(N, np.float32),
    "year": RNG.integers(1990, 2020, N),
    "label": RNG.integers(0, 3, N),
    "price": RNG.random(N),
    "w": RNG.random(N, np.float32),
}
TABLE = pa.table(COLUMNS)


def write(folder, kind, table=TABLE, files=3):
    """Write a table in several files, Parquet in several row groups each, and return the folder."""
    folder.mkdir(exist_ok=True)
    bounds = np.linspace(0, len(table), files + 1).astype(int)
    for i, (start, stop) in enumerate(itertools.pairwise(bounds)):
        part = table.slice(start, stop - start)
        path = folder / f"part-{i}.{kind}"
        if kind == "parquet":
            pq.write_table(part, path, row_group_size=100)
        elif kind in ("arrow", "feather"):
            feather.write_feather(part, path, chunksize=90)
        elif kind == "csv":
            pyarrow.csv.write_csv(part, path)
        else:
            part.to_pandas().to_json(path, orient="records", lines=True)
    (folder / "_metadata").write_text("")
    (folder / "notes.md").write_text("no table")
    return folder


@pytest.fixture(scope="module", params=["parquet", "arrow", "feather", "csv", "jsonl"])
def folder(tmp_path_factory, request):
    return write(tmp_path_factory.mktemp("stream") / "data", request.param)


@pytest.fixture(scope="module")
def parquet(tmp_path_factory):
    return write(tmp_path_factory.mktemp("stream") / "data", "parquet")


def gathered(stream):
    return tuple(np.concatenate(parts) for parts in zip(*stream, strict=True))


def ids(stream):
    return gathered(stream)[0][:, 0].astype(int).tolist()


# What is read


def test_a_folder_of_any_format_is_read_in_order(folder):
    stream = TableStream(folder, "label", ["id", "a", "year"], weight="w", batch_size=64)
    x, y, weight = gathered(stream)
    assert (x.dtype, y.dtype, weight.dtype) == (np.float32, np.int64, np.float32)
    expected = np.stack([COLUMNS[name] for name in ("id", "a", "year")], axis=1)
    np.testing.assert_allclose(x, expected.astype(np.float32), rtol=1e-6)
    np.testing.assert_array_equal(y, COLUMNS["label"])
    np.testing.assert_allclose(weight, COLUMNS["w"], rtol=1e-6)
    assert [len(batch[0]) for batch in stream] == [64] * 15 + [40]
    assert stream.feature_names == ("id", "a", "year")


def test_files_and_lists_of_files_will_do(parquet):
    one, two = parquet / "part-0.parquet", parquet / "part-2.parquet"
    assert ids(TableStream(str(one), "label")) == list(range(333))
    assert ids(TableStream([two, one], "label")) == [*range(666, 1000), *range(333)]


def test_all_other_columns_are_features_and_broken_numbers_are_targets_of_a_regression(parquet):
    x, y = gathered(TableStream(parquet, ["price", "w"]))
    assert x.shape == (N, 4)
    np.testing.assert_array_equal(y, np.stack([COLUMNS["price"], COLUMNS["w"]], axis=1).astype(np.float32))


def test_lists_of_numbers_are_rows_of_features(tmp_path):
    pixels = RNG.integers(0, 256, (N, 6), dtype=np.uint8)
    table = pa.table({"pixels": pa.FixedSizeListArray.from_arrays(pa.array(pixels.ravel()), 6), "y": COLUMNS["label"]})
    x, y = gathered(TableStream(write(tmp_path, "parquet", table), "y", batch_size=50, shuffle=0))
    np.testing.assert_array_equal(x, pixels)
    shuffled, labels = gathered(TableStream(tmp_path, "y", batch_size=50, shuffle=200))
    assert sorted(map(tuple, np.c_[shuffled, labels])) == sorted(map(tuple, np.c_[x, y]))


def test_only_the_columns_that_are_used_are_read(tmp_path):
    table = TABLE.append_column("word", pa.array(["x"] * N))
    stream = TableStream(write(tmp_path, "parquet", table), "label", ["a", "id"])
    assert next(iter(stream.tables())).column_names == ["a", "id", "label"]


@pytest.mark.parametrize(
    "where", [[("year", ">", 2010), ("label", "in", [0, 2])], (ds.field("year") > 2010) & (ds.field("label") != 1)]
)
@pytest.mark.parametrize("shuffle", [0, 100])
def test_rows_are_filtered(folder, where, shuffle):
    found = ids(TableStream(folder, "label", ["id"], where=where, shuffle=shuffle))
    assert sorted(found) == np.flatnonzero((COLUMNS["year"] > 2010) & (COLUMNS["label"] != 1)).tolist()


def test_later_rows_of_a_text_file_may_have_fractions_where_the_first_have_none(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,b,y\n" + "1,,0\n" * 200_000 + "0.5,2.5,1\n")
    stream = TableStream(path, preprocessing=Preprocessing("y", missing=("constant", 0.0), numeric="none"))
    x, y = gathered(stream)
    assert x[-1].tolist() == [0.5, 2.5]
    assert (len(x), y.sum()) == (200_001, 1)


def test_text_files_without_a_header_or_gzipped_are_read(tmp_path):
    pd.DataFrame(COLUMNS).to_csv(tmp_path / "t.csv.gz", index=False, header=False)
    x, y = gathered(TableStream(tmp_path / "t.csv.gz", target=3, features=[0, 1]))
    np.testing.assert_allclose(x, np.stack([COLUMNS["id"], COLUMNS["a"]], axis=1), rtol=1e-6)
    np.testing.assert_array_equal(y, COLUMNS["label"])


def test_rows_are_prepared_as_tables_in_memory_are(tmp_path):
    words = np.array(["x", "y", "z", None], object)[np.arange(N) % 4]
    holes = np.where(np.arange(N) % 7 == 0, np.nan, COLUMNS["a"])
    table = pa.Table.from_pandas(pd.DataFrame({"holes": holes, "word": words, "price": COLUMNS["price"]}))
    options = {"missing": {"holes": "mean", "word": "most_frequent"}, "scale_target": "standardize"}
    stream = TableStream(
        write(tmp_path, "parquet", table), preprocessing=Preprocessing("price", **options), batch_size=70
    )
    whole = TableDataset(table, target="price", **options)
    x, y = gathered(stream)
    np.testing.assert_allclose(x, whole.x, atol=1e-6)  # statistics of batches put together differ by rounding
    np.testing.assert_allclose(y, whole.y, atol=1e-6)
    assert stream.feature_names == whole.preprocessing.feature_names
    again = TableStream(tmp_path, preprocessing=whole.preprocessing)
    np.testing.assert_array_equal(gathered(again)[0], whole.x)


@pytest.mark.parametrize("shuffle", [0, 128])
def test_rows_that_lack_values_or_are_of_other_classes_are_left_out(tmp_path, shuffle):
    holes = np.where(np.arange(N) % 7 == 0, np.nan, np.arange(N))
    table = pa.table({"a": pa.array(holes, from_pandas=True), "y": COLUMNS["label"]})
    preprocessing = Preprocessing("y", missing="drop", classes=[2, 0], numeric="none")
    stream = TableStream(write(tmp_path, "parquet", table), preprocessing=preprocessing, batch_size=32, shuffle=shuffle)
    x, y = gathered(stream)
    kept = np.flatnonzero((np.arange(N) % 7 != 0) & (COLUMNS["label"] != 1))
    order = np.argsort(x[:, 0])
    assert x[order, 0].tolist() == kept.tolist()
    np.testing.assert_array_equal(y[order], np.where(COLUMNS["label"][kept] == 2, 0, 1))
    with pytest.raises(TypeError, match="known only when they have been read"):
        len(stream)
    stream.load_state_dict({"epoch": 0, "batch": 5})
    np.testing.assert_array_equal(gathered(stream)[0], x[5 * 32 :])


def test_folders_named_by_a_column_are_one(tmp_path):
    frame = TABLE.to_pandas()
    frame["decade"] = frame["year"] // 10 * 10
    frame.to_parquet(tmp_path / "parts", partition_cols=["decade"])
    stream = TableStream(tmp_path / "parts", "label", ["id", "decade"], where=[("decade", ">=", 2000)])
    x, _ = gathered(stream)
    assert sorted(x[:, 0].tolist()) == np.flatnonzero(COLUMNS["year"] >= 2000).tolist()
    np.testing.assert_array_equal(x[:, 1], COLUMNS["year"][x[:, 0].astype(int)] // 10 * 10)
    assert len(gathered(TableStream(tmp_path / "parts", "label", ["id", "decade"]))[1]) == N


def test_files_may_be_chosen_by_a_pattern_and_text_beside_tables_is_none(parquet, tmp_path):
    assert ids(TableStream(str(parquet / "part-*.parquet"), "label")) == list(range(N))
    write(tmp_path, "parquet")
    (tmp_path / "README.txt").write_text("about these files")
    assert ids(TableStream(tmp_path, "label")) == list(range(N))


# Order


@pytest.mark.parametrize("buffer", [1, 50, 333, 5000])
def test_a_shuffled_epoch_visits_every_row_once_in_an_order_of_its_own(folder, buffer):
    stream = TableStream(folder, "label", ["id", "a"], batch_size=32, shuffle=buffer, seed=3)
    epochs = []
    for _ in range(3):
        x, y = gathered(stream)
        rows = x[:, 0].astype(int)
        assert sorted(rows.tolist()) == list(range(N))
        np.testing.assert_allclose(x[:, 1], COLUMNS["a"][rows], rtol=1e-6)
        np.testing.assert_array_equal(y, COLUMNS["label"][rows])
        epochs.append(rows.tolist())
    assert len({tuple(epoch) for epoch in epochs}) == 3
    again = TableStream(folder, "label", ["id", "a"], batch_size=32, shuffle=buffer, seed=3)
    again.set_epoch(1)
    assert ids(again) == epochs[1]
    other = TableStream(folder, "label", ["id", "a"], batch_size=32, shuffle=buffer, seed=4)
    assert ids(other) != epochs[0]


def test_a_buffer_mixes_the_rows_of_many_row_groups(parquet):
    order = np.array(ids(TableStream(parquet, "label", ["id"], batch_size=10, shuffle=500)))
    groups = order[:500] // 100
    assert len(set(groups.tolist())) >= 5
    assert abs(np.corrcoef(np.arange(N), order)[0, 1]) < 0.5
    first = ids(TableStream(parquet, "label", ["id"], batch_size=10, shuffle=500))
    assert np.abs(np.diff(first)).mean() > 100


@pytest.mark.parametrize("shuffle", [0, 64, 400])
@pytest.mark.parametrize("prepared", [False, True])
@pytest.mark.parametrize("taken", [0, 1, 7, 13, 31])
def test_a_stream_goes_on_after_the_batch_that_was_taken_last(folder, shuffle, prepared, taken, monkeypatch):
    monkeypatch.setattr(streaming, "_ROWS", 128)  # several windows, also without shuffling

    def make():
        options = {"batch_size": 32, "shuffle": shuffle, "seed": 1}
        if prepared:
            preprocessing = Preprocessing("price", ["id"], numeric="none")
            return TableStream(folder, preprocessing=preprocessing, **options)
        return TableStream(folder, "price", ["id"], **options)

    whole = make()
    epochs = [[x[:, 0].tolist() for x, _ in whole] for _ in range(2)]
    stream = make()
    stream.set_epoch(1)
    for _ in itertools.islice(iter(stream), taken):
        pass
    state = json.loads(json.dumps(stream.state_dict()))
    other = make()
    other.load_state_dict(state)
    assert [x[:, 0].tolist() for x, _ in other] == epochs[1][taken:]
    other.set_epoch(0)
    assert [x[:, 0].tolist() for x, _ in other] == epochs[0]


def test_what_lies_before_the_place_is_not_read(parquet, monkeypatch):
    monkeypatch.setattr(streaming, "_ROWS", 64)
    for path in parquet.glob("*.parquet"):
        assert path.stat().st_size
    stream = TableStream(parquet, "label", ["id"], batch_size=32)
    read = []
    original = TableStream._read

    def watched(self, units, skip):
        for batch, place in original(self, units, skip):
            read.append(place)
            yield batch, place

    monkeypatch.setattr(TableStream, "_read", watched)
    stream.load_state_dict({"epoch": 0, "batch": 25})
    assert ids(stream) == list(range(800, 1000))
    assert {place.path.rpartition("/")[2] for place in read} == {"part-2.parquet"}


@pytest.mark.parametrize("n", [1, 2, 3, 7, 20])
@pytest.mark.parametrize("shuffle", [0, 100])
def test_shards_are_disjoint_and_make_up_the_whole(folder, n, shuffle):
    shards = [TableStream(folder, "label", ["id"], shard=(i, n), shuffle=shuffle) for i in range(n)]
    parts = [ids(shard) for shard in shards]
    assert sorted(itertools.chain(*parts)) == list(range(N))
    assert all(parts)


@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize("shard", [(0, 1), (1, 3), (4, 30)])
def test_the_length_is_the_number_of_batches_where_files_say_it(folder, drop_last, shard):
    stream = TableStream(folder, "label", ["id"], batch_size=7, drop_last=drop_last, shard=shard)
    batches = list(stream)
    if folder.joinpath("part-0.csv").exists() or folder.joinpath("part-0.jsonl").exists():
        with pytest.raises(TypeError, match="known only when they have been read"):
            len(stream)
    else:
        assert len(stream) == len(batches)
    if drop_last:
        assert {len(y) for _, y in batches} <= {7}


# With loaders and training


class Descent(Optimizer):
    def update(self, part, state, **options):
        part.data -= 0.1 * part.grad


@pytest.mark.parametrize("prefetch", [0, 3])
@pytest.mark.parametrize("taken", [0, 4, 20])
def test_a_loader_of_a_stream_goes_on_after_the_batch_that_was_taken_last(folder, prefetch, taken):
    def make():
        return DataLoader(TableStream(folder, "label", ["id"], batch_size=50, shuffle=100), prefetch=prefetch)

    whole, loader, other = make(), make(), make()
    epochs = [[x[:, 0].tolist() for x, _ in whole] for _ in range(2)]
    batches = iter(loader)
    for _ in range(taken):
        next(batches)
    batches.close()
    other.load_state_dict(json.loads(json.dumps(loader.state_dict())))
    rest = [x[:, 0].tolist() for x, _ in other]
    unknown = (folder / "part-0.csv").exists() or (folder / "part-0.jsonl").exists()
    over = [] if unknown else epochs[1]  # the number of batches says that the epoch is over, where it is known
    assert rest == (over if taken == 20 else epochs[0][taken:])


@pytest.mark.parametrize("prefetch", [0, 3])
def test_a_stream_trains_as_its_rows_in_memory_do(folder, prefetch):
    results = []
    for data in (
        TableStream(folder, ["price"], ["a", "w"], batch_size=50),
        [
            (np.stack([COLUMNS["a"], COLUMNS["w"]], axis=1)[i : i + 50], COLUMNS["price"][i : i + 50, None].astype("f"))
            for i in range(0, N, 50)
        ],
    ):
        model = Linear(2, 1)
        model.weight.data[:], model.bias.data[:] = 1, 0
        loader = DataLoader(data, prefetch=prefetch) if isinstance(data, TableStream) and prefetch else data
        fit(model, loader, loss="mse", optimizer=Descent(model.parameters()), epochs=2)
        results.append(np.append(model.weight.data, model.bias.data))
    np.testing.assert_allclose(results[0], results[1], rtol=1e-5)


def test_batches_keep_their_values_when_the_next_ones_are_read(parquet):
    for shuffle in (0, 64):
        batches = list(TableStream(parquet, "label", ["id"], batch_size=32, shuffle=shuffle))
        assert sorted(np.concatenate([x[:, 0] for x, _ in batches]).astype(int).tolist()) == list(range(N))


def test_threads_end_when_a_stream_is_left_in_the_middle(parquet):
    for _ in TableStream(parquet, "label", batch_size=10):
        break
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("nn-data")]


# Errors


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({}, ConfigError, "TableStream needs target="),
        ({"target": "lable"}, ConfigError, "there is no column 'lable'"),
        (
            {"target": "label", "batch_size": 0},
            ConfigError,
            "batch_size of TableStream must be an integer of at least 1",
        ),
        ({"target": "label", "shuffle": -1}, ConfigError, "shuffle of TableStream must be an integer of at least 0"),
        ({"target": "label", "shuffle": True}, ConfigError, "got True"),
        ({"target": "label", "shard": (2, 2)}, ConfigError, r"shard of TableStream must be \(i, n\)"),
        ({"target": "label", "where": [("year", "~", 3)]}, ConfigError, "where must be like"),
        ({"target": "label", "where": "year > 3"}, ConfigError, "where must be like"),
        ({"target": "label", "preprocessing": Preprocessing("label")}, ConfigError, "leave them out of TableStream"),
        ({"target": [*COLUMNS]}, ConfigError, "No column is left for a feature"),
        ({"preprocessing": Preprocessing("label", encoding="latin-1")}, ConfigError, "utf-8 alone"),
    ],
    ids=str,
)
def test_options_that_make_no_sense_are_refused(parquet, options, error, said):
    with pytest.raises(error, match=said):
        TableStream(parquet, **options)


def test_files_that_are_no_stream_are_refused(tmp_path, parquet):
    with pytest.raises(DataError, match="There is no file or folder"):
        TableStream(tmp_path / "nowhere", "y")
    with pytest.raises(DataError, match="There are no tables in the folder"):
        TableStream(tmp_path, "y")
    (tmp_path / "t.csv").write_text("a,y\n1,2\n")
    with pytest.raises(DataError, match="files of one format, got csv, parquet"):
        TableStream([tmp_path / "t.csv", parquet], "y")
    with pytest.raises(DataError, match="got no files"):
        TableStream([], "y")


def test_a_filter_that_names_no_column_or_leaves_no_row_is_told(parquet):
    with pytest.raises(ConfigError, match=r"where: there is no column 'yeer'\. Did you mean 'year'"):
        TableStream(parquet, "label", where=[("yeer", ">", 2000)])
    with pytest.raises(DataError, match="There are no rows in these 3 files where"):
        list(TableStream(parquet, "label", where=[("year", ">", 3000)]))


def test_tables_in_memory_are_no_files():
    with pytest.raises(ConfigError, match="TableStream reads files and folders, got DataFrame; TableDataset takes"):
        TableStream(pd.DataFrame(COLUMNS), "label")


@pytest.mark.parametrize("option", [{"seed": 1}, {"batch_size": 5}, {"shuffle": 100}, {"shard": (0, 2)}])
def test_a_place_of_a_stream_with_other_settings_is_refused(parquet, option):
    state = TableStream(parquet, "label", shuffle=50, batch_size=10).state_dict()
    with pytest.raises(ConfigError, match=f"position of a TableStream with {next(iter(option))}="):
        TableStream(parquet, "label", **({"shuffle": 50, "batch_size": 10} | option)).load_state_dict(state)


def test_words_need_a_preprocessing(tmp_path):
    table = pa.table({"a": ["x"] * 3, "y": [0, 1, 2]})
    with pytest.raises(ConfigError, match=r"Column 'a' is of type string, .* give preprocessing="):
        TableStream(write(tmp_path, "parquet", table), "y")


def test_a_missing_value_is_named_with_file_and_column(tmp_path):
    table = pa.table({"a": [1.0, None, 3.0], "y": [0, 1, 2]})
    stream = TableStream(write(tmp_path, "parquet", table, files=1), "y")
    with pytest.raises(
        DataError, match=r"part-0.parquet: column 'a' has a missing value in row 1\. Give preprocessing"
    ):
        list(stream)
    strict = TableStream(tmp_path, preprocessing=Preprocessing("y", missing="drop"))
    assert len(gathered(strict)[0]) == 2
    fitted = Preprocessing("y").fit({"a": [1.0, 2.0], "y": [0, 1]})
    with pytest.raises(DataError, match=r"part-0.parquet: Column 'a' has a missing value in row 1"):
        list(TableStream(tmp_path, preprocessing=fitted))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_numbers_that_are_none_are_named(tmp_path, value):
    a = COLUMNS["a"].copy()
    a[700] = value
    stream = TableStream(write(tmp_path, "parquet", pa.table({"a": a, "y": COLUMNS["label"]})), "y")
    with pytest.raises(DataError, match=r"part-2.parquet: column 'a' has (nan|inf) in row 34\."):
        list(stream)


def test_classes_that_come_late_are_classes_and_weights_are_those_of_all_rows(tmp_path):
    y = np.arange(N) // 5  # 200 classes
    y[:3] = 0
    table = pa.table({"a": COLUMNS["a"], "y": np.where(np.arange(N) < 900, y, 199)})
    preprocessing = Preprocessing("y", task="classification", weight="balanced")
    stream = TableStream(write(tmp_path, "parquet", table), preprocessing=preprocessing, batch_size=64)
    whole = TableDataset(table, target="y", task="classification", weight="balanced")
    for found, expected in zip(gathered(stream)[1:], (whole.y, whole.weight), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_a_median_needs_all_values_and_gets_them(tmp_path):
    holes = np.where(np.arange(N) % 7 == 0, np.nan, COLUMNS["a"])
    table = pa.Table.from_pandas(pd.DataFrame({"a": holes, "y": COLUMNS["label"]}))
    preprocessing = Preprocessing("y", missing="median", numeric="none")
    x, _ = gathered(TableStream(write(tmp_path, "parquet", table), preprocessing=preprocessing))
    np.testing.assert_allclose(x[0, 0], np.nanmedian(holes), rtol=1e-6)


@pytest.mark.parametrize("kind", ["parquet", "arrow", "jsonl"])
def test_a_file_that_is_damaged_in_the_middle_of_a_stream_is_named(tmp_path, kind):
    write(tmp_path, kind)
    path = tmp_path / f"part-1.{kind}"
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2] + b"\x00garbage")
    with pytest.raises(DataError, match=f"part-1.{kind}"):
        list(TableStream(tmp_path, "label", ["id"]))


def test_a_file_with_other_columns_is_named(tmp_path):
    write(tmp_path, "parquet")
    pq.write_table(pa.table({"id": ["x"], "label": [1]}), tmp_path / "part-1.parquet")
    with pytest.raises(DataError, match=r"part-1\.parquet"):
        list(TableStream(tmp_path, "label", ["id"]))
    pq.write_table(pa.table({"label": [1]}), tmp_path / "part-1.parquet")
    with pytest.raises(DataError, match=r"part-1\.parquet"):
        list(TableStream(tmp_path, "label", ["id"]))
