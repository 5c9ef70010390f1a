"""Experiment files: reading, overriding, checking, and the objects they stand for."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import numpy as np
import pytest

from nn_cli.experiment import apply_override, build_layer, check_experiment, read_experiment
from nn_core import ConfigError, ShapeError


def table(**changes):
    """Return the table of a small experiment with some of its sections changed."""
    small = {
        "data": {"type": "blobs"},
        "model": {"layers": [{"type": "linear", "out_features": 2}]},
        "loss": {"type": "cross_entropy"},
        "optimizer": {"type": "descent"},
        "train": {"epochs": 1},
    }
    return {key: value for key, value in (small | changes).items() if value is not None}


def said(**changes) -> list[str]:
    return [str(problem) for problem in check_experiment(table(**changes))]


def failure(path: Path, *overrides: str) -> str:
    with pytest.raises(ConfigError) as caught:
        read_experiment(path, overrides)
    assert str(path) in str(caught.value) or "--set" in str(caught.value)
    return str(caught.value)


# Files


def test_a_missing_file_is_an_error(tmp_path):
    assert failure(tmp_path / "no.toml") == f"There is no configuration file {tmp_path / 'no.toml'}."


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"a = [", "is not valid TOML"),
        (b"seed 3", r"is not valid TOML: .*line 1"),
        (b"[data]\ntype = digits", r"is not valid TOML: .*line 2"),
        (b"seed = 1\nseed = 2", "is not valid TOML: Cannot overwrite"),
        (b"\xff\xfe", "is not valid TOML"),
    ],
)
def test_a_malformed_file_is_an_error_that_says_where(tmp_path, content, said):
    path = tmp_path / "bad.toml"
    path.write_bytes(content)
    message = failure(path)
    assert re.search(said, message)
    assert message.count("\n") == 0


def test_a_folder_is_no_configuration_file(tmp_path):
    assert "cannot be read" in failure(tmp_path)


def test_a_file_is_completed_by_the_defaults(lab):
    (lab / "small.toml").write_text(
        '[data]\ntype="blobs"\n[model]\nlayers=[{type="relu"}]\n[loss]\ntype="cross_entropy"\n'
        '[optimizer]\ntype="descent"\n[train]\nepochs=2\n'
    )
    experiment = read_experiment(lab / "small.toml")
    assert experiment.seed == 0
    assert (experiment.data.batch_size, experiment.data.validation) == (32, 0.0)
    assert (experiment.train.epochs, experiment.train.metrics) == (2, [])
    assert experiment.table["data"] == {"type": "blobs", "batch_size": 32, "validation": 0.0}
    experiment = read_experiment(lab / "lab.toml")
    assert (experiment.seed, experiment.data.batch_size, experiment.train.metrics) == (3, 16, ["accuracy"])


def test_one_problem_is_told_in_one_line_that_names_the_file(lab):
    path = Path("lab.toml")
    assert failure(path, "train.epochs='3'") == "lab.toml: train.epochs must be an integer, got '3'."
    assert failure(path, "train.epoch=3") == "lab.toml: train.epoch is unknown. Did you mean 'epochs'?"


def test_every_problem_is_told_with_its_place(lab):
    wrong = [
        "seed=-1",
        "sead=1",
        "data.type='blob'",
        "data.batch_size=0",
        "model.layers.0.out_features='4'",
        "model.layers.1.type='rely'",
        "model.layers.2.out_feature=3",
        "loss.reduction='max'",
        "optimizer.lr='fast'",
        "optimizer.momentum=0.9",
        "train.epochs=0",
        "train.metrics=['accurate']",
    ]
    heading, *lines = failure(Path("lab.toml"), *wrong).split("\n")
    assert heading == "lab.toml:"
    assert [line.strip() for line in lines] == [
        "sead is unknown. Did you mean 'seed'?",
        "seed must be at least 0, got -1",
        "train.epochs must be at least 1, got 0",
        "train.metrics[0] cannot be 'accurate': No installed plugin provides the metric 'accurate'. "
        "Did you mean 'accuracy'?",
        "data.batch_size must be at least 1, got 0",
        "data.type cannot be 'blob': No installed plugin provides the dataset 'blob'. Did you mean 'blobs'? "
        "nn-data (datasets) is not installed.",
        "model.layers[0].out_features must be an integer, got '4'",
        "model.layers[1].type cannot be 'rely': No installed plugin provides the layer 'rely'. Did you mean 'relu' or "
        "'prelu'? nn-layers-conv (convolution, pooling and 2-D normalization) is not installed.",
        "model.layers[2].out_feature is no option of the layer 'linear'. Did you mean 'out_features' or 'in_features'?",
        "loss.reduction must be one of 'mean', 'sum', 'none', got 'max'",
        "optimizer.lr must be a number, got 'fast'",
        "optimizer.momentum is no option of the optimizer 'descent'. Known here: lr.",
    ]


# Checks


def test_a_right_experiment_has_no_problem(lab):
    assert said() == []
    assert said(seed=2**80, train={"epochs": 1, "metrics": ["accuracy", "accuracy@nn-core"]}) == []
    assert said(data={"type": "blobs", "batch_size": 1, "validation": 0, "n": 10}) == []
    assert said(model={"type": "linear", "out_features": 2}) == []


def test_every_missing_section_is_named_with_what_it_needs(lab):
    assert [str(problem) for problem in check_experiment({})] == [
        "[data] is missing: add the table with its key 'type'",
        "[model] is missing: add the table with its key 'layers'",
        "[loss] is missing: add the table with its key 'type'",
        "[optimizer] is missing: add the table with its key 'type'",
        "[train] is missing: add the table with its key 'epochs'",
    ]
    assert said(loss=None) == ["[loss] is missing: add the table with its key 'type'"]


def test_an_unknown_section_gets_the_close_match_or_all_that_are_known(lab):
    assert said(losses={}) == ["losses is unknown. Did you mean 'loss'?"]
    assert said(xyz=1) == ["xyz is unknown. Known are seed, data, model, loss, optimizer, train, scheduler"]


@pytest.mark.parametrize("section", ["data", "model", "loss", "optimizer", "train"])
@pytest.mark.parametrize("value", [3, "x", [1]])
def test_a_section_that_is_no_table_is_one_problem(lab, section, value):
    [problem] = said(**{section: value})
    assert problem.startswith(f"{section} must be a table")
    assert problem.endswith(f"got {value!r}")


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"seed": "1"}, "seed must be an integer, got '1'"),
        ({"seed": True}, "seed must be an integer, got True"),
        ({"seed": 1.0}, "seed must be an integer, got 1.0"),
        ({"seed": -1}, "seed must be at least 0, got -1"),
        ({"train": {"epochs": "3"}}, "train.epochs must be an integer, got '3'"),
        ({"train": {"epochs": False}}, "train.epochs must be an integer, got False"),
        ({"train": {"epochs": 0}}, "train.epochs must be at least 1, got 0"),
        ({"train": {}}, "train.epochs is missing: give it an integer"),
        ({"train": {"epochs": 1, "metrics": "accuracy"}}, "train.metrics must be a list, got 'accuracy'"),
        (
            {"train": {"epochs": 1, "metrics": [1]}},
            "train.metrics[0] must be the name of a metric or a table with its type, got 1",
        ),
        ({"data": {"type": "blobs", "batch_size": 0}}, "data.batch_size must be at least 1, got 0"),
        ({"data": {"type": "blobs", "batch_size": 8.0}}, "data.batch_size must be an integer, got 8.0"),
        (
            {"data": {"type": "blobs", "batch_sise": 8}},
            "data.batch_sise is no option of the dataset 'blobs'. Did you mean 'batch_size'?",
        ),
        ({"data": {"type": "blobs", "n": "8"}}, "data.n must be an integer, got '8'"),
        ({"data": {}}, "data.type is missing: it names the dataset"),
        ({"model": {}}, "model.layers is missing: give it a list of layers"),
        ({"model": {"layers": [], "x": 1}}, "model.x is unknown. Known here: layers, names, init"),
        ({"optimizer": {}}, "optimizer.type is missing: it names the optimizer"),
    ],
)
def test_a_wrong_value_is_a_problem_at_its_place(lab, changes, problem):
    assert said(**changes)[0] == problem


@pytest.mark.parametrize("share", [1, 1.0, -0.1, 1.5, float("nan")])
def test_the_share_for_validation_leaves_something_for_training(lab, share):
    assert said(data={"type": "blobs", "validation": share}) == [
        f"data.validation must be a share from 0 to below 1, got {share}"
    ]


# Overrides


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3),
        ("-3", -3),
        ("1_000", 1000),
        ("3.0", 3.0),
        ("1e-3", 0.001),
        ("true", True),
        ("True", "True"),
        ("adam", "adam"),
        ("'3'", "3"),
        ('"a b"', "a b"),
        ("", ""),
        ("path/to/mnist", "path/to/mnist"),
        ("../data", "../data"),
        ("a=b", "a=b"),
        ("[1, 2]", [1, 2]),
        ("['accuracy']", ["accuracy"]),
        ("{ type = 'relu' }", {"type": "relu"}),
    ],
)
def test_an_override_has_the_type_that_toml_gives_it_and_is_text_otherwise(text, value):
    found: dict = {}
    apply_override(found, f"a.b={text}")
    assert found == {"a": {"b": value}}
    assert type(found["a"]["b"]) is type(value)


def test_an_override_replaces_a_value_and_leaves_the_others():
    found = {"a": {"b": 1, "c": 2}, "layers": [{"p": 1}, {"p": 2}]}
    apply_override(found, "a.b=3")
    apply_override(found, " layers.1.p =4")
    apply_override(found, "layers.0={q=5}")
    apply_override(found, "new.table.key=6")
    assert found == {"a": {"b": 3, "c": 2}, "layers": [{"q": 5}, {"p": 4}], "new": {"table": {"key": 6}}}


@pytest.mark.parametrize("override", ["train.epochs", "", "=3", " = 3"])
def test_an_override_without_a_key_or_a_value_is_an_error_with_an_example(override):
    with pytest.raises(ConfigError) as caught:
        apply_override({}, override)
    assert str(caught.value) == f"--set takes key=value, such as train.epochs=3, got {override!r}."


@pytest.mark.parametrize("path", ["a.b.c", "layers.x.p", "layers.x", "layers.0.p.q"])
def test_an_override_that_leads_nowhere_is_an_error_that_repeats_it(path):
    found = {"a": {"b": 1}, "layers": [{"p": 1}]}
    with pytest.raises(ConfigError) as caught:
        apply_override(found, f"{path}=3")
    assert f"--set {path}=3: there is no table or list for '{path}'" in str(caught.value)
    assert found == {"a": {"b": 1}, "layers": [{"p": 1}]}


@pytest.mark.parametrize("path", ["layers.2.p", "layers[2].p", "layers.5", "layers[5]"])
def test_an_override_past_the_end_of_a_list_is_an_error_that_names_the_end(path):
    with pytest.raises(ConfigError) as caught:
        apply_override({"layers": [{"p": 1}]}, f"{path}=3")
    assert str(caught.value) == f"--set {path}=3: the list is shorter; its last entry is 0."


def test_an_override_may_be_spelled_as_errors_spell_the_place():
    found = {"layers": [{"p": 1}, {"layers": [{"q": 1}]}]}
    apply_override(found, "layers[1].layers[0].q=2")
    assert found == {"layers": [{"p": 1}, {"layers": [{"q": 2}]}]}


def test_overrides_are_applied_in_order_and_checked_like_the_file(lab):
    experiment = read_experiment(
        Path("lab.toml"), ["train.epochs=5", "train.epochs=7", "model.layers.0.out_features=9"]
    )
    assert experiment.train.epochs == 7
    assert experiment.table["model"]["layers"][0]["out_features"] == 9
    assert failure(Path("lab.toml"), "train.epochs=many") == "lab.toml: train.epochs must be an integer, got 'many'."


# What it stands for


def experiment_with(lab: Path, *overrides: str):
    return read_experiment(lab / "lab.toml", overrides)


def test_without_a_share_there_is_no_validation_data(lab):
    train, validation, test = experiment_with(lab).load_data()
    assert (len(train), validation, len(test)) == (40, None, 20)


@pytest.mark.parametrize(
    ("share", "count"), [(0.25, 10), (0.1, 4), (0.01, 1), (0.001, 1), (0.99, 39), (0.9999, 39), (0.5, 20)]
)
def test_a_share_of_the_training_data_is_set_aside(lab, share, count):
    train, validation, test = experiment_with(lab, f"data.validation={share}").load_data()
    assert (len(train), len(validation), len(test)) == (40 - count, count, 20)
    everything = experiment_with(lab).load_data()[0].x
    parts = np.concatenate([part.take(np.arange(len(part)))[0] for part in (train, validation)])
    assert sorted(row.tobytes() for row in parts) == sorted(row.tobytes() for row in everything)


def test_what_is_set_aside_follows_from_the_seed(lab):
    def rows(*overrides: str) -> list:
        validation = experiment_with(lab, "data.validation=0.25", *overrides).load_data()[1]
        return validation.take(np.arange(len(validation)))[0].tolist()

    assert rows() == rows()
    assert rows() != rows("seed=4")


def test_the_options_of_the_dataset_reach_it_and_the_others_do_not(lab):
    train, _, _ = experiment_with(lab, "data.n=8", "data.seed=1").load_data()
    assert len(train) == 8


def test_the_weights_of_the_model_follow_from_the_seed(lab):
    def weights(*overrides: str) -> list:
        model = experiment_with(lab, *overrides).build_model((40, 3))
        return [parameter.data.tolist() for parameter in model.parameters()]

    assert weights() == weights()
    assert weights() != weights("seed=4")


def test_a_model_may_be_a_list_of_layers_or_one_layer(lab):
    model = experiment_with(lab).build_model((40, 3))
    assert [type(layer).__name__ for layer in model] == ["Linear", "ReLU", "Linear"]
    assert model(np.zeros((5, 3), np.float32)).shape == (5, 2)
    nested = "model={type='sequential', layers=[{type='sequential', layers=[{type='relu'}]}]}"
    assert type(experiment_with(lab, nested).build_model((40, 3))[0][0]).__name__ == "ReLU"
    single = experiment_with(lab, "model={type='linear', out_features=2}").build_model((40, 3))
    assert type(single).__name__ == "Linear"


def test_containers_have_their_options_in_a_configuration(lab):
    residual = "{type='residual', layers=[{type='linear', out_features=4}], shortcut={type='linear', out_features=4}}"
    parallel = "{type='parallel', branches=[{type='relu'}, {type='relu'}], merge='concat', names=['a', 'b']}"
    names = "names=['block', '1', 'head']"
    model = f"model={{layers=[{residual}, {parallel}, {{type='linear', out_features=2}}], {names}, init='auto'}}"
    built = experiment_with(lab, model).build_model((40, 3))
    shapes = {name: array.shape for name, array in built.params.items() if name.endswith("weight")}
    assert shapes == {"block.layers.0.weight": (4, 3), "block.shortcut.weight": (4, 3), "head.weight": (2, 8)}
    assert built.init == "auto"
    assert [name for name, _ in built[1].children()] == ["a", "b"]


@pytest.mark.parametrize(
    ("layer", "problem"),
    [
        (
            {"type": "parallel", "branches": [{"type": "relu", "x": 1}]},
            "branches[0].x is no option of the layer 'relu'",
        ),
        (
            {"type": "parallel", "layers": [{"type": "relu"}]},
            "layers is unknown. Known here: branches, names, merge, axi",
        ),
        ({"type": "parallel", "branches": [{"type": "relu"}], "axis": "1"}, "axis must be an integer, got '1'"),
        ({"type": "residual", "layers": [{"type": "relu"}], "names": "a"}, "names must be a list of strings, got 'a'"),
        (
            {"type": "residual", "layers": [{"type": "relu"}], "shortcut": {"type": "linear"}},
            "shortcut.out_features is missing: the layer 'linear' needs it",
        ),
    ],
)
def test_what_is_wrong_in_a_container_is_named_with_its_place(lab, layer, problem):
    assert said(model={"layers": [layer]})[0].startswith(f"model.layers[0].{problem}")


def test_an_option_that_a_layer_refuses_is_an_error_with_its_place(lab):
    layers = [{"type": "relu"}, {"type": "sequential", "layers": [{"type": "linear", "out_features": 0}]}]
    with pytest.raises(ConfigError) as caught:
        build_layer("model", {"layers": layers})
    assert str(caught.value).startswith("model.layers[1].layers[0]: out_features of Linear must be a positive integer")


def test_layers_that_do_not_fit_are_an_error_with_place_and_both_sizes(lab):
    with pytest.raises(ShapeError) as caught:
        experiment_with(lab, "model.layers.2.in_features=7").build_model((40, 3))
    message = str(caught.value)
    assert message.startswith("model.layers[2] (linear): expected 7 features on the last axis, got 4 from relu")
    assert "set it to 4" in message


def test_the_table_is_valid_toml_again(lab):
    import tomli_w

    found = experiment_with(lab, "optimizer.lr=1e-3", "data.validation=0.25").table
    assert tomllib.loads(tomli_w.dumps(found)) == found


def test_a_metric_may_be_a_table_with_options(lab):
    experiment = experiment_with(lab, "train.metrics=['accuracy', {type='f1', average='macro'}]")
    assert experiment.train.metrics == ["accuracy", {"type": "f1", "average": "macro"}]
    with pytest.raises(
        ConfigError, match=r"train.metrics\[0\].avrage is no option of the metric 'f1'. Did you mean 'average'"
    ):
        experiment_with(lab, "train.metrics=[{type='f1', avrage='macro'}]")


def test_a_dense_layer_may_say_units(lab):
    built = experiment_with(lab, "model={layers=[{type='dense', units=5, activation='tanh'}]}").build_model((40, 3))
    assert built[0].weight.shape == (5, 3)
