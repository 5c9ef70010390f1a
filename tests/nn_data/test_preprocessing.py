"""Columns of tables as numbers: what is learned from the training part, and what is done to rows that come later."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from nn_core import BCEWithLogitsLoss, ConfigError, DataError, Linear, load, save
from nn_data import ArrayDataset, Preprocessing, TableDataset, TableStream, class_weights

NAN = float("nan")
TRAIN = pd.DataFrame(
    {
        "age": [20.0, 30.0, NAN, 70.0, 40.0, 20.0],
        "rooms": [1, 2, 3, 4, 5, 9],
        "city": ["Rome", "Oslo", "Rome", None, "Bern", "Rome"],
        "pets": [True, False, True, True, False, False],
        "rent": [500.5, 900.25, 700.0, 1500.0, 1100.0, 450.0],
    }
)
FILLED = {"missing": {"age": "median", "city": "most_frequent"}}


def prepared(**options) -> ArrayDataset:
    return Preprocessing("rent", **(FILLED | options)).fit(TRAIN)(TRAIN)


def column(name: str, **options) -> np.ndarray:
    data = TableDataset(TRAIN, target="rent", **(FILLED | options))
    return data.x[:, data.preprocessing.feature_names.index(name)]


# Numbers


def test_numbers_are_standardized_as_pandas_would():
    np.testing.assert_allclose(column("rooms"), (TRAIN.rooms - 4) / TRAIN.rooms.std(ddof=0), rtol=1e-6)
    ages = TRAIN.age
    expected = (ages.fillna(ages.median()) - ages.mean()) / ages.std(ddof=0)  # statistics of what is there
    np.testing.assert_allclose(column("age"), expected, rtol=1e-6)


def test_numbers_go_from_0_to_1_on_request():
    np.testing.assert_allclose(column("rooms", numeric="min_max"), (TRAIN.rooms - 1) / 8, rtol=1e-6)


def test_numbers_may_be_left_alone():
    np.testing.assert_array_equal(column("rooms", numeric="none"), TRAIN.rooms)


def test_a_setting_can_be_given_column_by_column():
    options = {"numeric": {"roo*": "none", "*": "min_max"}}
    np.testing.assert_array_equal(column("rooms", **options), TRAIN.rooms)
    assert column("age", **options).max() == 1


def test_a_constant_column_becomes_0():
    for style in ("standardize", "min_max"):
        data = TableDataset({"a": [3, 3], "b": [1, 2], "y": [0.0, 1.0]}, target="y", numeric=style)
        assert data.x[:, 0].tolist() == [0, 0]


def test_truth_values_are_numbers():
    np.testing.assert_array_equal(column("pets", numeric="none"), TRAIN.pets.astype(float))


@pytest.mark.parametrize(
    ("filling", "value"),
    [("mean", TRAIN.age.mean()), ("median", 30.0), (("constant", -1), -1.0), (["constant", 0.5], 0.5)],
)
def test_a_missing_number_is_replaced(filling, value):
    filled = column("age", numeric="none", missing={"age": filling, "city": "most_frequent"})
    np.testing.assert_allclose(filled[2], value, rtol=1e-6)


def test_rows_with_missing_values_are_dropped_before_anything_is_learned():
    data = TableDataset(TRAIN, target="rent", missing="drop", numeric="none")
    rows = TRAIN.dropna()
    np.testing.assert_array_equal(data.y[:, 0], rows.rent.astype(np.float32))
    np.testing.assert_array_equal(data.x[:, 0], rows.age)
    scaled = TableDataset(TRAIN, target="rent", missing="drop")
    np.testing.assert_allclose(scaled.x[:, 1], (rows.rooms - rows.rooms.mean()) / rows.rooms.std(ddof=0), rtol=1e-6)
    assert "city=Bern" in scaled.preprocessing.feature_names


def test_a_missing_value_is_refused_unless_something_is_said():
    with pytest.raises(
        DataError, match=r"Column 'age' has a missing value in row 2 \(1 in all\)\. Say what to do .*'median'"
    ):
        TableDataset(TRAIN, target="rent")


def test_an_indicator_tells_where_values_were_missing_in_columns_that_lacked_some():
    data = TableDataset(TRAIN, target="rent", missing="mean", indicator=True)
    names = data.preprocessing.feature_names
    assert names == ("age", "age=missing", "rooms", "city=Bern", "city=Oslo", "city=Rome", "city=missing", "pets")
    assert data.x[:, 1].tolist() == [0, 0, 1, 0, 0, 0]
    assert data.x[2, 0] == 0  # the mean, standardized
    assert data.x[:, 6].tolist() == [0, 0, 0, 1, 0, 0]
    assert data.x[3, 3:6].tolist() == [0, 0, 0]


@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_infinite_numbers_are_named(value):
    with pytest.raises(DataError, match=f"Column 'a' has the value {value} in row 1, which is not finite"):
        TableDataset({"a": [1.0, value], "y": [0.0, 1.0]}, target="y")


# Categories


def test_categories_become_columns_of_0_and_1_in_alphabetical_order():
    for city in ("Bern", "Oslo", "Rome"):
        expected = TRAIN.city.fillna("Rome") == city
        np.testing.assert_array_equal(column(f"city={city}"), expected)


def test_categories_become_numbers_on_request():
    codes = TRAIN.city.fillna("Rome").map({"Bern": 0, "Oslo": 1, "Rome": 2})
    np.testing.assert_array_equal(column("city", categorical="ordinal"), codes)


def test_codes_keep_their_zeros_in_files_and_tables_alike(tmp_path):
    path, new = tmp_path / "t.csv", tmp_path / "new.csv"
    path.write_text("code,y\n01,0.5\n1,1.5\nA,2.5\n02,3\nB,4\nC,5\n")
    new.write_text("code\n01\n02\n")
    for options in ({}, {"categories": ["code"]}):
        preprocessing = Preprocessing("y", **options).fit(path)
        assert preprocessing.feature_names == tuple(f"code={code}" for code in ("01", "02", "1", "A", "B", "C"))
        assert preprocessing.inputs(new).argmax(axis=1).tolist() == [0, 1]
        assert preprocessing.inputs({"code": ["01", "02"]}).argmax(axis=1).tolist() == [0, 1]
    path.write_text("code,y\n01,0.5\n02,3\n")
    preprocessing = Preprocessing("y", categories="code").fit(path)
    assert preprocessing.inputs(pd.DataFrame({"code": ["02"]})).tolist() == [[0, 1]]
    stream = TableStream(path, preprocessing=Preprocessing("y", categories="code"))
    assert stream.feature_names == ("code=01", "code=02")


def test_an_ordered_column_keeps_its_order():
    sizes = pd.Categorical(["mid", "lo", "hi", "lo"], ["lo", "mid", "hi", "huge"], ordered=True)
    table = pd.DataFrame({"size": sizes, "y": [0.5, 1, 2, 3]})
    assert TableDataset(table, target="y", categorical="ordinal").x.ravel().tolist() == [1, 0, 2, 0]
    assert TableDataset(table, target="y").preprocessing.feature_names == ("size=lo", "size=mid", "size=hi")


def test_words_that_are_nearly_all_different_are_no_categories_and_no_classes():
    dates = [f"2024-01-{day:02d}" for day in range(1, 31)]
    with pytest.raises(ConfigError, match="Column 'a' has 30 different values in 30 rows, such as '2024-01-01'"):
        TableDataset({"a": dates, "y": range(30)}, target="y")
    with pytest.raises(ConfigError, match="The target 'y' has 30 different words in 30 rows, such as '0,0': turn them"):
        TableDataset({"a": range(30), "y": [f"{i},0" for i in range(30)]}, target="y")
    assert TableDataset({"a": range(30), "y": dates}, target="y", task="classification").y.tolist() == list(range(30))


def test_numbers_can_be_categories():
    data = TableDataset(TRAIN, target="rent", categories=["rooms", "pets"], **FILLED)
    assert data.preprocessing.feature_names[1:7] == tuple(f"rooms={n}" for n in (1, 2, 3, 4, 5, 9))
    assert data.preprocessing.feature_names[-2:] == ("pets=false", "pets=true")
    np.testing.assert_array_equal(data.x[:, 1:7], np.eye(6))


def test_whole_numbers_are_the_same_categories_and_classes_where_one_is_missing():
    train = {"a": [1, 2, 3], "y": [0, 1, 0]}
    holes = {"a": np.array([3.0, NAN, 1.0]), "y": np.array([1.0, 0.0, NAN])}
    preprocessing = Preprocessing("y", categories="a", missing={"a": "most_frequent", "y": "drop"}).fit(train)
    data = preprocessing(holes)
    assert data.x.tolist() == [[0, 0, 1], [1, 0, 0]]
    assert data.y.tolist() == [1, 0]
    again = Preprocessing("y", categories="a", classes=[1], missing="drop").fit(holes)
    assert again.feature_names == ("a=3",)
    assert again(train | {"a": [3, 3, 3]}).y.tolist() == [0]


@pytest.mark.parametrize("kind", ["category", "dictionary", "large_string"])
def test_words_of_any_type_are_categories(kind):
    words = ["b", "a", "b"]
    if kind == "category":
        table = pd.DataFrame({"w": pd.Categorical(words), "y": [0.5, 1, 2]})
    else:
        array = pa.array(words)
        array = array.dictionary_encode() if kind == "dictionary" else array.cast(pa.large_string())
        table = pa.table({"w": array, "y": [0.5, 1, 2]})
    assert TableDataset(table, target="y").x.tolist() == [[0, 1], [1, 0], [0, 1]]


def test_a_missing_category_is_replaced_by_a_constant_that_is_a_category_then():
    data = TableDataset(TRAIN, target="rent", missing={"city": ("constant", "nowhere"), "age": "mean"})
    assert "city=nowhere" in data.preprocessing.feature_names
    assert column("city=nowhere", missing={"city": ("constant", "nowhere"), "age": "mean"}).tolist() == [
        0,
        0,
        0,
        1,
        0,
        0,
    ]


NEW = {"age": [25.0], "rooms": [3], "city": ["Paris"], "pets": [True]}


def test_an_unknown_category_is_refused_by_name_or_becomes_zeros():
    strict = Preprocessing("rent", **FILLED).fit(TRAIN)
    with pytest.raises(
        DataError, match=r"Column 'city' has the unknown category 'Paris' in row 0; .* 'Bern', 'Oslo', 'Rome'"
    ):
        strict.inputs(NEW)
    lenient = Preprocessing("rent", unknown="ignore", **FILLED).fit(TRAIN)
    assert lenient.inputs(NEW)[0, 2:5].tolist() == [0, 0, 0]
    ordinal = Preprocessing("rent", unknown="ignore", categorical="ordinal", **FILLED).fit(TRAIN)
    assert ordinal.inputs(NEW)[0, 2] == 3


def test_a_few_words_among_numbers_are_a_mistake_that_is_named():
    table = {"a": ["1", "2", "x7", "4", "5"], "y": [0.0] * 5}
    with pytest.raises(
        DataError, match=r"Column 'a' has 4 numbers, but 'x7' in row 2 is none: mend it, say missing_values"
    ):
        TableDataset(table, target="y")
    assert TableDataset(table, target="y", categories="a").x.shape == (5, 5)


def test_an_identifier_in_one_hot_form_is_refused():
    table = {"name": [f"n{i}" for i in range(1001)], "y": [0.0] * 1001}
    with pytest.raises(ConfigError, match="Column 'name' has 1001 different values in 1001 rows, such as 'n0', which"):
        TableDataset(table, target="y")


# Columns


@pytest.mark.parametrize(
    ("features", "names"),
    [
        ("rooms", ["rooms"]),
        (1, ["rooms"]),
        (-1, ["rent"]),
        (["pets", 0], ["pets", "age"]),
        ("*o*", ["rooms"]),
        (["r[oa]*", "rooms"], ["rooms"]),
    ],
)
def test_features_are_chosen_by_name_position_or_pattern(features, names):
    target = "age" if "age" not in names else "rooms"
    assert Preprocessing(target, features, missing="drop").fit(TRAIN).features == names


def test_what_is_to_be_ignored_is_no_feature():
    assert Preprocessing("rent", ignore=["age", "c*"]).fit(TRAIN).features == ["rooms", "pets"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"target": "rant"}, "target: there is no column 'rant'. Did you mean 'rent'"),
        ({"target": 7}, "target: there is no column 7, the table has 5"),
        ({"target": "rent", "features": "x*"}, "features: there is no column 'x\\*'. There are age, rooms"),
        ({"target": "rent", "features": ["rent", "age"]}, "'rent' cannot be both feature and target"),
        ({"target": "rent", "ignore": "*"}, "No column is left for a feature"),
        ({"target": "rent", "missing": {"agge": "mean"}}, "missing: there is no column 'agge'. Did you mean 'age'"),
        ({"target": "rent", "weight": "weight"}, "weight: there is no column 'weight'"),
        ({"target": "rent", "features": [1.5]}, "must be names, patterns or positions of columns, got 1.5"),
        ({"target": True}, "got True"),
        (
            {"target": "rent", "missing": "mean", "features": ["age", "city"]},
            "'city' is of categories, which have no mean",
        ),
        (
            {"target": "rent", "missing": "most_frequent"},
            "most_frequent' is for categories, and 'age' is a column of num",
        ),
        ({"target": "rent", "missing": ("constant", "x")}, "is for words, and 'age' is a column of numbers"),
        ({"target": "city"}, "has a missing value in row 2"),
        ({"target": ["rent", "city"], "missing": "drop"}, "The target 'city' is no column of numbers"),
        ({"target": "city", "task": "regression", "missing": "drop"}, "A regression is of numbers, and 'city' is of"),
        ({"target": "rent", "task": "classification", "missing": "drop"}, "'rent' is to be classes, and has fractions"),
        ({"target": "rent", "weight": "balanced", "missing": "drop"}, "'balanced' is for classes"),
    ],
    ids=str,
)
def test_options_that_do_not_fit_the_table_are_refused(options, said):
    with pytest.raises((ConfigError, DataError), match=said):
        TableDataset(TRAIN, **options)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"numeric": "scale"}, "numeric of a table must be one of standardize, min_max, none, got 'scale'"),
        ({"numeric": {"a": "standardise"}}, "Did you mean 'standardize'"),
        ({"categorical": 3}, "categorical of a table must be one of one_hot, ordinal, got 3"),
        ({"missing": "medain"}, "Did you mean 'median'"),
        ({"missing": ("constant", None)}, "missing of a table must be one of"),
        ({"missing": 0}, r"\('constant', value\)"),
        ({"unknown": "zeros"}, "unknown of a table must be one of error, ignore"),
        ({"task": "clustering"}, "task of a table must be classification, binary or regression"),
        ({"classes": [1, "a"]}, "classes of a table must be different words, or integers"),
        ({"classes": [1, 1]}, "different"),
        ({"classes": [0.5]}, "different"),
        ({"classes": [1], "task": "regression"}, "A regression has no classes"),
        ({"indicator": 1}, "indicator of a table must be true or false"),
        ({"header": "yes"}, "header of a table must be true or false"),
        ({"scale_target": True}, "scale_target of a table"),
    ],
    ids=str,
)
def test_options_that_make_no_sense_are_refused_before_anything_is_read(options, said):
    with pytest.raises(ConfigError, match=said):
        Preprocessing("y", **options)


def test_columns_that_are_neither_numbers_nor_words_are_named():
    days = pd.to_datetime(["2024-01-01", "2024-01-02"])
    with pytest.raises(ConfigError, match=r"Column 'day' is of type timestamp.* leave it out with ignore='day'"):
        TableDataset(pd.DataFrame({"day": days, "y": [0.5, 1]}), target="y")
    for empty in ([None, None], pa.array([NAN, NAN]), pa.array([None, None], pa.string())):
        with pytest.raises(DataError, match="Column 'a' has no values at all; leave it out with ignore='a'"):
            TableDataset({"a": empty, "b": [1, 2], "y": [0.5, 1]}, target="y", missing=("constant", 1))


# Targets


def test_words_and_truth_values_and_few_integers_are_classes():
    for target, names, labels in (
        (["b", "a", "b"], ("a", "b"), [1, 0, 1]),
        ([True, False, True], ("False", "True"), [1, 0, 1]),
        ([7, 3, 7], ("3", "7"), [1, 0, 1]),
    ):
        data = TableDataset({"x": [1, 2, 3], "y": target}, target="y")
        assert data.y.tolist() == labels
        assert data.y.dtype == np.int64
        assert data.preprocessing.class_names == data.info.class_names == names


def test_broken_numbers_are_a_regression_and_whole_ones_can_be():
    data = TableDataset({"x": [1, 2, 3], "y": [1.0, 2.0, 3.0]}, target="y")
    assert (data.y.tolist(), data.y.dtype, data.info.target_names) == ([[1], [2], [3]], np.float32, ("y",))
    assert TableDataset({"x": [1, 2], "y": [1, 2]}, target="y", task="regression").y.tolist() == [[1], [2]]
    assert TableDataset({"x": [1, 2], "y": [1.0, 2.0]}, target="y", task="classification").y.tolist() == [0, 1]


def test_whole_numbers_that_are_to_be_scaled_are_amounts():
    data = TableDataset({"x": [1, 2], "y": [10, 30]}, target="y", scale_target="standardize")
    assert data.y.tolist() == [[-1], [1]]
    with pytest.raises(ConfigError, match="scale_target='standardize' is for amounts, and the task is classification"):
        Preprocessing("y", task="classification", scale_target="standardize")


def test_a_binary_target_is_a_column_of_0_and_1_for_a_loss_of_one_logit():
    table = {"x": [1.0, 2.0, 3.0, 4.0], "y": ["no", "yes", "no", "no"]}
    data = TableDataset(table, target="y", task="binary", weight="balanced")
    assert (data.y.dtype, data.y.tolist()) == (np.float32, [[0], [1], [0], [0]])
    np.testing.assert_allclose(data.weight, [2 / 3, 2, 2 / 3, 2 / 3], rtol=1e-6)
    BCEWithLogitsLoss()(np.zeros((4, 1), np.float32), data.y)
    assert data.preprocessing.decode(np.array([[-1.0], [2.0]])).tolist() == ["no", "yes"]
    with pytest.raises(ConfigError, match="A binary task is of two classes, and 'y' has 3"):
        TableDataset({"x": [1, 2, 3], "y": ["a", "b", "c"]}, target="y", task="binary")


def test_large_amounts_are_decoded_without_loss():
    y = 1e9 + np.arange(100.0)
    preprocessing = Preprocessing("y", scale_target="standardize").fit({"x": np.arange(100), "y": y})
    decoded = preprocessing.decode(((y - y.mean()) / y.std()).astype(np.float32)[:, None])
    np.testing.assert_allclose(decoded[:, 0], y, atol=1e-3)


def test_one_raw_row_may_be_a_dictionary():
    preprocessing = Preprocessing("rent", **FILLED).fit(TRAIN)
    row = {"age": 25, "rooms": 3, "city": "Oslo", "pets": True}
    expected = preprocessing.inputs(pd.DataFrame([row]))
    np.testing.assert_array_equal(preprocessing.inputs(row), expected)
    np.testing.assert_array_equal(preprocessing.inputs([row, row]), np.repeat(expected, 2, axis=0))


def test_what_is_missing_later_but_was_not_in_training_is_named_as_such():
    preprocessing = Preprocessing("y", missing="median").fit({"a": [1.0, 2.0], "w": ["x", "y"], "y": [0.5, 1]})
    with pytest.raises(DataError, match=r"'w' has a missing value in row 1 \(1 in all\), and nothing was said in"):
        preprocessing.inputs({"a": [1.0, None], "w": ["x", None]})


def test_many_integers_have_to_be_explained():
    table = {"x": range(200), "y": range(200)}
    with pytest.raises(ConfigError, match="over 100 different integers: say task='regression' if they are amounts"):
        TableDataset(table, target="y")
    assert len(TableDataset(table, target="y", task="classification").info.class_names) == 200


def test_several_targets_are_columns_of_y():
    data = TableDataset({"x": [1, 2], "a": [1, 2], "b": [0.5, NAN]}, target=["a", "b"], missing="drop")
    assert data.y.tolist() == [[1, 0.5]]


def test_rows_of_other_classes_are_left_out_and_the_labels_are_in_the_order_given():
    table = {"x": [1.0, 2.0, 3.0, 100.0], "y": [5, 7, 5, 9]}
    data = TableDataset(table, target="y", classes=[7, 5])
    assert data.y.tolist() == [1, 0, 1]
    np.testing.assert_allclose(data.x[:, 0].mean(), 0, atol=1e-6)  # by what is left
    assert TableDataset({"x": [1, 2], "y": ["a", "b"]}, target="y", classes=["b"]).y.tolist() == [0]
    with pytest.raises(DataError, match="There is no row whose 'y' is 8"):
        TableDataset(table, target="y", classes=[5, 8])


def test_a_missing_target_is_refused_or_its_row_is_dropped():
    table = {"x": [1, 2, 3], "y": ["a", None, "b"]}
    with pytest.raises(DataError, match="The target 'y' is missing in row 1"):
        TableDataset(table, target="y")
    assert TableDataset(table, target="y", missing={"y": "drop"}).y.tolist() == [0, 1]


def test_a_class_that_training_did_not_have_is_named():
    preprocessing = Preprocessing("y").fit({"x": [1, 2], "y": ["a", "b"]})
    with pytest.raises(DataError, match="'y' in row 1 is 'c', which is none of the classes 'a', 'b'"):
        preprocessing({"x": [1, 2], "y": ["a", "c"]})
    with pytest.raises(DataError, match="none of the classes"):
        preprocessing({"x": [1, 2], "y": [0, 1]})


@pytest.mark.parametrize("style", ["standardize", "min_max", "none"])
def test_a_scaled_target_is_decoded_to_its_units(style):
    preprocessing = Preprocessing("rent", scale_target=style, **FILLED).fit(TRAIN)
    y = preprocessing(TRAIN).y
    if style == "standardize":
        np.testing.assert_allclose([y.mean(), y.std()], [0, 1], atol=1e-6)
    if style == "min_max":
        assert (y.min(), y.max()) == (0, 1)
    np.testing.assert_allclose(preprocessing.decode(y)[:, 0], TRAIN.rent, rtol=1e-6)


def test_outputs_for_classes_are_decoded_to_the_classes():
    words = Preprocessing("y").fit({"x": [1, 2, 3], "y": ["c", "a", "b"]})
    assert words.decode(np.eye(3)[[2, 0]]).tolist() == ["c", "a"]
    numbers = Preprocessing("y").fit({"x": [1, 2], "y": [30, 10]})
    assert numbers.decode(np.array([[0.1, 0.2], [3, -1]])).tolist() == [30, 10]
    assert numbers.decode(np.array([[-1.0], [2.0]])).tolist() == [10, 30]  # logits of the second class
    for wrong in (np.zeros((2, 3)), np.zeros((2, 2, 2)), np.zeros(0).reshape(0, 3)):
        with pytest.raises(DataError, match=r"Outputs must be \(N, 2\), one column per class"):
            numbers.decode(wrong)
    with pytest.raises(DataError, match=r"Outputs must be \(N, 1\)"):
        Preprocessing("y").fit({"x": [1, 2], "y": [0.5, 1]}).decode(np.zeros((2, 2)))


# Weights


def test_a_column_of_weights_is_no_feature():
    data = TableDataset({"x": [1, 2], "w": [0.5, 2], "y": [0.0, 1.0]}, target="y", weight="w")
    assert data.weight.tolist() == [0.5, 2]
    assert data.weight.dtype == np.float32
    assert data.preprocessing.features == ["x"]
    for wrong in (-1.0, NAN):
        with pytest.raises(DataError, match="The weight in row 1 is"):
            TableDataset({"x": [1, 2], "w": [0.5, wrong], "y": [0.0, 1.0]}, target="y", weight="w")


def test_balanced_weights_give_classes_the_same_influence():
    labels = [0, 0, 0, 1]
    data = TableDataset({"x": range(4), "y": labels}, target="y", weight="balanced")
    np.testing.assert_array_equal(data.weight, class_weights(labels)[labels])
    later = TableDataset({"x": [1, 2], "y": [1, 0]}, preprocessing=data.preprocessing)
    np.testing.assert_array_equal(later.weight, class_weights(labels)[[1, 0]])  # by the training part


# Later rows


def test_statistics_are_those_of_the_training_part_alone():
    train = TableDataset({"x": [1.0, 3.0], "y": [0.0, 1.0]}, target="y")
    test = TableDataset({"x": [100.0], "y": [5.0]}, preprocessing=train.preprocessing)
    assert test.x.tolist() == [[98.0]]


def test_columns_of_later_rows_may_stand_in_another_order_and_there_may_be_more():
    preprocessing = Preprocessing("rent", **FILLED).fit(TRAIN)
    shuffled = TRAIN[["pets", "city", "rooms", "age"]].assign(more="x")
    np.testing.assert_array_equal(preprocessing.inputs(shuffled), preprocessing(TRAIN).x)


def test_a_column_that_is_missing_is_named():
    preprocessing = Preprocessing("rent", **FILLED).fit(TRAIN)
    with pytest.raises(
        DataError, match="The table lacks 'age', 'city', which the training part had; it has rooms, pets"
    ):
        preprocessing.inputs(TRAIN[["rooms", "pets"]])
    with pytest.raises(DataError, match="The table lacks 'rent'"):
        preprocessing(TRAIN.drop(columns="rent"))


def test_a_word_where_a_number_was_is_named():
    preprocessing = Preprocessing("y").fit({"x": [1.0, 2.0], "y": [0.0, 1.0]})
    with pytest.raises(DataError, match="Column 'x' should hold numbers, and has 'two' in row 1"):
        preprocessing.inputs({"x": ["1", "two"]})
    np.testing.assert_array_equal(preprocessing.inputs({"x": ["1", "2"]}), [[-1], [1]])


def test_rows_to_predict_for_are_not_dropped():
    preprocessing = Preprocessing("rent", missing="drop").fit(TRAIN)
    with pytest.raises(DataError, match=r"Column 'age' has a missing value in row 2"):
        preprocessing.inputs(TRAIN)


def test_the_table_is_not_changed_and_need_not_be_writable():
    values = np.arange(3.0)
    values.flags.writeable = False
    TableDataset({"a": values, "y": values}, target="y")
    copy = TRAIN.copy()
    prepared()
    pd.testing.assert_frame_equal(TRAIN, copy)


def test_no_rows_make_no_samples_but_nothing_is_learned_from_them():
    preprocessing = Preprocessing("rent", **FILLED).fit(TRAIN)
    assert preprocessing.inputs(TRAIN.iloc[:0].astype(TRAIN.dtypes)).shape == (0, 6)
    with pytest.raises(DataError, match="There are no rows in the table to learn from"):
        TableDataset(TRAIN.iloc[:0], target="rent")


def test_nothing_is_done_before_something_was_learned():
    for act in (lambda p: p(TRAIN), lambda p: p.inputs(TRAIN), lambda p: p.decode([1]), lambda p: p.config()):
        with pytest.raises(ConfigError, match="has learned nothing yet"):
            act(Preprocessing("rent"))
    with pytest.raises(ConfigError, match="There is no target"):
        Preprocessing(missing="drop").fit(TRAIN)(TRAIN)


# Saving


def test_a_preprocessing_is_the_same_after_it_was_saved_with_a_model(tmp_path):
    options = {"numeric": "min_max", "indicator": True, "scale_target": "standardize", "unknown": "ignore"}
    preprocessing = Preprocessing("rent", missing={"age": "median", "city": ("constant", "?")}, **options).fit(TRAIN)
    model = Linear(len(preprocessing.feature_names), 1)
    save(model, tmp_path / "m.safetensors", extra={"preprocessing": preprocessing})
    other = Preprocessing.load(tmp_path / "m.safetensors")
    assert json.loads(json.dumps(other.config())) == json.loads(json.dumps(preprocessing.config()))
    np.testing.assert_array_equal(other.inputs(TRAIN), preprocessing.inputs(TRAIN))
    np.testing.assert_array_equal(other(TRAIN).y, preprocessing(TRAIN).y)
    loaded = load(tmp_path / "m.safetensors")
    expected = preprocessing.decode(model(preprocessing.inputs(TRAIN)))
    np.testing.assert_array_equal(other.predict(loaded, TRAIN.drop(columns="rent"), batch_size=4), expected)


@pytest.mark.parametrize("target", [["b", "a"], [3, 1], [True, False]])
def test_classes_are_the_same_after_saving(tmp_path, target):
    preprocessing = Preprocessing("y", weight="balanced").fit({"x": [1, 2], "y": target})
    other = Preprocessing.from_config(json.loads(json.dumps(preprocessing.config())))
    assert other.decode(np.eye(2)).tolist() == sorted(target)
    assert other({"x": [1, 2], "y": target}).y.tolist() == preprocessing({"x": [1, 2], "y": target}).y.tolist()


def test_a_header_less_file_is_read_alike_after_saving(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("1,0.5,a\n2,?,b\n")
    preprocessing = Preprocessing(-1, header=False, missing_values=["?"], missing="mean").fit(path)
    other = Preprocessing.from_config(preprocessing.config())
    np.testing.assert_array_equal(other(path).x, preprocessing(path).x)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"version": 2}, "has version 2; this nn-data reads 1"),
        ({"encoders": [{"kind": "spline"}]}, "damaged"),
        ({"encoders": [{"kind": "number", "name": "a", "power": 2}]}, "damaged"),
        ({"encoders": 3}, "damaged"),
        ({"options": {"numeric": "odd"}}, "damaged"),
        ({"target": {"names": ["y"]}}, "damaged"),
        ({"options": None}, "damaged"),
    ],
    ids=str,
)
def test_a_damaged_description_is_refused(change, said):
    config = Preprocessing("rent", **FILLED).fit(TRAIN).config()
    with pytest.raises(DataError, match=said):
        Preprocessing.from_config(config | change)


def test_a_model_without_preprocessing_says_how_to_save_it(tmp_path):
    save(Linear(1, 1), tmp_path / "m.safetensors")
    with pytest.raises(DataError, match="holds no preprocessing; save it with the model"):
        Preprocessing.load(tmp_path / "m.safetensors")


def test_options_beside_a_preprocessing_are_refused():
    train = TableDataset(TRAIN, target="rent", **FILLED)
    with pytest.raises(ConfigError, match="has its options already; leave target, missing out"):
        TableDataset(TRAIN, target="rent", missing="drop", preprocessing=train.preprocessing)
    with pytest.raises(ConfigError, match="TableDataset needs target="):
        TableDataset(TRAIN)
