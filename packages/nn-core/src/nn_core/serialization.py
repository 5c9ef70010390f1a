"""Models as files that carry their architecture; reading one never runs code from it."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nn_core import __version__
from nn_core.errors import ConfigError, ModelFileError, UnknownComponentError
from nn_core.layers.container import Container
from nn_core.layers.function import Lambda
from nn_core.layers.parallel import Parallel
from nn_core.layers.sequential import Sequential
from nn_core.loading import shared
from nn_core.model_files import read_arrays, weights_in, write_arrays
from nn_core.parameter import Parameter
from nn_core.parts import tie
from nn_core.registry import build, registry

_KEY, _EXTRA = "nn", "extra"
_VERSION = 1


def save(model: Any, path: str | Path, format: str | None = None, extra: Mapping[str, Any] | None = None) -> None:
    """Write a model to one file: weights and buffers by dotted path, and the architecture as JSON.

    The ending of the path chooses the format: ``.safetensors``, also without ending; ``.npz``; ``.h5`` or ``.hdf5``,
    where h5py is installed; and those of plugins. `format` is the name of one, for endings that several have.

    What stands in several places, a layer or a parameter, is written at each of them; the metadata say that it is one.
    Whether a parameter is frozen is not written: a loaded model is trained as a whole.
    The file is written under a temporary name, flushed, and renamed, so a crash never harms an older file.

    Args:
        model: any layer.
        path: the file.
        format: see above.
        extra: what belongs to the model beside its weights, by name, such as how its inputs were prepared: numbers,
            words, lists and dictionaries of them, or an object whose ``config()`` returns such. `load_extra` reads it.

    Raises:
        ModelFileError: a layer is not registered by a plugin, a container has parameters beside its list of layers,
            something extra cannot be written, no format has this ending, or the file cannot be written.
        NotBuiltError: some sizes are still to be inferred.
        PluginError: the format needs a library that is not installed.
    """
    words = metadata_of(model)
    if extra:
        plain = {name: value.config() if hasattr(value, "config") else value for name, value in extra.items()}
        try:
            words[_EXTRA] = json.dumps(plain, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise ModelFileError(f"What is extra ({', '.join(plain)}) cannot be written: {error}.") from None
    write_arrays(path, model.state_dict(), words, format)


def load_extra(path: str | Path, format: str | None = None) -> dict[str, Any]:
    """Return what `save` was given as `extra`, as plain values; nothing where it was given nothing.

    Raises:
        ModelFileError: the file is missing or damaged.
    """
    words, _ = read_arrays(path, format)
    try:
        extra = json.loads(words.get(_EXTRA, "{}"))
    except ValueError as error:
        raise ModelFileError(f"{path} has a damaged description of what is extra: {error}.") from error
    if not isinstance(extra, dict):
        raise ModelFileError(f"{path} has a damaged description of what is extra: it is no table of names.")
    return extra


def metadata_of(model: Any) -> dict[str, str]:
    """Return what a file says about its model: the architecture, and what it takes to make it again.

    Raises:
        ModelFileError: as for `save`.
    """
    for _, layer in model.named_layers():
        if type(layer) in (Sequential, Parallel):
            refuse_unlisted(layer)
    about = {
        "version": _VERSION,
        "nn-core": __version__,
        "dtype": str(model.dtype or np.dtype(np.float32)),
        "model": describe(model),
        "plugins": _plugins(model),
        "built": built_shapes(model),
    }
    tied = shared(model.named_state())
    if tied:
        about["tied"] = tied
    return {_KEY: json.dumps(about)}


def load(path: str | Path, format: str | None = None) -> Any:
    """Return the model that `save` wrote, in evaluation mode.

    Parameters and buffers that were one are one again; a layer in several places becomes several that share them.

    Raises:
        ModelFileError: the file is missing, damaged, not one of ours, or needs a plugin that is not installed.
    """
    about, state = read(path, format)
    try:
        model = build("layer", about["model"])
        build_as_saved(model, about["built"])
        for place, first in dict(about.get("tied", {})).items():
            tie(model, place, first)
        model.astype(about["dtype"])
    except UnknownComponentError as error:
        needed = ", ".join(f"{name} {version}" for name, version in about.get("plugins", {}).items())
        raise ModelFileError(f"{path} was saved with {needed}, and cannot be loaded without. {error}") from error
    except (ConfigError, ValueError, TypeError, KeyError, AttributeError, MemoryError, RecursionError) as error:
        raise ModelFileError(f"{path} has a damaged description of its architecture: {error}") from error
    try:
        model.load_state_dict(state)
    except ModelFileError as error:
        raise ModelFileError(f"{path} does not fit its own architecture: {error}") from error
    return model.eval()


def refuse_unlisted(container: Container) -> None:
    """Refuse a container with parameters or buffers that are not in its list of layers, of which a file cannot tell.

    Raises:
        ModelFileError: there is one.
    """
    listed = container.names()
    for path, _ in container.named_state():
        if path.partition(".")[0] not in listed:
            raise ModelFileError(
                f"{path} belongs to no layer in the list of this {type(container).__name__}, and a model file holds "
                f"the list alone. Append what it belongs to, or write a class derived from Layer that makes it itself."
            )


def read(path: str | Path, format: str | None = None) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what a model file says about itself and its arrays by name, without building the model.

    Raises:
        ModelFileError: the file is missing, damaged or not one of ours.
    """
    metadata, arrays = read_arrays(path, format)
    state = weights_in(arrays)
    if _KEY not in metadata:
        raise ModelFileError(
            f"{path} holds weights but no architecture. Build the model, and pass it the arrays: "
            f"model.load_state_dict(nn_core.load_arrays({str(path)!r}))."
        )
    try:
        about: dict[str, Any] = json.loads(metadata[_KEY])
        version = about["version"]
        about["model"], about["dtype"], about.get("plugins", {}).items()
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ModelFileError(f"{path} has a damaged description of its architecture: {error!r}") from error
    if type(version) is not int or version != _VERSION:  # True and 1.0 are equal to 1
        raise ModelFileError(
            f"{path} has version {version!r} of the model format; this nn-core {__version__} reads version {_VERSION}."
        )
    return about, state


