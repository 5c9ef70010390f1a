"""Update rules as functions ``(w, dw, config) → (next w, config)``, which keep what they need in config."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from nn_core.typing import Array

Config = dict[str, Any]
Rule = Callable[[Array, Array, Config], tuple[Array, Config]]


def sgd(w: Array, dw: Array, config: Config | None = None) -> tuple[Array, Config]:
    """Descend: ``w − learning_rate · dw``.

    >>> sgd(np.array([1.0]), np.array([2.0]), {"learning_rate": 0.25})[0]
    array([0.5])
    """
    config = {"learning_rate": 1e-2, **(config or {})}
    return w - config["learning_rate"] * dw, config


def sgd_momentum(w: Array, dw: Array, config: Config | None = None) -> tuple[Array, Config]:
    """Descend with a velocity: ``v ← momentum · v − learning_rate · dw``, ``w + v``."""
    config = {"learning_rate": 1e-2, "momentum": 0.9, "velocity": np.zeros_like(w), **(config or {})}
    config["velocity"] = config["momentum"] * config["velocity"] - config["learning_rate"] * dw
    return w + config["velocity"], config


def rmsprop(w: Array, dw: Array, config: Config | None = None) -> tuple[Array, Config]:
    """Divide by the running root mean square: ``c ← decay · c + (1 − decay) dw²``, ``w − rate · dw / (√c + ε)``.

    Source: Tieleman and Hinton, "Lecture 6.5", Neural networks for machine learning, 2012.
    """
    defaults = {"learning_rate": 1e-2, "decay_rate": 0.99, "epsilon": 1e-8, "cache": np.zeros_like(w)}
    config = {**defaults, **(config or {})}
    config["cache"] = config["decay_rate"] * config["cache"] + (1 - config["decay_rate"]) * dw**2
    return w - config["learning_rate"] * dw / (np.sqrt(config["cache"]) + config["epsilon"]), config


def adam(w: Array, dw: Array, config: Config | None = None) -> tuple[Array, Config]:
    """Step by running moments of the gradient, corrected for their start at 0.

    Source: Kingma and Ba, "Adam: a method for stochastic optimization", 2015, Algorithm 1.
    """
    defaults = {"learning_rate": 1e-3, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "t": 0}
    config = {**defaults, "m": np.zeros_like(w), "v": np.zeros_like(w), **(config or {})}
    config["t"] += 1
    config["m"] = config["beta1"] * config["m"] + (1 - config["beta1"]) * dw
    config["v"] = config["beta2"] * config["v"] + (1 - config["beta2"]) * dw**2
    mean, square = (
        config["m"] / (1 - config["beta1"] ** config["t"]),
        config["v"] / (1 - config["beta2"] ** config["t"]),
    )
    return w - config["learning_rate"] * mean / (np.sqrt(square) + config["epsilon"]), config


OPTIONS = {
    "sgd": ["learning_rate"],
    "sgd_momentum": ["learning_rate", "momentum"],
    "rmsprop": ["learning_rate", "decay_rate", "epsilon"],
    "adam": ["learning_rate", "beta1", "beta2", "epsilon"],
}
"""What config may give each rule."""

RULES: dict[str, Rule] = {"sgd": sgd, "sgd_momentum": sgd_momentum, "rmsprop": rmsprop, "adam": adam}
