"""Check a configuration before any work starts: every value against the type its place declares, never converted."""

from __future__ import annotations

import inspect
import sys
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Union, get_args, get_origin

import attrs
import cattrs
from attrs import frozen
from cattrs.errors import StructureHandlerNotFoundError

import nn_core.typing
from nn_cli.arguments import arguments_of
from nn_core.errors import ConflictError, UnknownComponentError, did_you_mean
from nn_core.initializers import InitChoice
from nn_core.layers.activations import ActivationChoice
from nn_core.registry import get

_WORDS: dict[Any, str] = {
    bool: "true or false",
    int: "an integer",
    float: "a number",
    str: "a string",
    dict: "a table",
    Mapping: "a table",
}

_CHOICES: list[tuple[Any, str]] = [(ActivationChoice, "layer"), (InitChoice | None, "initializer")]
"""The types of options that choose a component, and its kind."""


@frozen
class Problem:
    """What is wrong at one place of a configuration, such as ``train.epochs``; `absent`: there is no such component."""

    place: str
    text: str
    absent: bool = False

    def __str__(self) -> str:
        return f"{self.place} {self.text}"


def check_value(place: str, value: Any, annotation: Any) -> list[Problem]:
    """Return the problem of a value that is not of the annotated type; types that TOML cannot express are let pass."""
    try:
        _converter.structure(value, annotation)
    except StructureHandlerNotFoundError:
        return []
    except Exception:  # cattrs raises groups of many kinds; what the value should be is said in our own words
        return [Problem(place, f"must be {in_words(annotation)}, got {value!r}")]
    return []


def check_section(place: str, table: Any, section: type[Any]) -> list[Problem]:
    """Check a table against an attrs class."""
    if not isinstance(table, Mapping):
        return [Problem(place, f"must be a table, got {table!r}")]
    fields = {field.name: field for field in attrs.fields(section) if field.init}
    hints = typing.get_type_hints(section)
    problems = []
    for key, value in table.items():
        if key in fields:
            problems += check_value(f"{place}.{key}", value, hints[key])
        else:
            problems.append(Problem(f"{place}.{key}", f"is unknown.{_known(key, fields)}"))
    for name, field in fields.items():
        if field.default is attrs.NOTHING and name not in table:
            problems.append(Problem(f"{place}.{name}", f"is missing: give it {in_words(hints[name])}"))
    return problems


