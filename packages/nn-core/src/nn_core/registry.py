"""Look up and build the components that the installed plugins announce."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from attrs import frozen

from nn_core.discovery import CORE, Component, PluginRecord, Selection, discover, normalize
from nn_core.errors import ConfigError, ConflictError, PluginError, UnknownComponentError, did_you_mean, sentence
from nn_core.plugins import KINDS, SPECS, KernelSpec

# Where the first-party components of a kind come from, for the message to someone who has not installed them.
_HOMES = {
    "layer": "nn-layers-conv (convolution, pooling and 2-D normalization)",
    "optimizer": "nn-optim (optimizers)",
    "dataset": "nn-data (datasets)",
    "command": "nn-cli (the command line)",
}


@frozen
class Registry:
    """The components of all plugins that loaded, and a record of every plugin that was found."""

    records: tuple[PluginRecord, ...]

    def components(self, kind: str | None = None) -> list[Component]:
        """Return all components, or those of one kind, sorted by kind, name and distribution."""
        if kind is not None:
            kind = kind_named(kind)
        order = list(KINDS)
        found = [part for record in self.records for part in record.components if kind in (None, part.kind)]
        return sorted(found, key=lambda part: (order.index(part.kind), part.name, part.distribution))

    def find(self, kind: str, name: str) -> Component:
        """Return the one component of a `kind` with this `name`, bare or qualified (``name@distribution``).

        Of several kernels it is the one with the highest priority.

        Raises:
            UnknownComponentError: there is none.
            ConflictError: several distributions provide it and the name is bare.
        """
        kind = kind_named(kind)
        bare, _, distribution = name.partition("@")
        named = [part for part in self.components(kind) if part.name == bare]
        if distribution:
            named = [part for part in named if part.distribution == normalize(distribution)]
        if not named:
            raise UnknownComponentError(self._unknown(kind, bare, normalize(distribution)))
        if len(named) > 1 and kind != "kernel":
            homes = [part.distribution for part in named]
            blockable = [home for home in homes if home != CORE]
            raise ConflictError(
                f"{kind} {bare!r} is provided by {' and '.join(homes)}. "
                f"Write {' or '.join(repr(part.qualified_name) for part in named)}, "
                f"or block one of them, as in NN_BLOCK_PLUGINS={blockable[-1]}."
            )
        return max(named, key=_priority)

    def component_of(self, target: object, kind: str) -> Component | None:
        """Return the component whose target this class or function is, if it is registered; of several the first."""
        announced = [part for record in self.records for part in record.components if part.kind == kind]
        path = f"{getattr(target, '__module__', '')}:{getattr(target, '__qualname__', '')}"
        candidates = [part for part in announced if part.target == path]
        if not candidates:  # registered under a re-exported path
            name = path.rpartition(":")[2]
            candidates = [part for part in announced if part.target.endswith(f":{name}") and _leads_to(part, target)]
        return candidates[0] if candidates else None

    def _unknown(self, kind: str, name: str, distribution: str) -> str:
        parts = [part for part in self.components(kind) if distribution in ("", part.distribution)]
        message = f"No installed {distribution or 'plugin'} provides the {kind} {name!r}."
        known = sorted({part.name for part in parts})
        message += did_you_mean(name, known)
        elsewhere = [repr(part.qualified_name) for part in self.components(kind) if part.name == name]
        if elsewhere:
            message += f" There is {' and '.join(elsewhere)}."
        home = distribution or _HOMES.get(kind, "")
        if home and home.split()[0] not in [record.distribution for record in self.records]:
            message += f" {home} is not installed."
        for record in self.records:
            absent = record.status in ("broken", "incompatible", "blocked")
            if absent and distribution in ("", record.distribution):
                message += sentence(f" {record.distribution} is {record.status}: {record.reason}")
        if message.endswith(f"{name!r}.") and known:
            message += f" Known are {', '.join(known[:12])}{', …' if len(known) > 12 else ''}."
        return message


def _priority(component: Component) -> int:
    return component.spec.priority if isinstance(component.spec, KernelSpec) else 0


def _leads_to(component: Component, target: object) -> bool:
    try:
        return component.load() is target
    except PluginError:
        return False


def kind_named(word: str) -> str:
    """Return the kind that a word means, in the singular: ``layers`` → ``layer``.

    Raises:
        UnknownComponentError: there is no such kind.
    """
    for spec in SPECS:
        if word in (spec.kind, spec.plural):
            return spec.kind
    raise UnknownComponentError(f"There is no kind {word!r}. Kinds are {', '.join(KINDS)}.")


_forgetters: list[Callable[[], None]] = []


@cache
def registry() -> Registry:
    """Return the registry of this process; plugins are discovered once, on first use."""
    return Registry(discover(Selection.from_environment()))


def refresh() -> Registry:
    """Discover the plugins again, after an installation or a change of the environment variables."""
    importlib.invalidate_caches()
    registry.cache_clear()
    for forget in _forgetters:
        forget()
    return registry()


def on_refresh(forget: Callable[[], None]) -> None:
    """Have what was chosen among the plugins so far forgotten by `forget` when they are discovered again."""
    _forgetters.append(forget)


def components(kind: str | None = None) -> list[Component]:
    """Return the components that installed plugins announce, all or those of one `kind`."""
    return registry().components(kind)


def plugin_records() -> tuple[PluginRecord, ...]:
    """Return one record per installed plugin distribution, the broken and blocked ones included."""
    return registry().records


def name_of(target: type, kind: str) -> str:
    """Return the name under which a class is registered, or else its own."""
    component = registry().component_of(target, kind)
    return component.name if component else target.__name__


def get(kind: str, name: str) -> Any:
    """Import and return the class or function behind a component's name.

    >>> get("layer", "linear").__name__
    'Linear'

    Raises:
        UnknownComponentError: no plugin provides it; close matches are named.
        ConflictError: several distributions provide it; the way out is named.
        PluginError: it is announced but cannot be imported.
    """
    return registry().find(kind, name).load()


def build(kind: str, config: Mapping[str, Any] | str, *args: Any) -> Any:
    """Make a component from ``{"type": name, option: value, …}`` or its name; `args` come before the options.

    >>> build("layer", {"type": "linear", "in_features": 3, "out_features": 2})
    Linear(in_features=3, out_features=2, bias=True)

    Raises:
        ConfigError: the type is missing, or an option is unknown, missing or refused by the component.
    """
    kind = kind_named(kind)
    options = {"type": config} if isinstance(config, str) else dict(config)
    try:
        name = options.pop("type")
    except KeyError:
        raise ConfigError(f"The {kind} needs a 'type' key naming it, got {options!r}.") from None
    if not isinstance(name, str):
        raise ConfigError(f"The 'type' of the {kind} must be a name, got {name!r}.")
    target = get(kind, name)
    make = getattr(target, "from_config", None)
    if make is not None and not args:
        return make(options)
    check_options(f"{kind} {name!r}", target, options, len(args))
    return target(*args, **options)


def takes(kind: str, name: str, option: str) -> bool:
    """Return whether a component has an option of this name.

    Raises:
        UnknownComponentError: no plugin provides the component.
    """
    return option in inspect.signature(get(kind, name)).parameters


def check_options(owner: str, target: Any, options: Mapping[str, Any], positional: int = 0) -> None:
    """Refuse option names that a class or function does not take, naming the close match.

    Raises:
        ConfigError: an option is unknown, or a required one is missing.
    """
    parameters = list(inspect.signature(target).parameters.values())[positional:]
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return
    known = [p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    for option in options:
        if option not in known:
            remedy = did_you_mean(option, known) or f" It takes {', '.join(known) or 'no options'}."
            raise ConfigError(f"{owner} has no option {option!r}.{remedy}")
    required = [p.name for p in parameters if p.name in known and p.default is p.empty and p.name not in options]
    if required:
        raise ConfigError(f"{owner} needs {' and '.join(repr(name) for name in required)}.")


__all__ = [
    "PluginError",
    "Registry",
    "build",
    "check_options",
    "components",
    "get",
    "kind_named",
    "name_of",
    "on_refresh",
    "plugin_records",
    "refresh",
    "registry",
    "takes",
]
