"""Every scheduler against PyTorch's, live: the learning rate and the momentum of each of 200 steps."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import nn_optim
from nn_core import Parameter, components

torch = pytest.importorskip("torch", reason="parity is measured against PyTorch")

STEPS = 200
LINEAR = ("LinearLR", {"start_factor": 0.1, "total_iters": 20})
COSINE = ("CosineAnnealingLR", {"T_max": 150, "eta_min": 0.001})

CASES = [
    ("ConstantLR", {}),
    ("ConstantLR", {"factor": 0.5, "total_iters": 17}),
    ("LinearLR", {}),
    ("LinearLR", {"start_factor": 0.01, "end_factor": 0.7, "total_iters": 33}),
    ("StepLR", {"step_size": 30}),
    ("StepLR", {"step_size": 7, "gamma": 0.9}),
    ("MultiStepLR", {"milestones": [10, 50, 50, 120], "gamma": 0.5}),
    ("ExponentialLR", {"gamma": 0.97}),
    ("PolynomialLR", {}),
    ("PolynomialLR", {"total_iters": 150, "power": 2.5}),
    ("LambdaLR", {"lr_lambda": lambda t: 1 / (1 + 0.1 * t)}),
    ("CosineAnnealingLR", {"T_max": 60}),
    ("CosineAnnealingLR", {"T_max": 200, "eta_min": 0.01}),
    ("CosineAnnealingWarmRestarts", {"T_0": 13}),
    ("CosineAnnealingWarmRestarts", {"T_0": 10, "T_mult": 2, "eta_min": 0.01}),
    ("OneCycleLR", {"max_lr": 0.5, "total_steps": STEPS + 1}),
    ("OneCycleLR", {"max_lr": [0.5, 0.1], "total_steps": STEPS + 1, "pct_start": 0.1, "anneal_strategy": "linear"}),
    ("OneCycleLR", {"max_lr": 0.5, "total_steps": STEPS + 1, "three_phase": True, "div_factor": 10.0}),
    ("OneCycleLR", {"max_lr": 0.5, "total_steps": STEPS + 1, "base_momentum": 0.5, "final_div_factor": 100.0}),
    ("CyclicLR", {"base_lr": 0.01, "max_lr": 0.1, "step_size_up": 20}),
    ("CyclicLR", {"base_lr": 0.01, "max_lr": 0.1, "step_size_up": 5, "step_size_down": 12, "mode": "triangular2"}),
    ("CyclicLR", {"base_lr": [0.01, 0.02], "max_lr": 0.1, "step_size_up": 8, "mode": "exp_range", "gamma": 0.99}),
    ("ReduceLROnPlateau", {"patience": 3}),
    ("ReduceLROnPlateau", {"mode": "max", "factor": 0.5, "patience": 2, "cooldown": 4, "threshold": 0.01}),
    ("ReduceLROnPlateau", {"factor": 0.7, "patience": 1, "threshold_mode": "abs", "min_lr": 0.01}),
    ("ChainedScheduler", {"schedulers": [LINEAR, ("ExponentialLR", {"gamma": 0.98})]}),
    ("SequentialLR", {"schedulers": [LINEAR, COSINE], "milestones": [20]}),
    ("SequentialLR", {"schedulers": [LINEAR, ("StepLR", {"step_size": 9}), COSINE], "milestones": [5, 60]}),
]


def figures():
    """Return what a scheduler watches: noise around a figure that falls more and more slowly."""
    random = np.random.default_rng(0)
    return 1 / np.sqrt(1 + np.arange(STEPS)) + 0.05 * random.normal(size=STEPS)


def course(schedulers, name, options, optimizer):
    """Return (learning rate, momentum) of each group before the first step and after each."""

    def made(spec):
        kind, given = spec
        parts = {"schedulers": [made(part) for part in given["schedulers"]]} if "schedulers" in given else {}
        if kind == "ChainedScheduler" and schedulers is torch.optim.lr_scheduler:
            return schedulers.ChainedScheduler(parts["schedulers"])
        return getattr(schedulers, kind)(optimizer, **given | parts)

    def now():
        groups = optimizer.param_groups
        return [(group["lr"], group["betas"][0] if "betas" in group else group["momentum"]) for group in groups]

    scheduler = made((name, options))
    rows = [now()]
    for figure in figures():
        with warnings.catch_warnings():  # PyTorch wants the optimizer to step first, which changes nothing here
            warnings.simplefilter("ignore")
            scheduler.step(float(figure)) if name == "ReduceLROnPlateau" else scheduler.step()
        rows.append(now())
    return np.array(rows, dtype=float)


@pytest.mark.parametrize("optimizer", ["SGD", "Adam"])
@pytest.mark.parametrize(("name", "options"), CASES, ids=lambda value: value if isinstance(value, str) else "")
def test_the_rates_of_200_steps_are_pytorchs(name, options, optimizer):
    given = {"momentum": 0.9} if optimizer == "SGD" else {}
    rates = [0.1, 0.03]
    ours = getattr(nn_optim, optimizer)([{"params": Parameter(np.zeros(1)), "lr": lr} for lr in rates], **given)
    theirs = getattr(torch.optim, optimizer)(
        [{"params": [torch.nn.Parameter(torch.zeros(1))], "lr": lr} for lr in rates], **given
    )
    np.testing.assert_allclose(
        course(nn_optim, name, options, ours),
        course(torch.optim.lr_scheduler, name, options, theirs),
        rtol=1e-9,
        atol=1e-12,
    )


def test_no_scheduler_is_left_out():
    names = {component.target.partition(":")[2] for component in components("scheduler")}
    assert names == {name for name, _ in CASES}
