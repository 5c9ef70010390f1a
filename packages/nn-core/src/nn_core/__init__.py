"""The core of a plugin-based neural-network micro-framework for NumPy: what a layer, a loss and an optimizer are.

Names are imported on first use, so that discovering plugins costs no NumPy.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from nn_core.lazy import lazy_exports

__version__ = "0.1.0"

if TYPE_CHECKING:
    from nn_core.backends import backend as backend
    from nn_core.batching import (
        ArrayDataset as ArrayDataset,
        Batches as Batches,
    )
    from nn_core.callbacks.checkpoint import Checkpoint as Checkpoint
    from nn_core.callbacks.early_stopping import EarlyStopping as EarlyStopping
    from nn_core.callbacks.guarding import FiniteGuard as FiniteGuard
    from nn_core.callbacks.measuring import (
        GradientStatistics as GradientStatistics,
        LearningRateMonitor as LearningRateMonitor,
        Timing as Timing,
    )
    from nn_core.callbacks.penalty import Penalty as Penalty
    from nn_core.callbacks.progress import ProgressBar as ProgressBar
    from nn_core.callbacks.recording import EventLog as EventLog, HistoryFile as HistoryFile
    from nn_core.checkpoints import save_checkpoint as save_checkpoint
    from nn_core.collectives import (
        collective as collective,
        use_collective as use_collective,
    )
    from nn_core.dtypes import (
        default_dtype as default_dtype,
        set_default_dtype as set_default_dtype,
    )
    from nn_core.errors import (
        BackwardError as BackwardError,
        ConfigError as ConfigError,
        ConflictError as ConflictError,
        DataError as DataError,
        DTypeError as DTypeError,
        GradcheckError as GradcheckError,
        ModelFileError as ModelFileError,
        NNError as NNError,
        NonFiniteError as NonFiniteError,
        NotBuiltError as NotBuiltError,
        PluginError as PluginError,
        ShapeError as ShapeError,
        UnknownComponentError as UnknownComponentError,
    )
    from nn_core.evaluation import (
        evaluate as evaluate,
        predict as predict,
    )
    from nn_core.functional.creation import (
        arange as arange,
        eye as eye,
        full as full,
        full_like as full_like,
        ones as ones,
        ones_like as ones_like,
        rand as rand,
        rand_like as rand_like,
        randn as randn,
        randn_like as randn_like,
        zeros as zeros,
        zeros_like as zeros_like,
    )
    from nn_core.gradient_checking import (
        GradcheckReport as GradcheckReport,
        gradcheck as gradcheck,
        numeric_gradient as numeric_gradient,
    )
    from nn_core.gradients import (
        clip_grad_norm as clip_grad_norm,
        clip_grad_value as clip_grad_value,
        gradient_norms as gradient_norms,
        penalize as penalize,
    )
    from nn_core.history import History as History
    from nn_core.initialization import (
        DEFAULT_NORMAL_INIT_MAP as DEFAULT_NORMAL_INIT_MAP,
        DEFAULT_UNIFORM_INIT_MAP as DEFAULT_UNIFORM_INIT_MAP,
        initialize as initialize,
    )
    from nn_core.kernels import (
        kernel as kernel,
        kernel_providers as kernel_providers,
    )
    from nn_core.layer import Layer as Layer
    from nn_core.layers.activations import (
        Activation as Activation,
        Nonlinearity as Nonlinearity,
    )
    from nn_core.layers.batchnorm import BatchNorm1d as BatchNorm1d
    from nn_core.layers.dense import Dense as Dense
    from nn_core.layers.dropout import Dropout as Dropout
    from nn_core.layers.embedding import Embedding as Embedding
    from nn_core.layers.function import Lambda as Lambda
    from nn_core.layers.linear import Linear as Linear
    from nn_core.layers.normalization import (
        GroupNorm as GroupNorm,
        LayerNorm as LayerNorm,
        RMSNorm as RMSNorm,
    )
    from nn_core.layers.parallel import Parallel as Parallel
    from nn_core.layers.rectifiers import (
        ELU as ELU,
        GELU as GELU,
        SELU as SELU,
        LeakyReLU as LeakyReLU,
        PReLU as PReLU,
        ReLU as ReLU,
        SiLU as SiLU,
        Softplus as Softplus,
    )
    from nn_core.layers.residual import Residual as Residual
    from nn_core.layers.sequential import Sequential as Sequential
    from nn_core.layers.shaping import (
        Flatten as Flatten,
        Identity as Identity,
        Reshape as Reshape,
        Unflatten as Unflatten,
    )
    from nn_core.layers.sigmoids import (
        Hardsigmoid as Hardsigmoid,
        LogSoftmax as LogSoftmax,
        Sigmoid as Sigmoid,
        Softmax as Softmax,
        Tanh as Tanh,
    )
    from nn_core.logs import chronometer as chronometer, configure_logging as configure_logging
    from nn_core.loss import Loss as Loss
    from nn_core.losses.binary import (
        BCELoss as BCELoss,
        BCEWithLogitsLoss as BCEWithLogitsLoss,
    )
    from nn_core.losses.cross_entropy import (
        CrossEntropyLoss as CrossEntropyLoss,
        NLLLoss as NLLLoss,
    )
    from nn_core.losses.divergence import KLDivLoss as KLDivLoss
    from nn_core.losses.embedding import CosineEmbeddingLoss as CosineEmbeddingLoss
    from nn_core.losses.function import FunctionLoss as FunctionLoss
    from nn_core.losses.margin import (
        HingeEmbeddingLoss as HingeEmbeddingLoss,
        HingeLoss as HingeLoss,
        MarginRankingLoss as MarginRankingLoss,
    )
    from nn_core.losses.regression import (
        HuberLoss as HuberLoss,
        L1Loss as L1Loss,
        MSELoss as MSELoss,
        SmoothL1Loss as SmoothL1Loss,
    )
    from nn_core.metrics.classification import (
        Accuracy as Accuracy,
        BinaryAccuracy as BinaryAccuracy,
        TopKAccuracy as TopKAccuracy,
        accuracy as accuracy,
        binary_accuracy as binary_accuracy,
        top_k_accuracy as top_k_accuracy,
    )
    from nn_core.metrics.confusion import (
        ConfusionMatrix as ConfusionMatrix,
        F1Score as F1Score,
        Precision as Precision,
        Recall as Recall,
        confusion_matrix as confusion_matrix,
        f1_score as f1_score,
        precision as precision,
        recall as recall,
    )
    from nn_core.metrics.ranking import (
        ROCAUC as ROCAUC,
        roc_auc as roc_auc,
    )
    from nn_core.metrics.regression import (
        MeanAbsoluteError as MeanAbsoluteError,
        MeanSquaredError as MeanSquaredError,
        R2Score as R2Score,
        RootMeanSquaredError as RootMeanSquaredError,
        mean_absolute_error as mean_absolute_error,
        mean_squared_error as mean_squared_error,
        r2_score as r2_score,
        root_mean_squared_error as root_mean_squared_error,
    )
    from nn_core.model import Model as Model
    from nn_core.model_files import load_arrays as load_arrays
    from nn_core.observation import (
        Observation as Observation,
        observe as observe,
    )
    from nn_core.operations import (
        float_operation as float_operation,
        operation as operation,
    )
    from nn_core.optimizer import Optimizer as Optimizer
    from nn_core.parameter import (
        Buffer as Buffer,
        Parameter as Parameter,
    )
    from nn_core.random import (
        default_rng as default_rng,
        keep_mask as keep_mask,
        seed as seed,
    )
    from nn_core.registry import (
        build as build,
        components as components,
        get as get,
        plugin_records as plugin_records,
    )
    from nn_core.scheduler import Scheduler as Scheduler
    from nn_core.serialization import (
        load as load,
        load_extra as load_extra,
        save as save,
    )
    from nn_core.summaries import summary as summary
    from nn_core.tape import (
        enable_grad as enable_grad,
        no_grad as no_grad,
    )
    from nn_core.tensor import Tensor as Tensor
    from nn_core.tracing import autograd as autograd
    from nn_core.training import fit as fit, training_steps as training_steps
    from nn_core.training_state import TrainingState as TrainingState
else:
    __getattr__, __dir__, __all__ = lazy_exports(
        __name__,
        {
            "backends": ["backend"],
            "batching": ["ArrayDataset", "Batches"],
            "callbacks.checkpoint": ["Checkpoint"],
            "callbacks.early_stopping": ["EarlyStopping"],
            "callbacks.guarding": ["FiniteGuard"],
            "callbacks.measuring": ["GradientStatistics", "LearningRateMonitor", "Timing"],
            "callbacks.penalty": ["Penalty"],
            "callbacks.progress": ["ProgressBar"],
            "callbacks.recording": ["EventLog", "HistoryFile"],
            "collectives": ["collective", "use_collective"],
            "dtypes": ["default_dtype", "set_default_dtype"],
            "checkpoints": ["save_checkpoint"],
            "errors": [
                "BackwardError",
                "ConfigError",
                "ConflictError",
                "DataError",
                "DTypeError",
                "GradcheckError",
                "ModelFileError",
                "NNError",
                "NonFiniteError",
                "NotBuiltError",
                "PluginError",
                "ShapeError",
                "UnknownComponentError",
            ],
            "evaluation": ["evaluate", "predict"],
            "gradient_checking": ["GradcheckReport", "gradcheck", "numeric_gradient"],
            "gradients": ["clip_grad_norm", "clip_grad_value", "gradient_norms", "penalize"],
            "functional.creation": [
                "arange",
                "eye",
                "full",
                "full_like",
                "ones",
                "ones_like",
                "rand",
                "rand_like",
                "randn",
                "randn_like",
                "zeros",
                "zeros_like",
            ],
            "history": ["History"],
            "initialization": ["DEFAULT_NORMAL_INIT_MAP", "DEFAULT_UNIFORM_INIT_MAP", "initialize"],
            "kernels": ["kernel", "kernel_providers"],
            "layer": ["Layer"],
            "layers.activations": ["Activation", "Nonlinearity"],
            "layers.batchnorm": ["BatchNorm1d"],
            "layers.dense": ["Dense"],
            "layers.dropout": ["Dropout"],
            "layers.embedding": ["Embedding"],
            "layers.function": ["Lambda"],
            "layers.linear": ["Linear"],
            "layers.normalization": ["GroupNorm", "LayerNorm", "RMSNorm"],
            "layers.rectifiers": ["ELU", "GELU", "SELU", "LeakyReLU", "PReLU", "ReLU", "SiLU", "Softplus"],
            "layers.parallel": ["Parallel"],
            "layers.residual": ["Residual"],
            "layers.sequential": ["Sequential"],
            "layers.shaping": ["Flatten", "Identity", "Reshape", "Unflatten"],
            "layers.sigmoids": ["Hardsigmoid", "LogSoftmax", "Sigmoid", "Softmax", "Tanh"],
            "logs": ["chronometer", "configure_logging"],
            "loss": ["Loss"],
            "losses.binary": ["BCELoss", "BCEWithLogitsLoss"],
            "losses.cross_entropy": ["CrossEntropyLoss", "NLLLoss"],
            "losses.divergence": ["KLDivLoss"],
            "losses.embedding": ["CosineEmbeddingLoss"],
            "losses.function": ["FunctionLoss"],
            "losses.margin": ["HingeEmbeddingLoss", "HingeLoss", "MarginRankingLoss"],
            "losses.regression": ["HuberLoss", "L1Loss", "MSELoss", "SmoothL1Loss"],
            "metrics.classification": [
                "Accuracy",
                "BinaryAccuracy",
                "TopKAccuracy",
                "accuracy",
                "binary_accuracy",
                "top_k_accuracy",
            ],
            "metrics.confusion": [
                "ConfusionMatrix",
                "F1Score",
                "Precision",
                "Recall",
                "confusion_matrix",
                "f1_score",
                "precision",
                "recall",
            ],
            "metrics.ranking": ["ROCAUC", "roc_auc"],
            "metrics.regression": [
                "MeanAbsoluteError",
                "MeanSquaredError",
                "R2Score",
                "RootMeanSquaredError",
                "mean_absolute_error",
                "mean_squared_error",
                "r2_score",
                "root_mean_squared_error",
            ],
            "model": ["Model"],
            "model_files": ["load_arrays"],
            "observation": ["Observation", "observe"],
            "operations": ["float_operation", "operation"],
            "optimizer": ["Optimizer"],
            "parameter": ["Buffer", "Parameter"],
            "random": ["default_rng", "keep_mask", "seed"],
            "registry": ["build", "components", "get", "plugin_records"],
            "scheduler": ["Scheduler"],
            "serialization": ["load", "load_extra", "save"],
            "summaries": ["summary"],
            "tape": ["enable_grad", "no_grad"],
            "tensor": ["Tensor"],
            "tracing": ["autograd"],
            "training": ["fit", "training_steps"],
            "training_state": ["TrainingState"],
        },
    )

if os.environ.get("NN_DEBUG"):
    from nn_core.logs import configure_logging, debugging

    if debugging():
        configure_logging()
