"""What nn-optim announces."""

from __future__ import annotations

from collections.abc import Iterator

from nn_core.plugins import CallbackSpec, OptimizerSpec, SchedulerSpec, hookimpl

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


@hookimpl
def nn_schedulers() -> Iterator[SchedulerSpec]:
    for name, scheduler, summary in (
        ("constant_lr", "schedules:ConstantLR", "A factor for the first steps."),
        ("linear_lr", "schedules:LinearLR", "A line from one factor to another: a warm-up."),
        ("step_lr", "schedules:StepLR", "A factor every so many steps."),
        ("multi_step_lr", "schedules:MultiStepLR", "A factor at each milestone."),
        ("exponential_lr", "schedules:ExponentialLR", "A factor at every step."),
        ("polynomial_lr", "schedules:PolynomialLR", "A power of what is left of the run."),
        ("lambda_lr", "schedules:LambdaLR", "A function of the step."),
        ("cosine_annealing_lr", "cosine:CosineAnnealingLR", "Half a cosine."),
        (
            "cosine_annealing_warm_restarts",
            "cosine:CosineAnnealingWarmRestarts",
            "Half a cosine, begun anew in cycles.",
        ),
        ("one_cycle_lr", "cycles:OneCycleLR", "Up and down once, the momentum the other way round."),
        ("cyclic_lr", "cycles:CyclicLR", "Up and down over and over."),
        ("reduce_lr_on_plateau", "plateau:ReduceLROnPlateau", "A factor when a figure no longer becomes better."),
        ("chained_scheduler", "combined:ChainedScheduler", "Several schedulers at once."),
        ("sequential_lr", "combined:SequentialLR", "Several schedulers one after the other."),
    ):
        yield SchedulerSpec(name=name, target=f"nn_optim.{scheduler}", summary=summary)


@hookimpl
def nn_callbacks() -> Iterator[CallbackSpec]:
    yield CallbackSpec(name="ema", target="nn_optim.ema:EMA", summary="An exponential moving average of the weights.")
