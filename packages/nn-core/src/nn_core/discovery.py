"""Find the installed plugins, each in isolation: what one does wrong is written down and costs the others nothing.

pluggy supplies the markers and checks signatures; its own entry-point loading is not used, because there one
ImportError aborts all, a repeated entry-point name is skipped in silence and misspelled hooks pass.
"""

from __future__ import annotations

import logging
import os
import re
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib import import_module, metadata
from importlib.machinery import PathFinder
from importlib.util import find_spec
from types import ModuleType
from typing import Any, Literal

import pluggy
from attrs import evolve, field, frozen

from nn_core import hookspecs
from nn_core.errors import ConfigError, PluginError, did_you_mean, sentence
from nn_core.plugins import ENTRY_POINT_GROUP, HOOKS, NN_API, KernelSpec, Spec

Status = Literal["ok", "broken", "incompatible", "conflict", "blocked"]
CORE = "nn-core"
logger = logging.getLogger("nn_core")


@frozen
class Component:
    """A spec together with the distribution that announced it."""

    spec: Spec
    distribution: str
    version: str

    @property
    def kind(self) -> str:
        return self.spec.kind

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def summary(self) -> str:
        return self.spec.summary

    @property
    def target(self) -> str:
        return self.spec.target

    @property
    def qualified_name(self) -> str:
        """The name that stays unique when two distributions offer the same one: ``conv2d@nn-layers-conv``."""
        return f"{self.name}@{self.distribution}"

    def load(self) -> Any:
        """Import the target.

        Raises:
            PluginError: it cannot be imported.
        """
        module, _, path = self.target.partition(":")
        try:
            found: Any = import_module(module)
            for attribute in path.split("."):
                found = getattr(found, attribute)
        except (Exception, SystemExit) as error:
            raise PluginError(
                f"{self.kind} {self.qualified_name} cannot be loaded from {self.target}: {_words(error)}"
            ) from error
        return found


@frozen
class PluginRecord:
    """What became of one distribution: `reason` says in a sentence why its `status` is not ``ok``."""

    distribution: str
    version: str
    status: Status = "ok"
    reason: str = ""
    api: Any = None
    components: tuple[Component, ...] = field(default=(), repr=False)


@frozen
class Selection:
    """Which distributions may load, from ``NN_PLUGINS`` (unset: all) and ``NN_BLOCK_PLUGINS``."""

    only: frozenset[str] | None
    blocked: frozenset[str]
    strict: bool

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Selection:
        only = environment.get("NN_PLUGINS")
        return cls(
            only=None if only is None else frozenset(_name_list(only)),
            blocked=frozenset(_name_list(environment.get("NN_BLOCK_PLUGINS", ""))),
            strict=environment.get("NN_STRICT_PLUGINS", "") not in ("", "0"),
        )

    def reason_to_block(self, distribution: str) -> str:
        if distribution == CORE:
            return ""
        if distribution in self.blocked:
            return "named in NN_BLOCK_PLUGINS"
        if self.only is not None and distribution not in self.only:
            return "not named in NN_PLUGINS"
        return ""


def normalize(name: str) -> str:
    """Return a distribution's name in the one spelling that compares equal (PEP 503): ``nn_Acme`` → ``nn-acme``."""
    return re.sub(r"[-_.]+", "-", name).lower()


def discover(selection: Selection) -> tuple[PluginRecord, ...]:
    """Load every installed plugin that `selection` admits and return one record per distribution, sorted by name.

    Raises:
        PluginError: ``NN_STRICT_PLUGINS=1`` and some plugin is not ok, or one that is named is not installed.
    """
    installed = _installed()
    records = _mark_conflicts([_load(name, *installed[name], selection) for name in sorted(installed)])
    for record in records:
        logger.debug("plugin %s %s: %s", record.distribution, record.version, record.reason or record.status)
    absent = sorted((selection.blocked | (selection.only or frozenset())) - set(installed))
    if absent:
        logger.warning("NN_PLUGINS or NN_BLOCK_PLUGINS names %s, which is not an installed plugin.", ", ".join(absent))
    if selection.strict:
        complaints = [f"{name} is not installed" for name in absent]
        complaints += [
            f"{record.distribution} {record.version} is {record.status}: {record.reason}"
            for record in records
            if record.status not in ("ok", "blocked")
        ]
        if complaints:
            raise PluginError(sentence(f"NN_STRICT_PLUGINS is set and {'; '.join(complaints)}"))
    return tuple(records)


