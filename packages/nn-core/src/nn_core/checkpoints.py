"""A training run in one safetensors file, so that it can be gone on with to the bit.

Weights and buffers stand in the file under their own names, so that it can be loaded like any model file; what else
there is under names that begin with ``@``. Numbers and words are JSON, in the bytes of the array ``@run``, because
the header of such a file is meant to stay small.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nn_core import __version__, random, serialization
from nn_core.errors import ConfigError, ModelFileError
from nn_core.model_files import read_arrays, write_arrays
from nn_core.training_state import TrainingState

if TYPE_CHECKING:
    from nn_core.engine import Run

logger = logging.getLogger("nn_core")

VERSION = 1
_POSITION = ("epoch", "batch", "step", "trained", "samples", "logs", "columns")
_SUMS = ("total", "count", "waiting", "weight")


def save_checkpoint(state: TrainingState, path: str | Path) -> None:
    """Write all that a run needs to go on from here: `fit` takes the path as ``resume=``.

    The file is written under a temporary name, flushed, and renamed, so a crash never harms an older one.

    Args:
        state: what callbacks get.
        path: the file.

    Raises:
        ModelFileError: the file cannot be written, or something in the run cannot be saved.
    """
    run: Run = state.run
    arrays: dict[str, Any] = {}
    tree = _packed(_captured(run), "@", arrays)
    kept = [callback for callback in run.callbacks if _keeps(callback)]
    tree["callbacks"] = [
        _packed(_state_of(callback), f"@/{getattr(callback, 'section', f'callbacks/{i}')}", arrays)
        for i, callback in enumerate(kept)
    ]
    arrays["@run"] = np.frombuffer(json.dumps(tree).encode(), np.uint8)
    arrays |= run.model.state_dict()
    try:
        metadata = serialization.metadata_of(run.model)
    except ModelFileError:  # a layer that no plugin registers: the run goes on in the program that made it
        metadata = {}
    write_arrays(path, arrays, metadata, "safetensors@nn-core")
    logger.debug("saved epoch %d, batch %d in %s", state.epoch, state.batch, path)


def resume_run(run: Run, path: str | Path) -> None:
    """Put a run that was made with the same arguments where `save_checkpoint` found another one.

    Raises:
        ModelFileError: the file is missing or damaged, holds no run, or another model's.
        ConfigError: the run has other settings, or other parts.
    """
    words, arrays = read_arrays(path, "safetensors@nn-core")
    if "@run" not in arrays:
        raise ModelFileError(f"{path} holds a model but no run to go on with. Load it with nn_core.load.")
    try:
        tree = json.loads(arrays["@run"].tobytes())
        saved = _unpacked(tree, arrays)
        version = saved["version"]
    except (ValueError, KeyError, TypeError) as error:
        raise ModelFileError(f"{path} has a damaged description of its run: {error!r}.") from error
    if version != VERSION:
        raise ModelFileError(
            f"{path} has version {version!r} of the checkpoint format; this nn-core {__version__} reads {VERSION}."
        )
    _check_same("settings", saved["settings"], _settings(run), path)
    _check_same("parts", saved["parts"], _parts(run), path)
    _check_architecture(run.model, words, path)
    _check_options(run, saved.get("options"), path)
    weights = {name: array for name, array in arrays.items() if not name.startswith("@")}
    try:
        run.model.load_state_dict(weights)
    except ModelFileError as error:
        raise ModelFileError(f"{path} is of another model: {str(error).partition(' Pass strict=False')[0]}") from error
    _restore(run, saved)
    logger.debug("go on after epoch %d, batch %d of %s", run.state.epoch, run.state.batch, path)


def _settings(run: Run) -> dict[str, Any]:
    source = run.source
    return {
        "seed": run.seed,
        "batch_size": source.batch_size,
        "shuffle": bool(source.shuffle),
        "accumulate": run.accumulate,
        "batches per epoch": run.state.batches,
    }


def _parts(run: Run) -> dict[str, Any]:
    return {
        "loss": type(run.loss).__name__,
        "optimizer": type(run.optimizer).__name__,
        "scheduler": None if run.scheduler is None else type(run.scheduler).__name__,
        "metrics": list(run.metrics),
        "callbacks": [type(callback).__name__ for callback in run.callbacks if _keeps(callback)],
    }


def _check_same(what: str, saved: Mapping[str, Any], own: Mapping[str, Any], path: str | Path) -> None:
    for name, value in own.items():
        if saved.get(name) != value:
            raise ConfigError(
                f"{path} is of a run with {name} {saved.get(name)!r}, and this one has {value!r}. A run goes on with "
                f"the {what} that it had."
            )


def _check_architecture(model: Any, words: Mapping[str, str], path: str | Path) -> None:
    """Refuse a model of other layers, as far as both describe themselves."""
    try:
        own = json.loads(serialization.metadata_of(model)["nn"])
        saved = json.loads(words["nn"])
    except (ModelFileError, KeyError, ValueError):
        return
    if (saved.get("model"), saved.get("dtype")) != (own["model"], own["dtype"]):
        raise ModelFileError(
            f"{path} is of another model: {saved.get('model')} in {saved.get('dtype')}, where this one is "
            f"{own['model']} in {own['dtype']}."
        )


def _check_options(run: Run, saved: Any, path: str | Path) -> None:
    """Refuse a new optimizer with other options than the run began with; they would be overwritten without a word."""
    for was, own in zip(saved or [], run.options or [], strict=False):
        _check_same("options of the optimizer", was, own, path)


def _captured(run: Run) -> dict[str, Any]:
    """Return what changes in the course of a run, but weights and buffers."""
    state = run.state
    return {
        "version": VERSION,
        "nn-core": __version__,
        "settings": _settings(run),
        "parts": _parts(run),
        "options": run.options,
        "position": {name: getattr(state, name) for name in _POSITION},
        "sums": {name: getattr(run, name) for name in _SUMS},
        "data": run.source.state_dict(),
        "elapsed": run.elapsed(),
        "history": state.history.rows,
        "optimizer": run.optimizer.state_dict() if hasattr(run.optimizer, "state_dict") else None,
        "scheduler": None if run.scheduler is None else run.scheduler.state_dict(),
        "metrics": {name: _state_of(metric) for name, metric in run.metrics.items()},
        "gradients": {
            name: parameter.grad
            for name, parameter in run.model.named_parameters()
            if run.waiting and parameter.grad is not None
        },
        "generator": random.default_rng().bit_generator.state,
    }


def _restore(run: Run, saved: dict[str, Any]) -> None:
    state = run.state
    for name in _POSITION:
        setattr(state, name, saved["position"][name])
    for name in _SUMS:
        setattr(run, name, saved["sums"][name])
    state.history.rows[:] = saved["history"]
    run.resume_at(saved["elapsed"])
    run.options = saved.get("options")
    run.source.load_state_dict(saved.get("data"))
    if saved["optimizer"] is not None:
        run.optimizer.load_state_dict(saved["optimizer"])
    if run.scheduler is not None:
        run.scheduler.load_state_dict(saved["scheduler"])
    for name, metric in run.metrics.items():
        _put(metric, saved["metrics"][name])
    kept = [callback for callback in run.callbacks if _keeps(callback)]
    for callback, values in zip(kept, saved["callbacks"], strict=True):
        _put(callback, values)
    for name, parameter in run.model.named_parameters():
        parameter.grad = saved["gradients"].get(name)
    random.default_rng().bit_generator.state = saved["generator"]


def _keeps(callback: Any) -> bool:
    """Return whether a callback has something to keep: attributes named in `kept`, or a state of its own."""
    return hasattr(callback, "state_dict") or bool(getattr(callback, "kept", ()))


def _state_of(thing: Any) -> dict[str, Any]:
    """Return what a metric or a callback keeps: as it says itself, or the attributes."""
    if hasattr(thing, "state_dict"):
        state: dict[str, Any] = thing.state_dict()
        return state
    names = getattr(thing, "kept", None)
    return {name: getattr(thing, name) for name in (vars(thing) if names is None else names)}


def _put(thing: Any, state: Mapping[str, Any]) -> None:
    if hasattr(thing, "load_state_dict"):
        thing.load_state_dict(state)
        return
    for name, value in state.items():
        object.__setattr__(thing, name, value)


def _packed(value: Any, place: str, arrays: dict[str, Any]) -> Any:
    """Return a value as JSON can hold it, with its arrays moved to `arrays` under names that tell their place."""
    if isinstance(value, Mapping):
        items = [(key, _packed(item, f"{place}/{key}", arrays)) for key, item in value.items()]
        plain = all(isinstance(key, str) and not key.startswith("@") for key in value)
        return dict(items) if plain else {"@items": [list(item) for item in items]}
    if isinstance(value, (list, tuple)):
        members = [_packed(item, f"{place}/{i}", arrays) for i, item in enumerate(value)]
        return {"@tuple": members} if isinstance(value, tuple) else members
    if isinstance(value, np.generic):
        return value.item()
    if hasattr(value, "dtype") and hasattr(value, "shape"):
        name = place.replace("@/", "@", 1)
        arrays[name] = np.asarray(value)
        return {"@array": name}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise ModelFileError(
        f"{place.removeprefix('@/')} is {value!r:.60}, which a checkpoint cannot hold: only numbers, words, "
        f"arrays, and lists and dictionaries of them."
    )


def _unpacked(value: Any, arrays: Mapping[str, Any]) -> Any:
    if isinstance(value, list):
        return [_unpacked(item, arrays) for item in value]
    if not isinstance(value, dict):
        return value
    if "@array" in value:
        return arrays[value["@array"]]
    if "@tuple" in value:
        return tuple(_unpacked(item, arrays) for item in value["@tuple"])
    if "@items" in value:
        return {key: _unpacked(item, arrays) for key, item in value["@items"]}
    return {key: _unpacked(item, arrays) for key, item in value.items()}
