"""Losses and metrics as functions, under the names and with the arguments that they have elsewhere."""

from __future__ import annotations

from typing import Any

from nn_core import functional
from nn_core.evaluation import evaluate
from nn_core.losses.binary import BCELoss
from nn_core.losses.cross_entropy import CrossEntropyLoss
from nn_core.losses.regression import L1Loss, MSELoss


def mse_loss(predictions: Any, targets: Any) -> Any:
    """Return the mean squared error, as `nn_core.MSELoss` does when it is called.

    >>> import numpy as np
    >>> mse_loss(np.array([1.0, 2.0]), np.array([1.0, 4.0]))
    (2.0, array([ 0., -2.]))
    """
    return MSELoss()(predictions, targets)


def l1_loss(predictions: Any, targets: Any) -> Any:
    """Return the mean absolute error, as `nn_core.L1Loss` does when it is called."""
    return L1Loss()(predictions, targets)


def cross_entropy_loss(predictions: Any, targets: Any) -> Any:
    """Return the cross-entropy of logits (N, C) and class indices (N,) or probabilities (N, C), averaged over N."""
    return CrossEntropyLoss()(predictions, targets)


def binary_cross_entropy_loss(predictions: Any, targets: Any) -> Any:
    """Return the cross-entropy of probabilities, what a sigmoid returns, and labels 0 and 1, averaged over all."""
    return BCELoss()(predictions, targets)


def leaky_relu(x: Any, alpha: float = 0.01) -> Any:
    """Return `nn_core.functional.leaky_relu` with the slope called alpha."""
    return functional.leaky_relu(x, negative_slope=alpha)


def accuracy(model: Any, loader: Any) -> float:
    """Return the share of a loader's samples whose largest output is at the target class."""
    return evaluate(model, loader, metrics=["accuracy"])["accuracy"]


def binary_accuracy(model: Any, loader: Any) -> float:
    """Return the share of a loader's samples whose output is on the right side of 0.5."""
    return evaluate(model, loader, metrics=["binary_accuracy"])["binary_accuracy"]


def r2_score(model: Any, loader: Any) -> float:
    """Return the coefficient of determination over all batches of a loader."""
    return evaluate(model, loader, metrics=["r2"])["r2"]
