"""What nn-optim announces."""

from __future__ import annotations

from collections.abc import Iterator

from nn_core.plugins import OptimizerSpec, hookimpl

NN_API = 1

# ruff: noqa: D103 - what each hook announces is said in nn_core/hookspecs.py


@hookimpl
def nn_optimizers() -> Iterator[OptimizerSpec]:
    for name, optimizer, summary in (
        ("sgd", "sgd:SGD", "Stochastic gradient descent with momentum."),
        ("adam", "adam:Adam", "Adam: moments of the gradient, bias-corrected."),
        ("adamw", "adam:AdamW", "Adam with decoupled weight decay."),
        ("nadam", "nadam:NAdam", "Adam that looks ahead along its momentum."),
        ("radam", "radam:RAdam", "Adam that waits until it knows the variance."),
        ("adamax", "adamax:Adamax", "Adam with the infinity norm."),
        ("rmsprop", "rmsprop:RMSprop", "Gradients over their running root mean square."),
        ("adagrad", "adagrad:Adagrad", "Gradients over the root of all squares so far."),
        ("adadelta", "adadelta:Adadelta", "Steps in the unit of the parameters."),
        ("lion", "lion:Lion", "Signs of the momentum."),
        ("lamb", "lamb:LAMB", "Adam's steps scaled to each parameter, for large batches."),
        ("lbfgs", "lbfgs:LBFGS", "Quasi-Newton steps for small problems."),
    ):
        yield OptimizerSpec(name=name, target=f"nn_optim.{optimizer}", summary=summary)
