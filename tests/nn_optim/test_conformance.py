"""The optimizers, schedulers and callbacks of nn-optim go through the conformance kit."""

from __future__ import annotations

import nn_core
from nn_core import build, components
from nn_core.testing import (
    CallbackCase,
    OptimizerCase,
    SchedulerCase,
    parametrize_callback_checks,
    parametrize_optimizer_checks,
    parametrize_scheduler_checks,
)
from nn_optim import EMA


def optimizer(name, title="", **options):
    return OptimizerCase(f"{name}{title}", lambda parameters: build("optimizer", {"type": name, **options}, parameters))


OPTIMIZERS = [
    optimizer("sgd", lr=0.1),
    optimizer("sgd", ", momentum", lr=0.05, momentum=0.9, nesterov=True),
    optimizer("adam", lr=0.05),
    optimizer("adam", ", amsgrad", lr=0.05, amsgrad=True),
    optimizer("adamw", lr=0.05),
    optimizer("nadam", lr=0.05),
    optimizer("radam", lr=0.05),
    optimizer("adamax", lr=0.05),
    optimizer("rmsprop", lr=0.05),
    optimizer("rmsprop", ", centered", lr=0.02, centered=True, momentum=0.5),
    optimizer("adagrad", lr=0.1),
    optimizer("adadelta"),
    optimizer("lion", lr=0.02),
    optimizer("lamb", lr=0.02),
    optimizer("lbfgs", lr=0.5, max_iter=2),
]
ONE_GROUP = {"lbfgs"}  # its step is along one direction for all parameters


@parametrize_optimizer_checks([case for case in OPTIMIZERS if case.name not in ONE_GROUP])
def test_optimizer(check):
    check()


@parametrize_optimizer_checks(
    [case for case in OPTIMIZERS if case.name in ONE_GROUP],
    expected_failures={
        "rate": "L-BFGS takes its steps along one direction for all parameters, and has one group",
        "grouping": "it has one group",
    },
)
def test_optimizer_of_one_group(check):
    check()


PARTS = [{"type": "linear_lr", "start_factor": 0.5, "total_iters": 4}, {"type": "exponential_lr", "gamma": 0.9}]


def scheduler(name, metric=None, **options):
    make = lambda optimizer: build("scheduler", {"type": name, **options}, optimizer)  # noqa: E731
    return SchedulerCase(name, make, metric=metric)


SCHEDULERS = [
    scheduler("constant_lr", factor=0.5, total_iters=3),
    scheduler("linear_lr", start_factor=0.1, total_iters=7),
    scheduler("step_lr", step_size=3),
    scheduler("multi_step_lr", milestones=[2, 5]),
    scheduler("exponential_lr", gamma=0.9),
    scheduler("polynomial_lr", total_iters=8, power=2.0),
    scheduler("lambda_lr", lr_lambda=lambda t: 1 / (t + 1)),
    scheduler("cosine_annealing_lr"),
    scheduler("cosine_annealing_warm_restarts", T_0=2, T_mult=2),
    scheduler("one_cycle_lr", max_lr=1.0, cycle_momentum=False),
    scheduler("cyclic_lr", base_lr=0.1, max_lr=1.0, step_size_up=3, cycle_momentum=False),
    scheduler("reduce_lr_on_plateau", metric=lambda t: 1 + 0.1 * (t * 7 % 5), patience=1, factor=0.5),
    scheduler("chained_scheduler", schedulers=PARTS),
    scheduler("sequential_lr", schedulers=PARTS, milestones=[4]),
]


@parametrize_scheduler_checks(SCHEDULERS)
def test_scheduler(check):
    check()


@parametrize_callback_checks([CallbackCase("ema", lambda folder: EMA(0.9), changes_training=True)])
def test_callback(check):
    check()


def test_every_component_goes_through_the_kit():
    for kind, cases in (("optimizer", OPTIMIZERS), ("scheduler", SCHEDULERS)):
        own = {part.name for part in components(kind) if part.distribution == "nn-optim"}
        assert {case.name.partition(",")[0] for case in cases} == own
    assert [part.name for part in nn_core.components("callback") if part.distribution == "nn-optim"] == ["ema"]
