"""What a component takes, as far as its class or function tells."""

from __future__ import annotations

import inspect
import re
from typing import Any

import attrs
from attrs import frozen

from nn_core.errors import ConfigError
from nn_core.fields import REQUIRED


@frozen
class Argument:
    """One argument: its type and default as one would write them, and its meaning."""

    name: str
    type: str
    default: str
    meaning: str
    required: bool


def arguments_of(target: Any, positional: int = 0) -> list[Argument]:
    """Return the arguments of a class or function but the first `positional` ones, which the framework supplies."""
    documented = _documented(inspect.getdoc(target) or "")
    fields = {}
    if isinstance(target, type) and attrs.has(target):
        fields = {field.alias: field for field in attrs.fields(target) if field.init}
        documented |= {name: field.metadata["doc"] for name, field in fields.items() if "doc" in field.metadata}
    found = []
    by_hand = hasattr(target, "__attrs_init__")  # a constructor of its own, which says what is required
    for parameter in list(inspect.signature(target).parameters.values())[positional:]:
        if parameter.kind is parameter.POSITIONAL_ONLY:  # has no name to be given by
            continue
        annotation, field = parameter.annotation, fields.get(parameter.name)
        shown = annotation.__name__ if isinstance(annotation, type) else str(annotation)
        shown = re.sub(r"^typing\.Optional\[ForwardRef\('(.*)'\)\]$", r"\1 | None", shown)  # attrs' optional converter
        required = _is_required(parameter, None if by_hand else field)
        found.append(
            Argument(
                name=str(parameter).partition(":")[0].partition("=")[0].strip(),  # with the stars of *args and **kw
                type="" if annotation is parameter.empty else _TYPES.get(shown, shown),
                default="required" if required else _default(parameter, field),
                meaning=documented.get(parameter.name, ""),
                required=required,
            )
        )
    return found


_VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
_TYPES = {
    "IntOrPair": "int | pair of int",
    "float | Sequence[float] | None": "float | pair of float",
    "PerAxis": "int | one per axis",
    "PerAxis | str": "int | one per axis | word",
    "str | Initializer": "name | function",
    "InitChoice | None": "name | table | function",
    "InitMap | str | None": "name | table",
    "ActivationChoice": "name | table | function | layer",
    "Average": "binary | macro | micro | weighted",
    "protocols.Layer | Mapping[str, protocols.Layer]": "layers",
    "protocols.Layer | None": "layer",
}


def _is_required(parameter: inspect.Parameter, field: Any) -> bool:
    if field is None:
        return parameter.default is parameter.empty and parameter.kind not in _VARIADIC
    if field.default is REQUIRED and field.validator is not None:  # REQUIRED is a None that the validator refuses
        try:
            field.validator(None, field, REQUIRED)
        except ConfigError:
            return True
    return field.default is attrs.NOTHING


def _default(parameter: inspect.Parameter, field: Any) -> str:
    if parameter.kind in _VARIADIC:
        return ""
    if field is not None and isinstance(field.default, attrs.Factory):  # type: ignore[arg-type]  # a class in disguise
        return "(see meaning)"
    value = parameter.default if field is None else field.default
    return getattr(value, "__name__", repr(value))


def _documented(docstring: str) -> dict[str, str]:
    """Return what the ``Args:`` section of a docstring says, by argument."""
    section = re.search(r"^Args:\n((?:[ ]+.*\n?|\n)+)", docstring, re.MULTILINE)
    if section is None:
        return {}
    entries = re.findall(r"^ {4}(\w+): ((?:.*\n?)(?: {8,}.*\n?)*)", section[1], re.MULTILINE)
    return {name: " ".join(text.split()) for name, text in entries}
