"""The core of a plugin-based neural-network micro-framework for NumPy: what a layer, a loss and an optimizer are.

Names are imported on first use, so that discovering plugins costs no NumPy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nn_core.lazy import lazy_exports

__version__ = "0.1.0"

if TYPE_CHECKING:
    from nn_core.backends import backend as backend
    from nn_core.batching import (
        ArrayDataset as ArrayDataset,
    )
    from nn_core.batching import (
        Batches as Batches,
    )
    from nn_core.callbacks.progress import ProgressBar as ProgressBar
    from nn_core.collectives import (
        collective as collective,
    )
    from nn_core.collectives import (
        use_collective as use_collective,
    )
    from nn_core.dtypes import (
        default_dtype as default_dtype,
    )
    from nn_core.dtypes import (
        set_default_dtype as set_default_dtype,
    )
    from nn_core.errors import (
        BackwardError as BackwardError,
    )
    from nn_core.errors import (
        ConfigError as ConfigError,
    )
    from nn_core.errors import (
        ConflictError as ConflictError,
    )
    from nn_core.errors import (
        DataError as DataError,
    )
    from nn_core.errors import (
        DTypeError as DTypeError,
    )
    from nn_core.errors import (
        ModelFileError as ModelFileError,
    )
    from nn_core.errors import (
        NNError as NNError,
    )
    from nn_core.errors import (
        NotBuiltError as NotBuiltError,
    )
    from nn_core.errors import (
        PluginError as PluginError,
    )
    from nn_core.errors import (
        ShapeError as ShapeError,
    )
    from nn_core.errors import (
        UnknownComponentError as UnknownComponentError,
    )
    from nn_core.evaluation import (
        evaluate as evaluate,
    )
    from nn_core.evaluation import (
        predict as predict,
    )
    from nn_core.history import History as History
    from nn_core.kernels import (
        kernel as kernel,
    )
    from nn_core.kernels import (
        kernel_providers as kernel_providers,
    )
    from nn_core.layer import Layer as Layer
    from nn_core.layers.activations import ReLU as ReLU
    from nn_core.layers.batchnorm import BatchNorm1d as BatchNorm1d
    from nn_core.layers.dropout import Dropout as Dropout
    from nn_core.layers.linear import Linear as Linear
    from nn_core.layers.sequential import Sequential as Sequential
    from nn_core.layers.shaping import Flatten as Flatten
    from nn_core.loss import Loss as Loss
    from nn_core.losses.cross_entropy import CrossEntropyLoss as CrossEntropyLoss
    from nn_core.metrics import (
        Accuracy as Accuracy,
    )
    from nn_core.metrics import (
        accuracy as accuracy,
    )
    from nn_core.observation import (
        Observation as Observation,
    )
    from nn_core.observation import (
        observe as observe,
    )
    from nn_core.optimizer import Optimizer as Optimizer
    from nn_core.parameter import (
        Buffer as Buffer,
    )
    from nn_core.parameter import (
        Parameter as Parameter,
    )
    from nn_core.random import (
        default_rng as default_rng,
    )
    from nn_core.random import (
        seed as seed,
    )
    from nn_core.registry import (
        build as build,
    )
    from nn_core.registry import (
        components as components,
    )
    from nn_core.registry import (
        get as get,
    )
    from nn_core.registry import (
        plugin_records as plugin_records,
    )
    from nn_core.serialization import (
        load as load,
    )
    from nn_core.serialization import (
        save as save,
    )
    from nn_core.training import (
        TrainingState as TrainingState,
    )
    from nn_core.training import (
        fit as fit,
    )
    from nn_core.training import (
        training_steps as training_steps,
    )
else:
    __getattr__, __dir__, __all__ = lazy_exports(
        __name__,
        {
            "backends": ["backend"],
            "batching": ["ArrayDataset", "Batches"],
            "callbacks.progress": ["ProgressBar"],
            "collectives": ["collective", "use_collective"],
            "dtypes": ["default_dtype", "set_default_dtype"],
            "errors": [
                "BackwardError",
                "ConfigError",
                "ConflictError",
                "DataError",
                "DTypeError",
                "ModelFileError",
                "NNError",
                "NotBuiltError",
                "PluginError",
                "ShapeError",
                "UnknownComponentError",
            ],
            "evaluation": ["evaluate", "predict"],
            "history": ["History"],
            "kernels": ["kernel", "kernel_providers"],
            "layer": ["Layer"],
            "layers.activations": ["ReLU"],
            "layers.batchnorm": ["BatchNorm1d"],
            "layers.dropout": ["Dropout"],
            "layers.linear": ["Linear"],
            "layers.sequential": ["Sequential"],
            "layers.shaping": ["Flatten"],
            "loss": ["Loss"],
            "losses.cross_entropy": ["CrossEntropyLoss"],
            "metrics": ["Accuracy", "accuracy"],
            "observation": ["Observation", "observe"],
            "optimizer": ["Optimizer"],
            "parameter": ["Buffer", "Parameter"],
            "random": ["default_rng", "seed"],
            "registry": ["build", "components", "get", "plugin_records"],
            "serialization": ["load", "save"],
            "training": ["TrainingState", "fit", "training_steps"],
        },
    )
