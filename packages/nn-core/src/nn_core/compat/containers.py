"""Models whose ``forward`` returns the output alone and whose ``backward`` goes through the layers one by one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from numbers import Real
from pathlib import Path
from typing import Any, Literal, Self

from nn_core import layer as closures, model as compiled
from nn_core.compat.fitting import fit_by_accuracy
from nn_core.compat.two_files import ENDINGS, are_two_files, load_two_files, save_two_files
from nn_core.compat.two_methods import adapt_layer, adapt_optimizer, loss_of_either_kind
from nn_core.errors import BackwardError, ConfigError
from nn_core.evaluation import component
from nn_core.gradients import clip_grad_norm, penalize
from nn_core.serialization import refuse_unlisted
from nn_core.typing import Array


class Model:
    """`nn_core.Model` with the manual loop of the two-method style: ``forward``, ``loss.backward``, ``optimizer.step``.

    After ``forward(x, training=True)`` every layer can be gone back through by itself, ``layer.backward(grad)``; its
    arrays are in ``layer.params`` and ``layer.grads``. `fit`, `predict`, `summary` and all else are `nn_core.Model`'s.
    Layers, losses and optimizers in two methods are adapted; a layer that keeps statistics of its own from one call to
    the next needs ``adapt_layer(layer, buffers=[…])``, which names them.

    >>> import numpy as np
    >>> from nn_core import Linear, ReLU
    >>> model = Model([Linear(4, 8), ReLU(), Linear(8, 1)])
    >>> y = model.forward(np.ones((5, 4)), training=True)
    >>> model.backward(np.ones((5, 1))).shape
    (5, 4)
    """

    def __init__(self, layers: Iterable[Any] = ()) -> None:
        self.model = compiled.Model([_adapted(layer) for layer in layers])
        self.loss: Any = None
        self.optimizer: Any = None

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Return the model that `save` or `nn_core.save` wrote, with its weights and statistics.

        Raises:
            ModelFileError: a file is missing or damaged, or a layer's class is not registered by a plugin.
        """
        if are_two_files(Path(path)):
            return cls(load_two_files(Path(path)))
        made = cls()
        made.model = compiled.Model.load(path)
        return made

    def save(self, path: str | Path) -> None:
        """Write ``model.hdf5`` and ``model.json`` for a path that ends so (see `save_two_files`), else one file.

        The architecture is a list of ``{"class": …, "config": {…}}``, the arrays are named
        ``<index>_<LayerClass>_<parameter>``; without h5py they go to ``model.hdf5.npz``. Other endings are those of
        `nn_core.save`.

        Raises:
            ModelFileError: a layer is not registered by a plugin, or a file cannot be written.
        """
        if Path(path).suffix.lower() in ENDINGS:
            refuse_unlisted(self.model)
            save_two_files(self.model, Path(path))
        else:
            self.model.save(path)

    def fit(
        self,
        dataset: Any,
        y: Any = None,
        epochs: int = 1,
        batch_size: int = 32,
        num_classes: int | None = None,
        val_data: Any = None,
        early_stopping: bool = False,
        patience: int = 5,
        min_delta: float = 1e-4,
        lr_schedule: str | None = None,
        lr_patience: int = 3,
        lr_factor: float = 0.5,
        lr_min: float = 1e-6,
        **options: Any,
    ) -> dict[str, list[float]]:
        """Train, and return the columns of the history by name.

        Args:
            dataset: arrays, with their targets as `y`, or what `nn_core.fit` takes.
            y: targets.
            epochs: passes over the data.
            batch_size: samples per update.
            num_classes: if given, the loss sees targets as one-hot rows of so many classes.
            val_data: what to validate on after each epoch.
            early_stopping: whether the run ends when the validation accuracy, or the training accuracy without
                validation, has not risen by `min_delta` for `patience` epochs; without accuracy, the loss.
            patience: see `early_stopping`.
            min_delta: see `early_stopping`.
            lr_schedule: ``"plateau"`` multiplies the learning rate by `lr_factor`, down to `lr_min`, when the same
                figure has not become better for `lr_patience` epochs.
            lr_patience: see `lr_schedule`.
            lr_factor: see `lr_schedule`.
            lr_min: see `lr_schedule`.
            options: further ones of `nn_core.fit`.

        Returns:
            ``loss``; ``acc`` and ``val_acc`` where the targets are class indices; ``val_loss`` with validation;
            ``lr``, the learning rate of each epoch, if the optimizer has one.

        Raises:
            ConfigError: an option is not one of these, or `compile` was not called.
            DataError: a target is not a class from 0 to below `num_classes`.
        """
        stopping = {"patience": patience, "min_delta": min_delta} if early_stopping else None
        reducing = {"factor": lr_factor, "patience": lr_patience - 1, "min_lr": lr_min, "threshold": 0.0}
        if lr_schedule not in (None, "plateau"):
            raise ConfigError(f"lr_schedule must be 'plateau' or left out, got {lr_schedule!r}.")
        return fit_by_accuracy(
            self.model,
            dataset if y is None else (dataset, y),
            num_classes=num_classes,
            stopping=stopping,
            reducing=reducing if lr_schedule else None,
            options={"epochs": epochs, "batch_size": batch_size, "validation": val_data, **options},
        )

    def add(self, layer: Any) -> Self:
        """Append a layer and return the model."""
        self.model.add(_adapted(layer))
        return self

    def compile(self, loss: Any, optimizer: Any = "adam", metrics: Iterable[Any] = (), **options: Any) -> Self:
        """Choose loss and optimizer, as `nn_core.Model.compile` does, and return the model."""
        if hasattr(optimizer, "step") and not hasattr(optimizer, "zero_grad"):
            optimizer = adapt_optimizer(optimizer, self.model.parameters())
        self.model.compile(loss_of_either_kind(loss), optimizer, metrics, **options)
        self.loss, self.optimizer = _TwoMethodLoss(self.model.loss), _PairOptimizer(self.model)
        return self

    def forward(self, x: Any, training: bool = False) -> Any:
        """Return the output, in training or evaluation mode."""
        self.model.train() if training else self.model.eval()
        x = self.model.accept(x)
        for layer in self.model.layers:
            x = layer(x)
        return x

    def backward(self, grad: Any) -> Any:
        """Go back through the latest ``forward(x, training=True)``; the gradients replace those of the last time.

        ``layer.backward``, in contrast, adds to them: call ``zero_grad()`` before you go through the layers yourself.
        """
        self.model.zero_grad()
        for layer in reversed(self.model.layers):
            grad = layer.backward(grad)
        return grad

    def get_params_and_grads(self) -> list[tuple[Array, Array | None]]:
        """Return the arrays of the parameters with their gradients."""
        return [(parameter.data, parameter.grad) for parameter in self.model.parameters()]

    def __getattr__(self, name: str) -> Any:
        if name == "model":  # not there yet, while a copy is made
            raise AttributeError(name)
        return getattr(self.model, name)

    def __repr__(self) -> str:
        return repr(self.model)


