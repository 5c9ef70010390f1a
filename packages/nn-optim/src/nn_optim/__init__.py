"""Optimizers for nn-core."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nn_core.lazy import lazy_exports

__version__ = "0.1.0"

if TYPE_CHECKING:
    from nn_optim.adadelta import Adadelta as Adadelta
    from nn_optim.adagrad import Adagrad as Adagrad
    from nn_optim.adam import Adam as Adam, AdamW as AdamW
    from nn_optim.adamax import Adamax as Adamax
    from nn_optim.lamb import LAMB as LAMB
    from nn_optim.lbfgs import LBFGS as LBFGS
    from nn_optim.lion import Lion as Lion
    from nn_optim.nadam import NAdam as NAdam
    from nn_optim.radam import RAdam as RAdam
    from nn_optim.rmsprop import RMSprop as RMSprop
    from nn_optim.sgd import SGD as SGD
else:
    __getattr__, __dir__, __all__ = lazy_exports(
        __name__,
        {
            "adadelta": ["Adadelta"],
            "adagrad": ["Adagrad"],
            "adam": ["Adam", "AdamW"],
            "adamax": ["Adamax"],
            "lamb": ["LAMB"],
            "lbfgs": ["LBFGS"],
            "lion": ["Lion"],
            "nadam": ["NAdam"],
            "radam": ["RAdam"],
            "rmsprop": ["RMSprop"],
            "sgd": ["SGD"],
        },
    )
