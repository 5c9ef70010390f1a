"""Arrays and words in one file, in any of the formats that plugins announce."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nn_core.discovery import Component
from nn_core.errors import ModelFileError
from nn_core.files import write_atomically
from nn_core.registry import build, registry


def write_arrays(
    path: str | Path, arrays: Mapping[str, Any], metadata: Mapping[str, str], format: str | None = None
) -> None:
    """Write arrays and words to a file, in the format that its ending or `format` says.

    Raises:
        ModelFileError: there is no such format, or the file cannot be written.
    """
    data = _format(Path(path), format, known=True).encode(arrays, metadata)
    try:
        write_atomically(Path(path), data)
    except OSError as error:
        raise ModelFileError(f"{path} cannot be written: {error.strerror or error}.") from error


def read_arrays(path: str | Path, format: str | None = None) -> tuple[Mapping[str, str], Mapping[str, Any]]:
    """Return the words and the arrays that `write_arrays` wrote.

    Raises:
        ModelFileError: the file is missing or damaged.
    """
    if Path(path).is_dir():
        raise ModelFileError(f"{path} is a folder. Name the file in it, such as {Path(path) / 'last.safetensors'}.")
    if not Path(path).is_file():
        raise ModelFileError(f"There is no model file {path}.")
    try:
        metadata, arrays = _format(Path(path), format, known=False).decode(Path(path))
    except ModelFileError as error:
        if format is not None or _offers(Path(path)) or not Path(path).suffix:
            raise
        raise ModelFileError(f"{error} {_unknown(Path(path))}") from error
    return metadata, arrays


def load_arrays(path: str | Path, format: str | None = None) -> dict[str, Any]:
    """Return the weights and buffers of a file by name, for ``model.load_state_dict``; no architecture is needed.

    Raises:
        ModelFileError: the file is missing or damaged.
    """
    return weights_in(read_arrays(path, format)[1])


def weights_in(arrays: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arrays of a model, without those of a run, which begin with ``@``; an average takes its place."""
    weights = {name: array for name, array in arrays.items() if not name.startswith("@")}
    average = "@ema/average/"
    return weights | {name.removeprefix(average): arrays[name] for name in arrays if name.startswith(average)}


def _format(path: Path, name: str | None, known: bool) -> Any:
    """Return the format that is named, or that a path's ending stands for; safetensors need not be `known` by it."""
    if name is not None:
        return build("format", name)
    suffix, offers = path.suffix.lower(), _offers(path)
    if len(offers) > 1:
        names = [repr(part.qualified_name) for part in offers]
        raise ModelFileError(f"{path}: {suffix} is the ending of {' and '.join(names)}: choose with format={names[0]}.")
    if offers:
        return build("format", offers[0].qualified_name)
    if suffix and known:
        raise ModelFileError(f"{path} cannot be written. {_unknown(path)}")
    return build("format", "safetensors@nn-core")


def _offers(path: Path) -> list[Component]:
    """Return the formats whose ending a path has."""
    suffix = path.suffix.lower()
    return [part for part in registry().components("format") if suffix in getattr(part.spec, "suffixes", ())]


def _unknown(path: Path) -> str:
    endings = [suffix for part in registry().components("format") for suffix in getattr(part.spec, "suffixes", ())]
    return (
        f"No format of model files has the ending {path.suffix}: known are {', '.join(sorted(set(endings)))}, and "
        f"format= chooses one for another ending, as in format='safetensors'."
    )