class _TwoMethodLoss:
    """A loss of this framework, in two methods."""

    def __init__(self, loss: Any) -> None:
        self.loss = loss
        self.gradient: Any = None

    def forward(self, y_pred: Any, y_true: Any) -> float:
        value, self.gradient = self.loss.value_and_grad(y_pred, y_true)
        return float(value)

    def backward(self) -> Any:
        if self.gradient is None:
            raise BackwardError("loss.backward() returns the gradient of loss.forward(y_pred, y_true): call it first.")
        return self.gradient


class _PairOptimizer:
    """The optimizer of a model, whose ``step`` takes (array, gradient) pairs."""

    def __init__(self, model: compiled.Model) -> None:
        self.model = model

    @property
    def lr(self) -> float:
        return float(self._inner().lr)

    @lr.setter
    def lr(self, value: float) -> None:
        self._inner().lr = value

    def step(self, params_and_grads: Iterable[tuple[Array, Array | None]]) -> None:
        inner = self._inner()
        parameters = self.model.parameters()
        owners = {id(parameter.data): parameter for parameter in parameters}
        for array, gradient in params_and_grads:
            if id(array) not in owners:
                raise ConfigError(
                    "step takes the arrays of the model's parameters, as get_params_and_grads() has them."
                )
            parameter = owners[id(array)]
            if gradient is not parameter.grad:
                parameter.zero_grad()
                if gradient is not None:
                    parameter.accumulate(gradient)
        if self.model.clip_norm is not None:
            clip_grad_norm(parameters, self.model.clip_norm)
        inner.step()

    def _inner(self) -> Any:
        if isinstance(self.model.optimizer, Mapping):  # compiled before it was built
            self.model.optimizer = component("optimizer", self.model.optimizer, self.model.parameters())
        return self.model.optimizer


class Sequential:
    """Layers with a loss and an L2 penalty on the weights: ``loss = loss_fn(ŷ, y) + reg / 2 · Σ W²``.

    Args:
        layers: the layers; those in two methods are adapted.
        loss_fn: a loss (in two methods, too), its name or configuration.
        reg: strength of the penalty on parameters of at least two axes, if weight decay applies to them: not on biases,
            nor on what batch norm scales and shifts by.

    >>> import numpy as np
    >>> from nn_core import Linear
    >>> model = Sequential(layers=[Linear(4, 3)], loss_fn="cross_entropy", reg=0.1)
    >>> loss, grads = model.compute_loss(np.zeros((2, 4)), np.array([0, 1]))
    >>> sorted(grads), grads["0.weight"].shape
    (['0.bias', '0.weight'], (3, 4))
    """

    def __init__(self, layers: Iterable[Any], loss_fn: Any, reg: float = 0.0) -> None:
        self.model = compiled.Model([_adapted(layer) for layer in layers])
        self.loss_fn = component("loss", loss_of_either_kind(loss_fn))
        if not isinstance(reg, Real) or not 0 <= reg < float("inf"):
            raise ConfigError(f"reg of Sequential must be a number of at least 0, got {reg!r}.")
        self.reg: float = float(reg)

    @property
    def params(self) -> dict[str, Array]:
        """The arrays of all parameters by name."""
        return self.model.params

    @property
    def grads(self) -> dict[str, Array | None]:
        """The gradients of the latest `compute_loss` by name."""
        return self.model.grads

    def forward(self, x: Any, mode: Literal["train", "test"] = "test") -> Any:
        """Return the output in training or test mode."""
        if mode not in ("train", "test"):
            raise ConfigError(f"mode must be 'train' or 'test', got {mode!r}.")
        self.model.train() if mode == "train" else self.model.eval()
        return self.model(x)

    def backward(self, dout: Any) -> Any:
        """Go back through the latest ``forward(x, mode="train")`` and return the gradient of x."""
        return self.model.backward(dout)

    def compute_loss(self, x: Any, y: Any) -> tuple[float, dict[str, Array | None]]:
        """Return the loss on a batch, penalty included, and the gradients of all parameters by name."""
        value, gradient = self.loss_fn.value_and_grad(self.forward(x, mode="train"), y)
        self.model.zero_grad()
        self.backward(gradient)
        penalty = penalize([weight for weight in self.model.parameters() if weight.ndim > 1], l2=self.reg)
        return float(value) + penalty, self.grads


def _adapted(layer: Any) -> Any:
    return layer if isinstance(layer, closures.Layer) else adapt_layer(layer)