def check_component(
    place: str, kind: str, table: Any, positional: int = 0, elsewhere: Sequence[str] = ()
) -> list[Problem]:
    """Check ``{type = name, option = value, …}`` against what the component of that name takes.

    Args:
        place: where the table stands, such as ``model.layers[0]``.
        kind: the kind of component.
        table: the table.
        positional: how many of the component's arguments, from the first, do not come from the table.
        elsewhere: further keys that the table may have, which are checked elsewhere.

    Raises:
        PluginError: the component is announced but cannot be imported.
    """
    if not isinstance(table, Mapping):
        return [Problem(place, f"must be a table such as {{ type = '…' }}, got {table!r}")]
    name = table.get("type")
    if not isinstance(name, str):
        missing = "is missing: it names" if name is None else f"is {name!r}, but must name"
        return [Problem(f"{place}.type", f"{missing} the {kind}")]
    try:
        target = get(kind, name)
    except (UnknownComponentError, ConflictError) as error:
        return [Problem(f"{place}.type", f"cannot be {name!r}: {error}", absent=True)]
    options = {key: value for key, value in table.items() if key != "type" and key not in elsewhere}
    parameters = list(inspect.signature(target).parameters.values())[positional:]
    if any(parameter.kind is parameter.VAR_POSITIONAL for parameter in parameters) and kind == "layer":
        return check_layers(place, options, target)
    takes_any = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters)
    names = [p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    hints = option_types(target)
    problems = []
    for key, value in options.items():
        if key in names:
            check = _check_choice if isinstance(value, (str, Mapping)) else check_value
            problems += check(f"{place}.{key}", value, hints.get(key, Any))
        elif not takes_any:
            known = _known(key, [*names, *elsewhere])
            problems.append(Problem(f"{place}.{key}", f"is no option of the {kind} {name!r}.{known}"))
    return problems + [
        Problem(f"{place}.{argument.name}", f"is missing: the {kind} {name!r} needs it")
        for argument in arguments_of(target, positional)
        if argument.required and argument.name not in options
    ]


def _check_choice(place: str, value: str | Mapping[str, Any], annotation: Any) -> list[Problem]:
    """Check a value, and if it chooses a component by its name or table, such as an activation, that name, too."""
    kinds = [kind for choice, kind in _CHOICES if annotation == choice]
    name = value if isinstance(value, str) else value.get("type")
    if not kinds or not isinstance(name, str):
        return check_value(place, value, annotation)
    try:
        get(kinds[0], name)
    except (UnknownComponentError, ConflictError) as error:
        return [Problem(place, f"cannot be {name!r}: {error}", absent=True)]
    return []


def check_layers(place: str, table: Mapping[str, Any], target: Any) -> list[Problem]:
    """Check the table of a container, with the list of layers under the name that its class gives its arguments."""
    parameters = inspect.signature(target).parameters.values()
    (key,) = (p.name for p in parameters if p.kind is p.VAR_POSITIONAL)
    hints = {"names": list[str]} | option_types(target)
    known = [key, "names", *(p.name for p in parameters if p.kind is p.KEYWORD_ONLY)]
    problems = []
    for option, value in table.items():
        if option not in known:
            problems.append(Problem(f"{place}.{option}", f"is unknown.{_known(option, known)}"))
        elif isinstance(value, Mapping) and "type" in value:  # a layer, such as the shortcut of a residual block
            problems += check_component(f"{place}.{option}", "layer", value)
        elif option != key:
            problems += check_value(f"{place}.{option}", value, hints.get(option, Any))
    layers = table.get(key)
    if not isinstance(layers, list) or not layers:
        text = "is missing: give it a list of layers" if layers is None else f"must be a list of layers, got {layers!r}"
        return [*problems, Problem(f"{place}.{key}", text)]
    for i, layer in enumerate(layers):
        problems += check_component(f"{place}.{key}[{i}]", "layer", layer)
    return problems


def option_types(target: Any) -> dict[str, Any]:
    """Return the types of what a class or function takes, by name; nothing where they cannot be resolved."""
    classes = target.__mro__ if isinstance(target, type) else (target,)
    names: dict[str, Any] = dict(vars(typing)) | dict(vars(nn_core.typing))
    for owner in reversed(classes):
        names |= vars(sys.modules[owner.__module__])
    function: Any = target.__init__ if isinstance(target, type) else target  # type: ignore[misc]  # looked at only
    try:
        return typing.get_type_hints(function, names)
    except (NameError, TypeError):
        return {}


def in_words(annotation: Any) -> str:
    """Return a type as a person would say it.

    >>> in_words(int | tuple[int, int])
    'an integer or a list of 2 integers'
    """
    origin, members = get_origin(annotation), get_args(annotation)
    if _is_union(annotation):
        wider = (int,) if float in members else ()  # every integer is a number
        words = [in_words(member) for member in members if _expressible(member) and member not in wider]
        return " or ".join(words) if words else "something else"
    if origin is Literal:
        return "one of " + ", ".join(repr(member) for member in members)
    if _is_sequence(annotation) and members == (Any,):
        return "a list"
    if _is_sequence(annotation):
        count = f"{len(members)} " if origin is tuple and Ellipsis not in members else ""
        return f"a list of {count}{_several(in_words(members[0])) if members else 'values'}"
    return _WORDS.get(origin or annotation, getattr(annotation, "__name__", str(annotation)))


def _several(words: str) -> str:
    """Return the plural of ``an integer`` or ``a list of numbers``; other words stay."""
    article, _, noun = words.partition(" ")
    head, _, rest = noun.partition(" ")
    return f"{head}s {rest}".rstrip() if article in ("a", "an") else words


def _known(key: str, names: Any) -> str:
    return did_you_mean(key, names) or f" Known here: {', '.join(names) or 'nothing'}"


def _is_union(annotation: Any) -> bool:
    return get_origin(annotation) in (Union, types.UnionType)


def _is_sequence(annotation: Any) -> bool:
    return (get_origin(annotation) or annotation) in (list, tuple, Sequence)


def _expressible(annotation: Any) -> bool:
    return annotation is not type(None) and get_origin(annotation) is not typing.get_origin(Callable[..., Any])


def _exactly(*kinds: type) -> Callable[[Any, Any], Any]:
    def structure(value: Any, annotation: Any) -> Any:
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            raise TypeError(annotation)
        return value

    return structure


def _one_of(value: Any, union: Any) -> Any:
    for member in get_args(union):
        try:
            return _converter.structure(value, member)
        except Exception:
            continue
    raise TypeError(union)


def _a_list(value: Any, annotation: Any) -> Any:
    if not isinstance(value, (list, tuple)):
        raise TypeError(annotation)
    members = get_args(annotation) or (Any, Ellipsis)
    if get_origin(annotation) is not tuple or Ellipsis in members:
        members = members[:1] * len(value)
    return [_converter.structure(item, member) for item, member in zip(value, members, strict=True)]


def _a_callable(value: Any, annotation: Any) -> Any:
    if not callable(value):
        raise TypeError(annotation)
    return value


_converter = cattrs.Converter()
for _kind, _accepted in {
    bool: (bool,),
    int: (int,),
    float: (int, float),
    str: (str,),
    type(None): (type(None),),
}.items():
    _converter.register_structure_hook(_kind, _exactly(*_accepted))
_converter.register_structure_hook_func(_is_union, _one_of)
_converter.register_structure_hook_func(_is_sequence, _a_list)
_converter.register_structure_hook_func(lambda kind: get_origin(kind) is get_origin(Callable[..., Any]), _a_callable)
