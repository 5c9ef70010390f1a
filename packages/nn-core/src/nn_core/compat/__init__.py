"""Code written for other small frameworks, run on this one.

**Layers, losses and optimizers in two methods**, where an object keeps between ``forward`` and ``backward`` what it
needs: derive them from `Layer`, `Loss` and `Optimizer` of this package (only the import changes), or from nothing, and
hand them to `adapt_layer`, `adapt_loss` and `adapt_optimizer`. What these return goes wherever a layer, a loss or an
optimizer of this framework does: into `nn_core.Sequential`, `nn_core.fit`, on the tape of Tensors.

**A whole training run**: `train` with two loaders; ``Model.fit`` with ``num_classes=``, ``early_stopping=`` and
``lr_schedule=``; `Solver` with an update rule that is a function.

**A loop by hand** with ``forward(x, training=True)``, ``loss.backward()`` and ``optimizer.step(params_and_grads)``:
`Model`, which adapts what is in two methods. **A model that computes its loss**, with ``mode="train"`` and ``reg=``:
`Sequential`.

**Functions**: `mse_loss` and its kin take Tensors and return a scalar Tensor, or take arrays and return (loss,
gradient); `accuracy`, `binary_accuracy` and `r2_score` take a model and a loader; the ``numeric_grad_…`` are finite
differences; `logger` is the one of the framework, and takes data by name.

>>> import numpy as np
>>> from nn_core import Linear, Sequential as Layers, fit
>>> class Doubled(Layer):
...     def forward(self, x, training=False):
...         return 2 * x
...
...     def backward(self, grad):
...         return 2 * grad
>>> class HalfSquare(Loss):
...     def forward(self, y_pred, y_true):
...         self.difference = y_pred - y_true
...         return 0.5 * np.mean(self.difference**2)
...
...     def backward(self):
...         return self.difference / self.difference.size
>>> class Descent(Optimizer):
...     def step(self, params_and_grads):
...         for param, grad in params_and_grads:
...             param -= 0.1 * grad
>>> model = Layers(adapt_layer(Doubled()), Linear(1, 1))
>>> x = np.linspace(-1, 1, 32, dtype=np.float32)[:, None]
>>> descent = adapt_optimizer(Descent(), model.parameters())
>>> history = fit(model, (x, 3 * x - 1), loss=adapt_loss(HalfSquare()), optimizer=descent, epochs=200)
>>> history["loss"][-1] < 1e-3
True
"""

from __future__ import annotations

from nn_core.compat.containers import Model, Sequential
from nn_core.compat.functions import (
    accuracy,
    binary_accuracy,
    binary_cross_entropy_loss,
    cross_entropy_loss,
    l1_loss,
    leaky_relu,
    mse_loss,
    r2_score,
)
from nn_core.compat.loops import train
from nn_core.compat.one_logger import Logger, logger
from nn_core.compat.rules import sgd, sgd_momentum
from nn_core.compat.solver import Solver
from nn_core.compat.two_methods import Layer, Loss, Optimizer, adapt_layer, adapt_loss, adapt_optimizer
from nn_core.gradient_checking import (
    numeric_grad_elementwise,
    numeric_grad_scalar_from_softmax,
    numeric_grad_scalar_wrt_x,
    numeric_grad_wrt_param,
)

__all__ = [
    "Layer",
    "Logger",
    "Loss",
    "Model",
    "Optimizer",
    "Sequential",
    "Solver",
    "accuracy",
    "adapt_layer",
    "adapt_loss",
    "adapt_optimizer",
    "binary_accuracy",
    "binary_cross_entropy_loss",
    "cross_entropy_loss",
    "l1_loss",
    "leaky_relu",
    "logger",
    "mse_loss",
    "numeric_grad_elementwise",
    "numeric_grad_scalar_from_softmax",
    "numeric_grad_scalar_wrt_x",
    "numeric_grad_wrt_param",
    "r2_score",
    "sgd",
    "sgd_momentum",
    "train",
]