def _installed() -> dict[str, tuple[metadata.Distribution, str]]:
    """Return the distributions with our entry points, and their versions, by name.

    Of several with one name, only the first on the path counts, even if it has no such entry point. Every look at the
    metadata parses them again, which is most of what many plugins cost: hence one look at each.
    """
    installed: dict[str, tuple[metadata.Distribution, str]] = {}
    for dist in metadata.distributions():  # in the order of the path
        try:
            if not _has_plugins(dist):
                continue
            about = dist.metadata
            name = normalize(about["Name"])
            if name not in installed and metadata.distribution(name).locate_file("") == dist.locate_file(""):
                installed[name] = dist, about["Version"]
        except Exception as error:
            place = getattr(dist, "_path", dist)
            logger.warning("%s is passed over, for its metadata cannot be read: %s", place, _words(error))
    return installed


def _has_plugins(dist: metadata.Distribution) -> bool:
    lines = (dist.read_text("entry_points.txt") or "").splitlines()
    return f"[{ENTRY_POINT_GROUP}]" in (line.strip() for line in lines)


def _load(name: str, dist: metadata.Distribution, version: str, selection: Selection) -> PluginRecord:
    record = PluginRecord(name, version)
    if reason := selection.reason_to_block(name):
        return evolve(record, status="blocked", reason=reason)
    try:
        with _deprecations_named(f"{name} {version}"):
            modules = _import_modules(dist)
            for module in modules:
                api = getattr(module, "NN_API", None)
                record = evolve(record, api=api)
                if api != NN_API:
                    said = "declares no NN_API" if api is None else f"is written for plugin API {api!r}"
                    reason = f"{module.__name__} {said}; this nn-core speaks API {NN_API}"
                    return evolve(record, status="incompatible", reason=reason)
            specs = [spec for module in modules for spec in _call_hooks(module)]
        _refuse_repetition(specs)
    except Exception as error:
        return evolve(record, status="broken", reason=_words(error))

    words_of = cache(_words_of_source)
    missing = {spec: reason for spec in specs if (reason := _missing_target(spec.target, words_of))}
    components = tuple(Component(spec, name, version) for spec in specs if spec not in missing)
    if missing:
        reason = "; ".join(f"{spec.kind} {spec.name!r}: {reason}" for spec, reason in missing.items())
        return evolve(record, status="broken", reason=reason, components=components)
    return evolve(record, components=components)


