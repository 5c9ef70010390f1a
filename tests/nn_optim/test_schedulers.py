"""Schedulers: their formulas, their state, and what they refuse; tests/parity compares every step with PyTorch's."""

from __future__ import annotations

import re
from math import cos, pi

import numpy as np
import pytest

from nn_core import ConfigError, Linear, ModelFileError, Parameter, Scheduler, build, compat, components
from nn_optim import (
    SGD,
    Adam,
    ChainedScheduler,
    ConstantLR,
    CosineAnnealingLR,
    CosineAnnealingWarmRestarts,
    CyclicLR,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    MultiStepLR,
    OneCycleLR,
    PolynomialLR,
    ReduceLROnPlateau,
    SequentialLR,
    StepLR,
)


def optimizer(*rates):
    groups = [{"params": Parameter(np.zeros(1)), "lr": rate} for rate in rates or (0.8,)]
    return SGD(groups, momentum=0.9)


PARTS = [{"type": "linear_lr", "start_factor": 0.5, "total_iters": 4}, {"type": "exponential_lr", "gamma": 0.9}]
MAKERS = {
    "constant_lr": lambda o: ConstantLR(o, 0.5, 3),
    "linear_lr": lambda o: LinearLR(o, 0.1, total_iters=7),
    "step_lr": lambda o: StepLR(o, 3),
    "multi_step_lr": lambda o: MultiStepLR(o, [2, 5]),
    "exponential_lr": lambda o: ExponentialLR(o, 0.9),
    "polynomial_lr": lambda o: PolynomialLR(o, 8, 2.0),
    "lambda_lr": lambda o: LambdaLR(o, lambda t: 1 / (t + 1)),
    "cosine_annealing_lr": lambda o: CosineAnnealingLR(o, 6),
    "cosine_annealing_warm_restarts": lambda o: CosineAnnealingWarmRestarts(o, 2, 2),
    "one_cycle_lr": lambda o: OneCycleLR(o, 1.0, 12),
    "cyclic_lr": lambda o: CyclicLR(o, 0.1, 1.0, 3, mode="triangular2"),
    "reduce_lr_on_plateau": lambda o: ReduceLROnPlateau(o, patience=1, factor=0.5, cooldown=1),
    "chained_scheduler": lambda o: ChainedScheduler(o, PARTS),
    "sequential_lr": lambda o: SequentialLR(o, PARTS, [4]),
}
every_scheduler = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)


def take_steps(scheduler, start, stop):
    rates = []
    for t in range(start, stop):
        scheduler.step(1 + 0.1 * (t * 7 % 5)) if scheduler.needs_metric else scheduler.step()
        rates.append([group["lr"] for group in scheduler.optimizer.param_groups])
    return rates


def test_every_registered_scheduler_is_tested_here():
    assert {component.name for component in components("scheduler")} == set(MAKERS)


