"""What nn-core announces. First-party components come in by the same door as everyone's."""

from __future__ import annotations

from collections.abc import Iterator

from nn_core.plugins import (
    BackendSpec,
    CallbackSpec,
    FormatSpec,
    InitializerSpec,
    LayerSpec,
    LossSpec,
    MetricSpec,
    hookimpl,
)

NN_API = 1

# ruff: noqa: D103 - what each hook announces is said in nn_core/hookspecs.py


@hookimpl
def nn_layers() -> Iterator[LayerSpec]:
    for name, target, summary in (
        ("linear", "linear:Linear", "Affine map of the last axis."),
        ("dense", "dense:Dense", "Affine map of the last axis, with an activation."),
        ("embedding", "embedding:Embedding", "A trained vector for each index."),
        ("identity", "shaping:Identity", "The input as it is."),
        ("activation", "activations:Activation", "The activation layer of a name."),
        ("relu", "rectifiers:ReLU", "Rectified linear unit."),
        ("leaky_relu", "rectifiers:LeakyReLU", "Rectified linear unit with a slope for negative numbers."),
        ("prelu", "rectifiers:PReLU", "Rectified linear unit whose slopes for negative numbers are trained."),
        ("elu", "rectifiers:ELU", "Exponential linear unit."),
        ("selu", "rectifiers:SELU", "Scaled exponential linear unit, which keeps mean 0 and variance 1."),
        ("gelu", "rectifiers:GELU", "Gaussian error linear unit, exact or by tanh."),
        ("silu", "rectifiers:SiLU", "Sigmoid linear unit, also called swish."),
        ("softplus", "rectifiers:Softplus", "Smooth rectifier."),
        ("sigmoid", "sigmoids:Sigmoid", "Logistic function."),
        ("hard_sigmoid", "sigmoids:Hardsigmoid", "Sigmoid made of three straight lines."),
        ("tanh", "sigmoids:Tanh", "Hyperbolic tangent."),
        ("softmax", "sigmoids:Softmax", "Probabilities from logits, along an axis."),
        ("log_softmax", "sigmoids:LogSoftmax", "Logarithms of probabilities from logits, along an axis."),
        ("flatten", "shaping:Flatten", "Join axes, by default all but the first, into one."),
        ("unflatten", "shaping:Unflatten", "Split one axis into several."),
        ("reshape", "shaping:Reshape", "Give every sample another shape."),
        ("dropout", "dropout:Dropout", "Zero a random part of the input in training."),
        ("batch_norm1d", "batchnorm:BatchNorm1d", "Batch normalization of feature vectors or sequences."),
        ("layer_norm", "normalization:LayerNorm", "Normalization over the last axes."),
        ("rms_norm", "normalization:RMSNorm", "Division by the root mean square over the last axes."),
        ("group_norm", "normalization:GroupNorm", "Normalization over groups of channels."),
        ("sequential", "sequential:Sequential", "Layers one after the other."),
        ("residual", "residual:Residual", "Layers with a connection around them."),
        ("parallel", "parallel:Parallel", "Layers side by side, their outputs added up or joined."),
    ):
        yield LayerSpec(name=name, target=f"nn_core.layers.{target}", summary=summary)


@hookimpl
def nn_losses() -> Iterator[LossSpec]:
    for name, target, summary in (  # of several names for one class the first is its own
        (
            "cross_entropy",
            "cross_entropy:CrossEntropyLoss",
            "Cross-entropy between softmax(logits) and class indices or probabilities.",
        ),
        ("categorical_crossentropy", "cross_entropy:CrossEntropyLoss", "Another name of cross_entropy."),
        ("cce", "cross_entropy:CrossEntropyLoss", "Another name of cross_entropy."),
        ("nll", "cross_entropy:NLLLoss", "Negative log-likelihood of classes, from log-probabilities."),
        ("mse", "regression:MSELoss", "Squared error."),
        ("l1", "regression:L1Loss", "Absolute error."),
        ("mae", "regression:L1Loss", "Another name of l1."),
        ("huber", "regression:HuberLoss", "Squared error near the target, absolute error away from it."),
        ("smooth_l1", "regression:SmoothL1Loss", "Absolute error, rounded off near the target."),
        ("bce", "binary:BCELoss", "Binary cross-entropy of probabilities."),
        ("binary_crossentropy", "binary:BCELoss", "Another name of bce."),
        ("bce_with_logits", "binary:BCEWithLogitsLoss", "Binary cross-entropy of sigmoid(logits)."),
        ("kl_div", "divergence:KLDivLoss", "Kullback-Leibler divergence, from log-probabilities."),
        ("hinge", "margin:HingeLoss", "Hinge loss of scores for two classes."),
        ("hinge_embedding", "margin:HingeEmbeddingLoss", "Distances that are to be small or large."),
        ("margin_ranking", "margin:MarginRankingLoss", "Which of two scores is to be larger."),
        ("cosine_embedding", "embedding:CosineEmbeddingLoss", "Vectors that are to point alike or apart."),
    ):
        yield LossSpec(name=name, target=f"nn_core.losses.{target}", summary=summary)


