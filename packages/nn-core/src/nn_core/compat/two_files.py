"""Models in two files: HDF5 weights by layer, and the architecture as a JSON list of layers beside them."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nn_core.errors import ConfigError, ModelFileError, PluginError
from nn_core.files import write_atomically
from nn_core.layers.sequential import Sequential
from nn_core.model_files import load_arrays, write_arrays
from nn_core.registry import build, components
from nn_core.serialization import build_as_saved, built_shapes, describe

ENDINGS = (".h5", ".hdf5")

logger = logging.getLogger("nn_core")


def save_two_files(layers: Sequential, path: Path) -> None:
    """Write ``model.hdf5``, with arrays named ``<index>_<LayerClass>_<parameter>``, and ``model.json``.

    The latter is a list of ``{"class": …, "config": {…}}``. Without h5py the arrays go to ``model.hdf5.npz``.

    Raises:
        ModelFileError: a layer is not registered by a plugin, or a file cannot be written.
        NotBuiltError: some sizes are still to be inferred.
    """
    arrays: dict[str, Any] = {}
    entries: list[dict[str, Any]] = []
    for i, layer in enumerate(layers):
        name = type(layer).__name__
        config = {option: value for option, value in describe(layer).items() if option != "type"}
        entries.append({"class": name, "config": config, "built": built_shapes(layer)})
        arrays |= {f"{i}_{name}_{key}": array for key, array in layer.state_dict().items()}
    try:
        write_arrays(path, arrays, {})
    except PluginError:  # there is no h5py
        logger.warning("h5py is not installed, so the weights go to %s.npz instead of %s.", path, path)
        write_arrays(f"{path}.npz", arrays, {})
    beside = path.with_suffix(".json")
    try:
        write_atomically(beside, json.dumps(entries, indent=1).encode())
    except OSError as error:
        raise ModelFileError(f"{beside} cannot be written: {error.strerror or error}.") from error


def are_two_files(path: Path) -> bool:
    """Return whether a path is one that `save_two_files` wrote to."""
    return path.suffix.lower() in ENDINGS and path.with_suffix(".json").is_file()


def load_two_files(path: Path) -> list[Any]:
    """Return the layers of a model that `save_two_files` wrote, with its weights and statistics.

    Raises:
        ModelFileError: a file is damaged, the two do not fit each other, or a layer's class is not registered.
    """
    beside = path.with_suffix(".json")
    arrays = load_arrays(path if path.is_file() else f"{path}.npz")
    try:
        entries = json.loads(beside.read_text(encoding="utf-8"))
        layers = [_made(entry) for entry in entries]
    except (ValueError, KeyError, TypeError, AttributeError, ConfigError) as error:
        raise ModelFileError(f"{beside} is not a list of layers with class and config: {error}") from error
    dtype = next((array.dtype for array in arrays.values() if array.dtype.kind == "f"), None)
    keys = {f"{i}_{type(layer).__name__}_": layer for i, layer in enumerate(layers)}
    unknown = [name for name in arrays if not name.startswith(tuple(keys))]
    if unknown:
        raise ModelFileError(f"{path} has {unknown[0]}, which belongs to no layer of {beside}.")
    for key, layer in keys.items():
        if dtype is not None:
            layer.astype(dtype)
        try:
            layer.load_state_dict({name.removeprefix(key): a for name, a in arrays.items() if name.startswith(key)})
        except ModelFileError as error:
            raise ModelFileError(f"{path} does not fit {beside} at {key[:-1]}: {error}") from error
    return layers


def _made(entry: Mapping[str, Any]) -> Any:
    layer = build("layer", {"type": _registered(entry["class"]), **entry["config"]})
    build_as_saved(layer, entry["built"])
    return layer


def _registered(name: str) -> str:
    """Return the qualified name under which a class of this name is registered."""
    found = {part.target: part for part in components("layer") if part.target.rpartition(":")[2] == name}
    if not found:
        raise ModelFileError(
            f"No installed plugin announces a layer class {name}. Announce it with the nn_layers hook, or install the "
            f"plugin that does."
        )
    if len(found) > 1:
        homes = " and ".join(part.distribution for part in found.values())
        raise ModelFileError(f"{homes} announce layer classes {name}, and the file does not say which is meant.")
    return next(iter(found.values())).qualified_name