def describe(layer: Any) -> dict[str, Any]:
    """Return the configuration that `build` makes the same layer from, with qualified names and plain values.

    >>> from nn_core import Linear
    >>> describe(Linear(2, 3))
    {'type': 'linear@nn-core', 'in_features': 2, 'out_features': 3, 'bias': True}

    Raises:
        ModelFileError: no plugin registers the layer or one of its parts, or an option cannot be written.
    """
    component = registry().component_of(type(layer), "layer")
    if component is None and isinstance(layer, Lambda):
        raise ModelFileError(
            f"{layer!r} holds a function, and a model file never names code to run. Write a class derived from Layer "
            f"and register it, or keep model.state_dict() alone with safetensors.numpy.save_file."
        )
    if component is None:
        raise ModelFileError(
            f"{type(layer).__name__} is not registered by a plugin, so a model file cannot name it. Announce it "
            f"with the nn_layers hook, or keep model.state_dict() alone with safetensors.numpy.save_file."
        )
    parameters = inspect.signature(type(layer)).parameters
    options = {}
    for name, value in layer.config().items():
        default = parameters[name].default if name in parameters else None
        place = f"{name} of {type(layer).__name__}"
        if name == "init" or (registry().component_of(default, "initializer") and callable(value)):
            plain = None if callable(value) and value is default else _plain_initializer(value, place)
            if plain is not None:
                options[name] = plain
        else:
            options[name] = _plain(value, place)
    return {"type": component.qualified_name, **options}


def built_shapes(model: Any) -> dict[str, Any]:
    """Return the input shape that each layer was built for."""
    shapes = {name: getattr(layer, "built_for", None) for name, layer in model.named_layers()}
    return {name: _plain(shape, f"the input shape of {name}") for name, shape in shapes.items() if shape is not None}


def build_as_saved(model: Any, shapes: Mapping[str, Any]) -> None:
    """Build the layers whose options leave out the sizes that they inferred, for the input shapes by path."""
    for name, layer in model.named_layers():
        if not getattr(layer, "built", True):
            layer.build(_shape(shapes[name]))


def _shape(sizes: Any) -> Any:
    return tuple(_shape(size) for size in sizes) if isinstance(sizes, list) else sizes


def _plain(value: Any, place: str) -> Any:
    if hasattr(value, "forward"):
        return describe(value)
    if isinstance(value, (list, tuple)):
        return [_plain(item, place) for item in value]
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Parameter):
        raise ModelFileError(
            f"{place} is a Parameter, where config() expects what the constructor got. Give one of the two another "
            f"name, or define config()."
        )
    raise ModelFileError(f"{place} is {value!r}, which cannot be written to a model file.")


def _plain_initializer(value: Any, place: str) -> Any:
    """Return a choice of initializers by names, or None for a function that has none.

    It matters only before the weights exist, so the default may stand in for it.
    """
    if isinstance(value, Mapping):
        plain = {key: _plain_initializer(item, place) for key, item in value.items()}
        return {key: item for key, item in plain.items() if item is not None}
    if callable(value):
        found = registry().component_of(value, "initializer")
        return found.qualified_name if found else None
    return _plain(value, place)


def _plugins(model: Any) -> dict[str, str]:
    """Return the distributions that a model's layers come from, with their versions."""
    versions = {}
    for _, layer in model.named_layers():
        component = registry().component_of(type(layer), "layer")
        if component is not None:
            versions[component.distribution] = component.version
    return versions