@pytest.mark.parametrize(
    ("make", "rate"),
    [
        (MAKERS["constant_lr"], lambda base, t: base * (0.5 if t < 3 else 1)),
        (MAKERS["linear_lr"], lambda base, t: base * (0.1 + 0.9 * min(t / 7, 1))),
        (MAKERS["step_lr"], lambda base, t: base * 0.1 ** (t // 3)),
        (MAKERS["multi_step_lr"], lambda base, t: base * 0.1 ** ((t >= 2) + (t >= 5))),
        (MAKERS["exponential_lr"], lambda base, t: base * 0.9**t),
        (MAKERS["polynomial_lr"], lambda base, t: base * (1 - min(t / 8, 1)) ** 2),
        (MAKERS["lambda_lr"], lambda base, t: base / (t + 1)),
        (MAKERS["cosine_annealing_lr"], lambda base, t: base * (1 + cos(pi * t / 6)) / 2),
        (MAKERS["chained_scheduler"], lambda base, t: base * (0.5 + 0.5 * min(t / 4, 1)) * 0.9**t),
        (MAKERS["sequential_lr"], lambda base, t: base * (0.5 + 0.5 * t / 4 if t < 4 else 0.9 ** (t - 4))),
    ],
)
def test_the_rates_of_all_groups_follow_the_formula(make, rate):
    scheduler = make(optimizer(0.8, 0.2))
    rates = [scheduler.lr, *take_steps(scheduler, 0, 10)]
    expected = [[rate(base, t) for base in (0.8, 0.2)] for t in range(11)]
    np.testing.assert_allclose(rates, expected, rtol=1e-12, atol=1e-15)


@every_scheduler
def test_a_scheduler_goes_on_from_its_state_to_the_bit(make):
    whole, first, second = (make(optimizer(0.8, 0.2)) for _ in range(3))
    expected = take_steps(whole, 0, 11)
    seen = take_steps(first, 0, 5)
    state = first.state_dict()
    take_steps(first, 5, 6)  # which the state must not follow
    second.load_state_dict(state)
    assert [group["lr"] for group in second.optimizer.param_groups] == seen[-1]
    assert seen + take_steps(second, 5, 11) == expected
    momenta = [[group["momentum"] for group in s.optimizer.param_groups] for s in (whole, second)]
    assert momenta[0] == momenta[1]


@every_scheduler
def test_a_state_holds_plain_values(make):
    scheduler = make(optimizer())
    take_steps(scheduler, 0, 3)
    for value in scheduler.state_dict().values():
        for number in value if isinstance(value, list) else [value]:
            assert type(number) in (int, float)


def test_a_state_of_another_kind_is_refused():
    scheduler = StepLR(optimizer(), 2)
    other = ReduceLROnPlateau(optimizer()).state_dict()
    with pytest.raises(ModelFileError, match=re.escape("StepLR takes base, t for 1.")):
        scheduler.load_state_dict(other)
    with pytest.raises(ModelFileError, match="for 2 groups; StepLR takes base, t for 1"):
        scheduler.load_state_dict(StepLR(optimizer(0.1, 0.2), 2).state_dict())


def test_a_length_that_is_left_out_is_the_planned_one():
    for make, given in (
        (lambda o, n: CosineAnnealingLR(o, n), 8),
        (lambda o, n: OneCycleLR(o, 1.0, n), 8),
        (lambda o, n: LinearLR(o, 0.5, total_iters=n), 8),
        (lambda o, n: PolynomialLR(o, n), 8),
    ):
        planned, told = make(optimizer(), None), make(optimizer(), given)
        planned.plan(8)
        assert take_steps(planned, 0, 8) == take_steps(told, 0, 8)
        lost = make(optimizer(), None)
        with pytest.raises(ConfigError, match=f"of {type(lost).__name__} is missing: give it the number of steps"):
            lost.step()


def test_the_plan_reaches_the_parts():
    scheduler = SequentialLR(optimizer(), [PARTS[0], {"type": "cosine_annealing_lr"}], [4])
    scheduler.plan(10)
    take_steps(scheduler, 0, 14)
    assert scheduler.lr[0] == pytest.approx(0, abs=1e-12)


def test_a_plateau_is_reduced_and_a_cooldown_kept():
    scheduler = ReduceLROnPlateau(optimizer(1.0), factor=0.5, patience=1, cooldown=2, threshold=0)
    rates = []
    for loss in (5, 4, 4, 4, 4, 4, 4, 4, 4, 3):
        scheduler.step(loss)
        rates.append(scheduler.lr[0])
    #      two bad steps, two that cool, two bad steps again
    assert rates == [1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25]


def test_nan_is_no_improvement():
    scheduler = ReduceLROnPlateau(optimizer(1.0), factor=0.5, patience=0)
    for loss in (float("nan"), float("nan"), 1.0):
        scheduler.step(loss)
    assert scheduler.lr == [0.25]


def test_a_rate_set_by_hand_is_reduced_from_there():
    scheduler = ReduceLROnPlateau(optimizer(1.0), factor=0.5, patience=0)
    scheduler.step(1.0)
    scheduler.optimizer.lr = 0.4
    scheduler.step(2.0)
    assert scheduler.lr == [0.2]


def test_the_first_beta_of_adam_is_its_momentum():
    adam = Adam([Parameter(np.zeros(1))], betas=(0.9, 0.99))
    scheduler = OneCycleLR(adam, 1.0, 11, base_momentum=0.8, max_momentum=0.95)
    assert adam.param_groups[0]["betas"] == (0.95, 0.99)
    assert min(scheduler.step() or adam.param_groups[0]["betas"][0] for _ in range(10)) >= 0.8
    assert adam.param_groups[0]["betas"] == (pytest.approx(0.95), 0.99)


def test_a_scheduler_of_ones_own_needs_a_formula_alone():
    class Inverse(Scheduler):
        def rate(self, base, t):
            return base / (1 + t)

    scheduler = Inverse(optimizer(1.0))
    assert [rate[0] for rate in take_steps(scheduler, 0, 3)] == [1 / 2, 1 / 3, 1 / 4]
    assert repr(scheduler) == "Inverse(step 3, lr 0.25)"
    with pytest.raises(TypeError, match=re.escape("Scheduler must define rate(base, t).")):
        Scheduler(optimizer())


def test_schedulers_are_found_by_name_over_an_optimizer():
    scheduler = build("scheduler", {"type": "step_lr", "step_size": 2, "per": "batch"}, optimizer())
    assert (type(scheduler), scheduler.per) == (StepLR, "batch")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda o: StepLR(None, 2), "StepLR takes an optimizer whose parameter groups have a learning rate, got None."),
        (lambda o: StepLR(o, 0), "step_size of StepLR must be an integer of at least 1, got 0."),
        (lambda o: StepLR(o, 2, gamma=0), "gamma of StepLR must be a number above 0, got 0."),
        (lambda o: StepLR(o, 2, per="step"), "per of StepLR must be 'epoch' or 'batch', got 'step'."),
        (lambda o: MultiStepLR(o, 3), "milestones of MultiStepLR must be a list of steps, got 3."),
        (lambda o: MultiStepLR(o, [1.5]), "milestones of MultiStepLR must be an integer of at least 0, got 1.5."),
        (lambda o: ConstantLR(o, factor=-1), "factor of ConstantLR must be a number of at least 0, got -1."),
        (lambda o: LinearLR(o, 0), "start_factor of LinearLR must be a number above 0, got 0."),
        (lambda o: ExponentialLR(o, "0.9"), "gamma of ExponentialLR must be a number above 0, got '0.9'."),
        (lambda o: PolynomialLR(o, 0), "total_iters of PolynomialLR must be an integer of at least 1, got 0."),
        (lambda o: LambdaLR(o, 0.5), "lr_lambda of LambdaLR must be a function of the step, got 0.5."),
        (lambda o: CosineAnnealingLR(o, 2.5), "T_max of CosineAnnealingLR must be an integer of at least 1, got 2.5."),
        (lambda o: OneCycleLR(o, 0.0), "max_lr of OneCycleLR must be a number above 0, got 0.0."),
        (lambda o: OneCycleLR(o, [0.1, 0.2]), "max_lr of OneCycleLR must be a number or one for each of 1 groups"),
        (lambda o: OneCycleLR(o, 0.1, anneal_strategy="sine"), "anneal_strategy of OneCycleLR must be one of cos, lin"),
        (
            lambda o: OneCycleLR(SGD([Parameter(np.zeros(1))]), 0.1),
            "OneCycleLR cycles the momentum, and SGD has none: give the optimizer momentum, or the scheduler "
            "cycle_momentum=False.",
        ),
        (lambda o: CyclicLR(o, 0.1, 0.2, mode="up"), "mode of CyclicLR must be one of triangular, triangular2, exp_r"),
        (lambda o: ReduceLROnPlateau(o, factor=1.0), "factor of ReduceLROnPlateau must be a number from 0 up to but"),
        (lambda o: ReduceLROnPlateau(o).step(), "ReduceLROnPlateau watches a figure: call step(value)"),
        (lambda o: ChainedScheduler(o, []), "schedulers of ChainedScheduler must be a list of schedulers, got []."),
        (lambda o: ChainedScheduler(o, "step_lr"), "schedulers of ChainedScheduler must be a list of schedulers"),
        (lambda o: ChainedScheduler(o, [StepLR(optimizer(), 2)]), "is over another optimizer than the one it was"),
        (lambda o: ChainedScheduler(o, [ReduceLROnPlateau(o)]), "takes schedulers whose rate is a function of the s"),
        (lambda o: SequentialLR(o, PARTS, []), "milestones of SequentialLR must be a list of 1 steps, one for each"),
        (lambda o: SequentialLR(o, [*PARTS, PARTS[0]], [5, 3]), "milestones of SequentialLR must grow from one to"),
    ],
)
def test_what_makes_no_sense_is_named_with_its_value(make, message):
    with pytest.raises(ConfigError, match=re.escape(message)):
        make(optimizer())


@pytest.mark.parametrize("validated", [False, True])
def test_a_model_in_other_words_reduces_its_rate_when_the_accuracy_rises_no_more(validated):
    x, y = np.ones((8, 2), np.float32), np.zeros(8, int)  # right from the first epoch on
    model = compat.Model([Linear(2, 2)]).compile("cce", "sgd", lr=0.8)
    options = {"lr_schedule": "plateau", "lr_patience": 2, "lr_factor": 0.5, "lr_min": 0.1}
    model.fit(x, y, epochs=3)
    history = model.fit(x, y, epochs=11, val_data=(x, y) if validated else None, **options)
    assert history["val_acc" if validated else "acc"] == [1.0] * 11
    assert history["lr"] == [0.8, 0.8, 0.8, 0.4, 0.4, 0.2, 0.2, 0.1, 0.1, 0.1, 0.1]
