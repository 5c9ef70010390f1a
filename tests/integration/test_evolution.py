"""A plugin that was written for API 1 keeps working, unchanged, and what is deprecated names who uses it."""

from __future__ import annotations

import base64
import csv
import hashlib
import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import nn_core
from nn_core import Linear, ReLU, Sequential, build, fit, hookspecs, load, predict, save
from nn_core.discovery import _manager
from nn_core.registry import registry
from nn_core.testing import (
    CallbackCase,
    DatasetCase,
    InitializerCase,
    LayerCase,
    LossCase,
    MetricCase,
    OptimizerCase,
    SchedulerCase,
    check_callback,
    check_dataset,
    check_initializer,
    check_layer,
    check_loss,
    check_metric,
    check_optimizer,
    check_plugin,
    check_scheduler,
)

RECORDED = Path(__file__).parents[1] / "recorded"
RECORD = RECORDED / "nn_recorded-1.0.0.dist-info" / "RECORD"


@pytest.fixture
def recorded(tmp_path, monkeypatch):
    """Install the recorded plugin for the length of a test; warnings of any kind are errors here as everywhere."""
    site = tmp_path / "site"
    shutil.copytree(RECORDED, site, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.syspath_prepend(site)
    registry.cache_clear()
    yield site
    for name in [name for name in sys.modules if name.partition(".")[0] == "nn_recorded"]:
        del sys.modules[name]
    monkeypatch.undo()
    registry.cache_clear()


def get(kind, name):
    return nn_core.get(kind, name)


def draw(rng):
    return rng.normal(size=(6, 3)), rng.normal(size=(6, 3))


# What holds each kind's recorded components to today's checks.
CHECKS = {
    "layer": lambda name: check_layer(LayerCase(name, lambda: build("layer", LAYERS[name]), (5, 3))),
    "loss": lambda name: check_loss(LossCase(name, get("loss", name), draw)),
    "optimizer": lambda name: check_optimizer(OptimizerCase(name, get("optimizer", name))),
    "scheduler": lambda name: check_scheduler(SchedulerCase(name, get("scheduler", name))),
    "metric": lambda name: check_metric(MetricCase(name, get("metric", name), draw)),
    "initializer": lambda name: check_initializer(InitializerCase(name, get("initializer", name))),
    "callback": lambda name: check_callback(CallbackCase(name, lambda folder: get("callback", name)())),
    "dataset": lambda name: check_dataset(DatasetCase(name, get("dataset", name))),
}
LAYERS = {
    "rec_affine": {"type": "rec_affine", "in_features": 3, "out_features": 2},
    "rec_gate": {"type": "rec_gate", "start": 0.3},
    "rec_scale": {"type": "rec_scale"},
    "rec_noise": {"type": "rec_noise"},
}


def test_nobody_has_edited_what_is_recorded():
    listed = {}
    for path, digest, size in csv.reader(RECORD.read_text(encoding="utf-8").splitlines()):
        if digest:
            content = (RECORDED / path).read_bytes()
            found = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
            assert (f"sha256={found}", str(len(content))) == (digest, size), f"{path} is kept as it was written"
        listed[path] = digest
    there = {path.relative_to(RECORDED).as_posix() for path in RECORDED.rglob("*") if path.is_file()}
    assert {path for path in there if "__pycache__" not in path} - {"README.md"} == set(listed)


def test_the_recorded_plugin_is_discovered_with_every_component(recorded):
    [record] = [record for record in nn_core.plugin_records() if record.distribution == "nn-recorded"]
    assert (record.status, record.reason, record.version, record.api) == ("ok", "", "1.0.0", 1)
    kinds = [component.kind for component in record.components]
    assert {*kinds} == {*nn_core.plugins.KINDS} - {"backend"}
    assert len(kinds) == 14
    assert check_plugin("nn-recorded") > 0


@pytest.mark.parametrize("kind", CHECKS)
def test_the_recorded_components_pass_the_checks_of_today(recorded, kind):
    names = [component.name for component in nn_core.components(kind) if component.distribution == "nn-recorded"]
    assert names
    for name in names:
        CHECKS[kind](name)


def test_the_recorded_components_train_a_model_together(recorded):
    train, test = build("dataset", {"type": "rec_line"})
    model = Sequential(build("layer", LAYERS["rec_gate"]), Linear(3, 1))
    events = build("callback", {"type": "rec_events"})
    history = fit(
        model,
        train,
        loss="rec_log_cosh",
        optimizer={"type": "rec_momentum", "lr": 0.3},
        scheduler="rec_inverse",
        metrics=["rec_near"],
        validation=test,
        callbacks=[events],
        epochs=8,
        batch_size=10,
    )
    assert history["loss"][-1] < history["loss"][0] / 2
    assert {"rec_near", "val_rec_near", "events"} <= set(history.rows[-1])
    # fit once, 8 epochs, 3 batches and as many updates in each, one validation in each
    assert events.seen == {
        "fit_start": 1,
        "epoch_start": 8,
        "batch_start": 24,
        "update_start": 24,
        "batch_end": 24,
        "validation_start": 8,
        "validation_end": 8,
        "epoch_end": 8,
        "fit_end": 1,
    }


def test_the_recorded_model_is_loaded_and_gives_what_it_gave(recorded):
    model = load(recorded / "model.safetensors")
    kept = json.loads((recorded / "outputs.json").read_text(encoding="utf-8"))
    outputs = predict(model, np.array(kept["x"], np.float32))
    np.testing.assert_allclose(outputs, kept["y"], rtol=1e-5, atol=1e-6)


def test_the_recorded_format_keeps_a_model(recorded, tmp_path):
    model, x = Sequential(Linear(3, 2), ReLU()), np.ones((2, 3), np.float32)
    save(model, tmp_path / "model.recorded")
    np.testing.assert_array_equal(predict(load(tmp_path / "model.recorded"), x), predict(model, x))


def test_the_recorded_kernel_and_command_are_used(recorded):
    rec_double = get("kernel", "rec_double").__globals__["rec_double"]
    assert rec_double(np.array([1.5])) == [3.0]
    assert nn_core.kernel_providers()["rec_double[numpy:ndarray]"] == "rec_double@nn-recorded"
    assert CliRunner().invoke(get("command", "rec_greet"), ["Ada"]).output == "Hello, Ada.\n"


def test_the_recorded_initializer_draws_the_weights_of_todays_layers(recorded):
    assert np.abs(Linear(20, 20, init="rec_small").weight.data).max() < 0.1


# Deprecations


def test_a_deprecated_hook_warns_once_and_names_the_distribution(recorded, monkeypatch):
    notice = FutureWarning("the hook nn_layers is deprecated; announce layers with nn_parts")
    monkeypatch.setitem(hookspecs.nn_layers.nn_spec, "warn_on_impl", notice)
    _manager.cache_clear()
    registry.cache_clear()
    with pytest.warns(FutureWarning) as caught:
        nn_core.get("layer", "rec_scale")
    _manager.cache_clear()
    texts = [str(warning.message) for warning in caught]
    assert "nn-recorded 1.0.0: the hook nn_layers is deprecated; announce layers with nn_parts" in texts
    assert len(set(texts)) == len(texts)
