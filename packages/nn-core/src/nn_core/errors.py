"""Every error the framework raises on purpose. Each message says what, where, what was seen and what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class NNError(Exception):
    """Base of all errors the framework raises on purpose."""


class ConfigError(NNError, ValueError):
    """A setting has a wrong name, type or value."""


class UnknownComponentError(NNError, LookupError):
    """No installed plugin provides the component that was asked for."""


class ConflictError(NNError, LookupError):
    """Several distributions provide the component that was asked for by its bare name."""


class PluginError(NNError, ImportError):
    """A plugin or one of its components cannot be loaded."""


class NotBuiltError(NNError, RuntimeError):
    """A layer whose sizes are inferred was used before it had seen an input."""


class DTypeError(NNError, TypeError):
    """An array has a dtype that the receiver cannot compute with."""


class BackwardError(NNError, RuntimeError):
    """`backward` was called without a forward call to go back through."""


class GradcheckError(NNError, AssertionError):
    """A gradient is not that of finite differences, or there is nothing to compare."""


class NonFiniteError(NNError, ArithmeticError):
    """A number became infinite, or none at all."""


class DataError(NNError, ValueError):
    """A data file or a dataset is missing, damaged or of the wrong shape."""


class ModelFileError(NNError, ValueError):
    """A model file is missing, damaged or does not fit the model."""


class ShapeError(NNError, ValueError):
    """Shapes do not fit.

    Args:
        problem: what was expected and what was seen, without a full stop.
        remedy: the sentence that says what to do.
        layer: name of the layer that noticed; containers add where it sits (`within`) and what fed it (`after`).
    """

    def __init__(self, problem: str, remedy: str = "", *, layer: str = "") -> None:
        self.problem = problem
        self.remedy = remedy
        self.layer = layer
        self.source = ""
        self.path: list[str] = []
        super().__init__(problem, remedy)

    def within(self, part: str) -> None:
        """Prefix the place with one more enclosing part, such as ``layers[5]``."""
        self.path.insert(0, part)

    def after(self, source: str) -> None:
        """Say which layer produced the unfitting input, unless a more deeply nested container already did."""
        self.source = self.source or source

    def __str__(self) -> str:
        place = ".".join(["model", *self.path]) if self.path else ""
        name = f"{place} ({self.layer})" if place and self.layer else place or self.layer
        problem = f"{name}: {self.problem}" if name else self.problem
        if self.source:
            problem += f" from {self.source}"
        return f"{problem}. {self.remedy}".rstrip() if self.remedy else problem


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ``" Did you mean 'x'?"`` for the closest of the `known` words, or nothing."""
    matches = difflib.get_close_matches(word, list(dict.fromkeys(known)), n=3, cutoff=0.6)
    return f" Did you mean {' or '.join(repr(match) for match in matches)}?" if matches else ""


def sentence(text: str) -> str:
    """Return a text with a full stop, unless it ends like a sentence already."""
    return text if text.endswith((".", "?", "!")) else f"{text}."
