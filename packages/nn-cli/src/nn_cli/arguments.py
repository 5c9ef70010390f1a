"""What a component takes, as far as its class or function tells."""

from __future__ import annotations

import inspect
import re
from typing import Any

import attrs
from attrs import frozen

from nn_core.fields import REQUIRED


@frozen
class Argument:
    """One argument: its type and default as one would write them, and its meaning."""

    name: str
    type: str
    default: str
    meaning: str


def arguments_of(target: Any, positional: int = 0) -> list[Argument]:
    """Return the arguments of a class or function but the first `positional` ones, which the framework supplies."""
    documented = _documented(inspect.getdoc(target) or "")
    fields = {}
    if isinstance(target, type) and attrs.has(target):
        fields = {field.alias: field for field in attrs.fields(target) if field.init}
        documented |= {name: field.metadata["doc"] for name, field in fields.items() if "doc" in field.metadata}
    found = []
    for parameter in list(inspect.signature(target).parameters.values())[positional:]:
        annotation = parameter.annotation
        shown = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", str(annotation))
        found.append(
            Argument(
                name=str(parameter).partition(":")[0].partition("=")[0].strip(),  # with the stars of *args and **kw
                type="" if annotation is parameter.empty else _TYPES.get(shown, shown),
                default=_default(parameter, fields.get(parameter.name)),
                meaning=documented.get(parameter.name, ""),
            )
        )
    return found


_TYPES = {"IntOrPair": "int | pair of int", "str | Initializer": "name | function"}


def _default(parameter: inspect.Parameter, field: Any) -> str:
    if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
        return ""
    if field is not None and isinstance(field.default, attrs.Factory):  # type: ignore[arg-type]  # a class in disguise
        return "(see meaning)"
    value = parameter.default if field is None else field.default
    required = value is parameter.empty or value is attrs.NOTHING or (value is REQUIRED and _checked(field))
    if required:
        return "required"
    return getattr(value, "__name__", repr(value))


def _checked(field: Any) -> bool:
    """Say whether a default of None stands for a missing value: where the type does not admit None."""
    return field is not None and "None" not in str(field.type)


def _documented(docstring: str) -> dict[str, str]:
    """Return what the ``Args:`` section of a docstring says, by argument."""
    section = re.search(r"^Args:\n((?:[ ]+.*\n?|\n)+)", docstring, re.MULTILINE)
    if section is None:
        return {}
    entries = re.findall(r"^ {4}(\w+): ((?:.*\n?)(?: {8,}.*\n?)*)", section[1], re.MULTILINE)
    return {name: " ".join(text.split()) for name, text in entries}
