"""A network with its loss and optimizer in one object, for those who know Keras."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Self

from nn_core import serialization
from nn_core.errors import ConfigError, ModelFileError
from nn_core.evaluation import component, evaluate, listed, named_metrics, predict
from nn_core.gradients import check_norm
from nn_core.history import History
from nn_core.initialization import InitMap
from nn_core.layers.sequential import Sequential
from nn_core.preparation import listed_by
from nn_core.registry import check_options, get
from nn_core.summaries import summary
from nn_core.training import fit
from nn_core.training_state import TrainingState


class Model(Sequential):
    """A `Sequential` that is compiled with a loss and an optimizer, and then fits, evaluates and predicts.

    Args:
        layers: the layers, in a list or one by one, or a dictionary of them by name; `add` appends more.
        init: as for `Sequential`.

    >>> import numpy as np
    >>> from nn_core import Linear, ReLU
    >>> model = Model([Linear(out_features=8), ReLU()]).add(Linear(out_features=2))
    >>> model.build((1, 4))
    >>> model.predict(np.zeros((3, 4), np.float32)).shape
    (3, 2)
    """

    loss: Any = None
    """The loss that `compile` chose."""

    optimizer: Any = None
    """The optimizer that `compile` chose: an object, or its configuration as long as there is nothing to train yet."""

    metrics: tuple[Any, ...] = ()
    clip_norm: float | None = None
    _trains_all = False
    """Whether the optimizer was made here, over all parameters; someone else's may leave some out."""

    def __init__(self, layers: Any = (), *more: Any, init: InitMap | str | None = None) -> None:
        super().__init__(*(layers if isinstance(layers, (list, tuple)) else [layers]), *more, init=init)

    def add(self, layer: Any) -> Self:
        """Append a layer and return the model."""
        self.append(layer)
        return self

    def compile(
        self,
        loss: Any,
        optimizer: Any = "adam",
        metrics: Iterable[Any] = (),
        *,
        clip_norm: float | None = None,
        **options: Any,
    ) -> Self:
        """Choose how to train.

        Args:
            loss: a loss, its name or configuration, or a function of Tensors (pred, target) (see `FunctionLoss`).
            optimizer: an optimizer over this model's parameters, or the name or configuration of one.
            metrics: metrics, their names or configurations.
            clip_norm: the largest norm of all gradients together; larger ones are scaled down before each update.
            options: those of an optimizer given by name, such as ``lr`` and ``weight_decay``; ``beta1`` and ``beta2``
                are understood for ``betas``.

        Raises:
            ConfigError: there are options for an optimizer that is an object already, or a name is unknown.
        """
        if "beta1" in options or "beta2" in options:
            if "betas" in options or (isinstance(optimizer, Mapping) and "betas" in optimizer):
                raise ConfigError("betas is given twice: give either betas or beta1 and beta2.")
            options["betas"] = (options.pop("beta1", 0.9), options.pop("beta2", 0.999))
        if isinstance(optimizer, str):
            optimizer = {"type": optimizer}
        by_name = isinstance(optimizer, Mapping)
        if isinstance(optimizer, Mapping):
            optimizer = {**optimizer, **options}
            if self._is_complete():
                optimizer = component("optimizer", optimizer, self.parameters())
            else:  # the first fit makes it
                name, given = optimizer.get("type"), {key: value for key, value in optimizer.items() if key != "type"}
                check_options(f"optimizer {name!r}", get("optimizer", str(name)), given, positional=1)
        elif options:
            raise ConfigError(f"{', '.join(options)}: give the options to the optimizer itself, {optimizer!r}.")
        else:
            optimizer = component("optimizer", optimizer)
        chosen = component("loss", loss)
        measures = tuple(named_metrics(metrics, chosen).values())
        if clip_norm is not None:
            check_norm("clip_norm", clip_norm)
        self.loss, self.optimizer, self.metrics, self.clip_norm = chosen, optimizer, measures, clip_norm
        self._trains_all = by_name
        return self

    def fit(self, train: Any, y: Any = None, *, epochs: int = 1, **options: Any) -> History:
        """Train on arrays ``fit(x, y)``, or on whatever `nn_core.fit` takes, and return the history.

        The optimizer keeps its state, so a second call goes on where the first ended.

        Args:
            train: inputs, or data that hold the targets, too.
            y: targets of the inputs.
            epochs: passes over the data.
            options: those of `nn_core.fit`, such as ``batch_size`` and ``validation``.

        Raises:
            ConfigError: `compile` was not called, or the model got other layers since.
        """
        self.check_compiled()
        self._check_optimizer()
        data = train if y is None else (train, y)
        options.setdefault("metrics", self.metrics)
        options.setdefault("clip_norm", self.clip_norm)
        if isinstance(self.optimizer, Mapping):
            options["callbacks"] = [_KeepOptimizer(self), *listed("callbacks", options.get("callbacks", ()))]
        return fit(self, data, loss=self.loss, optimizer=self.optimizer, epochs=epochs, **options)

    def evaluate(self, data: Any, y: Any = None, *, batch_size: int = 256) -> dict[str, float]:
        """Return the loss and the metrics on data, as ``evaluate(x, y)`` or as `nn_core.evaluate` takes them."""
        self.check_compiled()
        return evaluate(
            self, data if y is None else (data, y), loss=self.loss, metrics=self.metrics, batch_size=batch_size
        )

    def predict(self, x: Any, *, batch_size: int = 256) -> Any:
        """Return the outputs for all samples of x, computed a batch at a time, with the layers as in evaluation."""
        return predict(self, x, batch_size=batch_size)

    def summary(self, input_shape: Any = None) -> str:
        """Return a table of the layers, their output shapes, parameters and memory; see `nn_core.summary`."""
        return summary(self, input_shape)

    def save(self, path: str | Path) -> None:
        """Write architecture and weights to one safetensors file, which `nn_core.load` reads as a `Sequential`."""
        serialization.refuse_unlisted(self)
        serialization.save(self[:], path)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Return the model of a file that `save` or `nn_core.save` wrote; compile it to train it further.

        Raises:
            ModelFileError: the file is missing, damaged, holds no `Sequential`, or needs a plugin that is not there.
        """
        loaded = serialization.load(path)
        if not isinstance(loaded, Sequential):
            raise ModelFileError(
                f"{path} holds a single {type(loaded).__name__}, not a sequence of layers: read it with nn_core.load."
            )
        return cls.from_config(loaded.config()).eval()

    def _is_complete(self) -> bool:
        return all(getattr(layer, "built", True) for _, layer in self.named_layers())

    def check_compiled(self) -> None:
        """Raise `ConfigError` unless there is a loss."""
        if self.loss is None:
            raise ConfigError("Call compile(loss=…, optimizer=…) first, for example compile('cross_entropy', 'adam').")

    def _check_optimizer(self) -> None:
        held = listed_by(self.optimizer) if self._trains_all else None
        if held is None:
            return
        if not self._is_complete() or any(id(p) not in held for p in self.parameters() if p.requires_grad):
            raise ConfigError(
                "The model has other layers than when it was compiled, which the optimizer would not train: "
                "call compile again."
            )


class _KeepOptimizer:
    """Have a model keep the optimizer that its first fit made, for the next one."""

    def __init__(self, model: Model) -> None:
        self.model = model

    def on_fit_start(self, state: TrainingState) -> None:
        self.model.optimizer = state.optimizer
