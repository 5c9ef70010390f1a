"""Optimizers for nn-core."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nn_core.lazy import lazy_exports

__version__ = "0.1.0"

if TYPE_CHECKING:
    from nn_optim.adam import Adam as Adam
    from nn_optim.sgd import SGD as SGD
else:
    __getattr__, __dir__, __all__ = lazy_exports(__name__, {"adam": ["Adam"], "sgd": ["SGD"]})