@contextmanager
def _deprecations_named(user: str) -> Iterator[None]:
    """Put before every deprecation that is warned of inside who it is that uses it; other warnings pass unchanged."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    for warning in caught:
        deprecates = issubclass(warning.category, (FutureWarning, DeprecationWarning, PendingDeprecationWarning))
        text = f"{user}: {warning.message}" if deprecates else str(warning.message)
        warnings.warn_explicit(text, warning.category, warning.filename, warning.lineno)


def _import_modules(dist: metadata.Distribution) -> list[ModuleType]:
    """Import the plugin modules of a distribution.

    Raises:
        PluginError: they are not properly named, or one of them cannot be imported.
    """
    try:
        names = sorted({entry.module for entry in dist.entry_points if entry.group == ENTRY_POINT_GROUP})
    except Exception as error:
        raise PluginError("its entry_points.txt is malformed") from error
    try:
        return [import_module(name) for name in names]
    except (Exception, SystemExit) as error:
        raise PluginError(f"its plugin module cannot be imported: {_words(error)}") from error


@cache  # making one looks at every hookspec
def _manager() -> pluggy.PluginManager:
    manager = pluggy.PluginManager("nn")
    manager.add_hookspecs(hookspecs)
    return manager


def _call_hooks(module: ModuleType) -> Iterator[Spec]:
    """Yield what all hooks of a plugin module announce.

    Raises:
        PluginError: the module has no hook, an unknown one, or one that raises or yields something else than its spec.
    """
    manager = _manager()
    try:
        manager.register(module)  # checks the signatures
    except Exception:
        _manager.cache_clear()  # what it registered so far is not for the next module
        raise
    callers = sorted(manager.get_hookcallers(module) or (), key=lambda caller: caller.name)
    functions: dict[str, Any] = {caller.name: caller.get_hookimpls()[0].function for caller in callers}
    manager.unregister(module)
    for name in HOOKS:
        if hasattr(module, name) and name not in functions:
            raise PluginError(f"{module.__name__}.{name} is not marked with @hookimpl")
    for name in functions:
        if name not in HOOKS:
            raise PluginError(f"{module.__name__}.{name} is not a hook.{did_you_mean(name, HOOKS)}".removesuffix("."))
    if not functions:
        raise PluginError(f"{module.__name__} has no @hookimpl function, so it announces nothing")

    for name, function in functions.items():
        try:
            announced = list(function())
        except (Exception, SystemExit) as error:
            raise PluginError(f"{module.__name__}.{name}() failed: {_words(error)}") from error
        for spec in announced:
            if type(spec) is not HOOKS[name]:
                raise PluginError(f"{module.__name__}.{name}() must yield {HOOKS[name].__name__}, not {spec!r}")
            yield spec


def _refuse_repetition(specs: Iterable[Spec]) -> None:
    seen = set()
    for spec in specs:
        key = (spec.kind, spec.name, spec.array if isinstance(spec, KernelSpec) else None)
        if key in seen:
            raise PluginError(f"{spec.kind} {spec.name!r} is announced twice")
        seen.add(key)


def _missing_target(target: str, words_of: Callable[[str], tuple[frozenset[str] | None, str]]) -> str:
    """Say why a target cannot exist, judging by the files alone: importing it is not for discovery."""
    module, _, path = target.partition(":")
    words, problem = words_of(module)
    if problem:
        return problem.format(target=target)
    attribute = path.split(".")[0]
    if words is None or attribute in words:
        return ""
    return f"its target {target!r} does not exist: no {attribute!r} in {module}"


def _words_of_source(module: str) -> tuple[frozenset[str] | None, str]:
    """Return the words of a module's source, and, with a place for the target, what is missing.

    There are none if the source cannot be found, or if the module can get names from elsewhere: only one that writes a
    name nowhere is sure to lack it.
    """
    spec: Any = None
    search: Any = None
    parts = module.split(".")
    try:
        for depth in range(1, len(parts) + 1):
            name = ".".join(parts[:depth])
            spec = find_spec(name) if search is None else PathFinder.find_spec(name, search)
            if spec is None:
                return None, f"module {name!r} of its target {{target!r}} does not exist"
            search = spec.submodule_search_locations
            if search is None and depth < len(parts):
                return None, f"{name!r} in its target {{target!r}} is not a package"
        get_source = getattr(spec.loader, "get_source", None)
        source = get_source(module) if get_source else None
        if source is None or re.search(r"__getattr__|import \*|globals\(\)", source):
            return None, ""
        return frozenset(re.findall(r"\w+", source)), ""
    except Exception:  # an unusual finder or file cannot be judged from outside: loading will tell
        return None, ""


def _mark_conflicts(records: list[PluginRecord]) -> list[PluginRecord]:
    """Give the status ``conflict`` to every record that shares a component's kind and name with another one."""
    providers: dict[tuple[str, str], list[str]] = defaultdict(list)
    for record in records:
        for component in record.components:
            if component.kind != "kernel":
                providers[component.kind, component.name].append(record.distribution)
    marked = []
    for record in records:
        clashes = [
            f"{component.kind} {component.name!r} is also provided by "
            + ", ".join(other for other in providers[component.kind, component.name] if other != record.distribution)
            for component in record.components
            if len(providers.get((component.kind, component.name), ())) > 1
        ]
        if clashes and record.status == "ok":
            remedy = "use the qualified name or block one of them with NN_BLOCK_PLUGINS"
            record = evolve(record, status="conflict", reason=f"{'; '.join(clashes)}; {remedy}")
        marked.append(record)
    return marked


def _name_list(text: str) -> list[str]:
    return [normalize(name.strip()) for name in text.split(",") if name.strip()]


def _words(error: BaseException) -> str:
    """Return an exception as one line for a human: our own errors speak for themselves, others are named."""
    if isinstance(error, (PluginError, ConfigError)):
        return str(error)
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
