"""Optimizers and learning-rate schedulers for nn-core."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nn_core.lazy import lazy_exports

__version__ = "0.1.0"

if TYPE_CHECKING:
    from nn_optim.adadelta import Adadelta as Adadelta
    from nn_optim.adagrad import Adagrad as Adagrad
    from nn_optim.adam import Adam as Adam, AdamW as AdamW
    from nn_optim.adamax import Adamax as Adamax
    from nn_optim.combined import ChainedScheduler as ChainedScheduler, SequentialLR as SequentialLR
    from nn_optim.cosine import (
        CosineAnnealingLR as CosineAnnealingLR,
        CosineAnnealingWarmRestarts as CosineAnnealingWarmRestarts,
    )
    from nn_optim.cycles import CyclicLR as CyclicLR, OneCycleLR as OneCycleLR
    from nn_optim.ema import EMA as EMA
    from nn_optim.lamb import LAMB as LAMB
    from nn_optim.lbfgs import LBFGS as LBFGS
    from nn_optim.lion import Lion as Lion
    from nn_optim.nadam import NAdam as NAdam
    from nn_optim.plateau import ReduceLROnPlateau as ReduceLROnPlateau
    from nn_optim.radam import RAdam as RAdam
    from nn_optim.rmsprop import RMSprop as RMSprop
    from nn_optim.schedules import (
        ConstantLR as ConstantLR,
        ExponentialLR as ExponentialLR,
        LambdaLR as LambdaLR,
        LinearLR as LinearLR,
        MultiStepLR as MultiStepLR,
        PolynomialLR as PolynomialLR,
        StepLR as StepLR,
    )
    from nn_optim.sgd import SGD as SGD
else:
    __getattr__, __dir__, __all__ = lazy_exports(
        __name__,
        {
            "adadelta": ["Adadelta"],
            "adagrad": ["Adagrad"],
            "adam": ["Adam", "AdamW"],
            "adamax": ["Adamax"],
            "combined": ["ChainedScheduler", "SequentialLR"],
            "cosine": ["CosineAnnealingLR", "CosineAnnealingWarmRestarts"],
            "cycles": ["CyclicLR", "OneCycleLR"],
            "ema": ["EMA"],
            "lamb": ["LAMB"],
            "lbfgs": ["LBFGS"],
            "lion": ["Lion"],
            "nadam": ["NAdam"],
            "plateau": ["ReduceLROnPlateau"],
            "radam": ["RAdam"],
            "rmsprop": ["RMSprop"],
            "schedules": [
                "ConstantLR",
                "ExponentialLR",
                "LambdaLR",
                "LinearLR",
                "MultiStepLR",
                "PolynomialLR",
                "StepLR",
            ],
            "sgd": ["SGD"],
        },
    )
