"""The few operations that a plugin may do faster. The distribution that uses one declares the plain version here."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import update_wrapper
from typing import Any, Generic, ParamSpec, TypeVar

from nn_core.backends import serves
from nn_core.discovery import Component
from nn_core.errors import ConfigError
from nn_core.plugins import KernelSpec
from nn_core.registry import components, on_refresh

P = ParamSpec("P")
R = TypeVar("R")
_declared: dict[str, Kernel[..., Any]] = {}


class Kernel(Generic[P, R]):
    """A function that hands over to the best offer for the array type of its first argument."""

    def __init__(self, plain: Callable[P, R]) -> None:
        self.name = plain.__name__
        self.plain = plain
        self.providers: dict[type, str] = {}
        self._chosen: dict[type, Callable[P, R]] = {}
        other = _declared.get(self.name)
        if other is not None and other.plain.__module__ != plain.__module__:
            raise ConfigError(
                f"The kernel {self.name!r} is declared by {other.plain.__module__} and by {plain.__module__}; "
                f"kernels need names of their own."
            )
        update_wrapper(self, plain)
        _declared[self.name] = self

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        array = type(args[0])
        try:
            chosen = self._chosen[array]
        except KeyError:
            offer = self.offer(array)
            self._chosen[array] = chosen = self.plain if offer is None else offer.load()
            self.providers[array] = "plain" if offer is None else offer.qualified_name
        return chosen(*args, **kwargs)

    def offer(self, array: type) -> Component | None:
        """Return the plugin's offer that beats the plain version for an array type, if there is one."""
        if os.environ.get("NN_KERNELS") == "plain":
            return None
        offers = [
            (component.spec.priority, component)
            for component in components("kernel")
            if isinstance(component.spec, KernelSpec)
            and component.name == self.name
            and component.spec.priority > 0
            and serves(component.spec.array, array)
        ]
        return max(offers, key=lambda offer: offer[0])[1] if offers else None

    def forget(self) -> None:
        """Choose again at the next call, after plugins or ``NN_KERNELS`` changed."""
        self._chosen.clear()
        self.providers.clear()


def kernel(plain: Callable[P, R]) -> Kernel[P, R]:
    """Make a function replaceable by the offers of plugins (`nn_core.plugins.KernelSpec` of the same name).

    The highest priority above 0 for the array type wins; ``NN_KERNELS=plain`` switches all offers off.

    >>> @kernel
    ... def twice(x):
    ...     return 2 * x
    >>> twice(3)
    6
    """
    return Kernel(plain)


def _forget_choices() -> None:
    for entry in _declared.values():
        entry.forget()


on_refresh(_forget_choices)


def kernel_providers() -> dict[str, str]:
    """Return, for every kernel used so far on some array type, who provides it: a qualified name or ``plain``."""
    return {
        f"{name}[{array.__module__}:{array.__qualname__}]": provider
        for name, entry in sorted(_declared.items())
        for array, provider in entry.providers.items()
    }
