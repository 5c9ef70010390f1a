"""Package attributes that are imported on first use (PEP 562), so that discovery stays light."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import Any


def lazy_exports(
    package: str, modules: Mapping[str, Iterable[str]]
) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """Return ``__getattr__``, ``__dir__`` and ``__all__`` of a `package` whose names live in its sub`modules`.

    >>> getattr_, dir_, names = lazy_exports("nn_core", {"errors": ["NNError", "ShapeError"]})
    >>> names
    ['NNError', 'ShapeError']
    >>> getattr_("ShapeError").__module__
    'nn_core.errors'
    """
    home = {name: f"{package}.{module}" for module, names in modules.items() for name in names}

    def __getattr__(name: str) -> Any:  # noqa: N807 - PEP 562 fixes the name
        if name not in home:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(import_module(home[name]), name)
        setattr(sys.modules[package], name, value)
        return value

    def __dir__() -> list[str]:  # noqa: N807 - PEP 562 fixes the name
        return sorted({*vars(sys.modules[package]), *home})

    return __getattr__, __dir__, sorted(home)