@hookimpl
def nn_metrics() -> Iterator[MetricSpec]:
    for name, target, summary in (
        ("accuracy", "classification:Accuracy", "Share of samples whose largest output is right."),
        ("binary_accuracy", "classification:BinaryAccuracy", "Share of samples on the right side of the threshold."),
        ("top_k_accuracy", "classification:TopKAccuracy", "Share of samples with the target among the k largest."),
        ("precision", "confusion:Precision", "Share of what is taken for a class that is of it."),
        ("recall", "confusion:Recall", "Share of a class that is found."),
        ("f1", "confusion:F1Score", "Harmonic mean of precision and recall."),
        ("confusion_matrix", "confusion:ConfusionMatrix", "How often each class is taken for each; an array."),
        ("roc_auc", "ranking:ROCAUC", "Area under the receiver operating characteristic."),
        ("mae", "regression:MeanAbsoluteError", "Mean absolute error."),
        ("mse", "regression:MeanSquaredError", "Mean squared error."),
        ("rmse", "regression:RootMeanSquaredError", "Root of the mean squared error."),
        ("r2", "regression:R2Score", "Share of the targets' variance that is explained."),
    ):
        yield MetricSpec(name=name, target=f"nn_core.metrics.{target}", summary=summary)


@hookimpl
def nn_initializers() -> Iterator[InitializerSpec]:
    for name, module, summary in (
        ("zeros", "distributions", "Zeros."),
        ("ones", "distributions", "Ones."),
        ("constant", "distributions", "One value everywhere."),
        ("uniform", "distributions", "Uniform between two bounds."),
        ("normal", "distributions", "Normal with a mean and a standard deviation."),
        ("truncated_normal", "distributions", "Normal, but never outside two bounds."),
        ("conservative", "distributions", "Standard normal times 0.001."),
        ("torch_linear", "scaled", "Uniform within 1/√fan_in, PyTorch's default for linear and convolution layers."),
        ("xavier_uniform", "scaled", "Uniform with variance 2/(fan_in + fan_out), for tanh and sigmoid."),
        ("xavier_normal", "scaled", "Normal with variance 2/(fan_in + fan_out), for tanh and sigmoid."),
        ("kaiming_uniform", "scaled", "Uniform with variance gain²/fan, for ReLU and its kin."),
        ("kaiming_normal", "scaled", "Normal with variance gain²/fan, for ReLU and its kin."),
        ("orthogonal", "matrices", "A random matrix with orthonormal rows or columns."),
        ("identity", "matrices", "Passes input i on as output i."),
    ):
        yield InitializerSpec(name=name, target=f"nn_core.initializers.{module}:{name}", summary=summary)


@hookimpl
def nn_callbacks() -> Iterator[CallbackSpec]:
    for name, callback, summary in (
        ("progress_bar", "progress:ProgressBar", "One progress bar per epoch, on standard error."),
        ("checkpoint", "checkpoint:Checkpoint", "The run in files, from which it can be gone on with."),
        ("early_stopping", "early_stopping:EarlyStopping", "End when a column no longer becomes better."),
        ("learning_rate_monitor", "measuring:LearningRateMonitor", "The learning rate in the history."),
        ("gradient_statistics", "measuring:GradientStatistics", "Norms of gradients and weights in the history."),
        ("timing", "measuring:Timing", "Samples per second in the history."),
        ("finite_guard", "guarding:FiniteGuard", "Stop at the first NaN or infinity and name its layer."),
        ("penalty", "penalty:Penalty", "L1 and L2 penalties on the weights."),
        ("history_file", "recording:HistoryFile", "The history as CSV or JSON after every epoch."),
        ("event_log", "recording:EventLog", "Every event as a line of a log."),
    ):
        yield CallbackSpec(name=name, target=f"nn_core.callbacks.{callback}", summary=summary)


@hookimpl
def nn_formats() -> Iterator[FormatSpec]:
    for name, target, suffixes, summary in (
        ("safetensors", "safetensors_files:Safetensors", (".safetensors",), "One safe file, which PyTorch reads, too."),
        ("npz", "npz_files:Npz", (".npz",), "NumPy's archive of arrays."),
        ("hdf5", "hdf5_files:HDF5", (".h5", ".hdf5"), "HDF5, where h5py is installed."),
    ):
        yield FormatSpec(name=name, target=f"nn_core.formats.{target}", suffixes=suffixes, summary=summary)


@hookimpl
def nn_backends() -> Iterator[BackendSpec]:
    yield BackendSpec(
        name="numpy", target="nn_core.backends:numpy", array="numpy:ndarray", summary="NumPy itself, on the CPU."
    )
