"""The conformance kit catches mistakes: each faulty component fails the check that is meant for it, and that one first.

Every check has a component here that is faulty in one thing; what is right of it is the same for all of a kind.
"""

from __future__ import annotations

import re
import time

import numpy as np
import pytest

from nn_core import ArrayDataset, Optimizer, Scheduler, default_dtype
from nn_core.random import chosen_rng
from nn_core.testing import (
    CALLBACK_CHECKS,
    DATASET_CHECKS,
    INITIALIZER_CHECKS,
    METRIC_CHECKS,
    OPTIMIZER_CHECKS,
    SCHEDULER_CHECKS,
    CallbackCase,
    DatasetCase,
    InitializerCase,
    MetricCase,
    OptimizerCase,
    SchedulerCase,
    check_callback,
    check_dataset,
    check_initializer,
    check_metric,
    check_optimizer,
    check_scheduler,
)


def fails(check_all, case, name, said):
    """See that of all checks the one of this name is the first to fail, with words that tell why."""
    with pytest.raises(AssertionError) as caught:
        check_all(case)
    assert re.match(rf"{re.escape(case.name)}, {name}: ", str(caught.value)), str(caught.value)
    assert re.search(said, str(caught.value)), str(caught.value)


# Optimizers


class Momentum(Optimizer):
    """The right one; the faulty ones below each change one thing."""

    elementwise = True

    def __init__(self, parameters, lr=0.05, weight_decay=0.0):
        super().__init__(parameters, lr=lr, weight_decay=weight_decay)

    def update(self, part, state, **options):
        if not state:
            state["velocity"] = np.zeros_like(part.data)
        gradient = part.grad + options["weight_decay"] * self.decaying(part)
        state["velocity"] *= 0.5
        state["velocity"] += gradient
        part.data -= options["lr"] * state["velocity"]

    def decaying(self, part):
        return part.data if np.all(part.decay) and np.ndim(part.decay) == 0 else part.data * part.decay


class Plain(Momentum):
    """Gets one parameter after the other."""

    elementwise = False

    def decaying(self, part):
        return part.data if part.decay else 0


class Ascending(Plain):
    def update(self, part, state, **options):
        part.data += options["lr"] * part.grad


class Unseeded(Plain):
    def update(self, part, state, **options):
        super().update(part, state, **options)
        part.data -= 1e-6 * np.random.default_rng().random(part.data.shape)


class Promoting(Plain):
    def update(self, part, state, **options):
        super().update(part, state, **options)
        state["average"] = np.asarray(part.data, np.float64)


class Scribbling(Plain):
    def update(self, part, state, **options):
        part.grad *= 0.9
        super().update(part, state, **options)


class Thawing(Plain):
    def step(self, closure=None):
        loss = super().step(closure)
        for parameter in self.parameters:
            if not parameter.requires_grad:
                parameter.data = parameter.data - 0.01
        return loss


class Remembering(Plain):
    def zero_grad(self, set_to_none=True):
        self.parameters[0].grad = None


class Mute(Plain):
    def step(self, closure=None):
        super().step(closure)


class Forgetful(Plain):
    def state_dict(self):
        return super().state_dict() | {"state": {i: {} for i, _ in enumerate(self.parameters)}}


class Stubborn(Plain):
    def update(self, part, state, **options):
        super().update(part, state, **(options | {"lr": self.lr}))


class Blunt(Plain):
    def decaying(self, part):
        return part.data


class Clinging(Plain):
    def __init__(self, parameters, **options):
        super().__init__(parameters, **options)
        self.others = {id(parameter): 1.0 for parameter in self.parameters}

    def update(self, part, state, **options):
        super().update(part, state, **(options | {"lr": options["lr"] * self.others.get(id(part), 0.5)}))


class Normalizing(Momentum):
    """Says that it treats elements by themselves, and divides by the norm of all."""

    def update(self, part, state, **options):
        super().update(part, state, **(options | {"lr": options["lr"] / (1 + np.linalg.norm(part.grad))}))


OPTIMIZERS = {
    "descent": (Ascending, "which is not less"),
    "determinism": (Unseeded, "two runs from the same start differ"),
    "dtype": (Promoting, "expected average of parameter 0 in float32, got float64"),
    "leaves_gradients_alone": (Scribbling, "the gradient of parameter 0 was changed"),
    "skips": (Thawing, "a frozen parameter was changed"),
    "zero_grad": (Remembering, "parameter 1 still has its gradient"),
    "closure": (Mute, "returned None, and the closure gave"),
    "state": (Forgetful, "after load_state_dict the steps are others"),
    "rate": (Stubborn, "whose group has the learning rate 0"),
    "decay": (Blunt, "weight decay changed a parameter with decay=False"),
    "copies": (Clinging, "a deep copy goes on in another way"),
    "grouping": (Normalizing, "among others in one group"),
}


def test_a_right_optimizer_passes():
    for make in (Momentum, Plain):
        check_optimizer(OptimizerCase("mine", make))


@pytest.mark.parametrize("check", OPTIMIZER_CHECKS)
def test_a_faulty_optimizer_fails_the_check_meant_for_it(check):
    make, said = OPTIMIZERS[check]
    fails(check_optimizer, OptimizerCase("mine", make), check, said)


# Schedulers


class Halving(Scheduler):
    def rate(self, base, t):
        return base / 2 ** (t / 3)


class Negative(Halving):
    def rate(self, base, t):
        return super().rate(base, t) - 0.05


class Jittering(Halving):
    def rate(self, base, t):
        return base * float(np.random.default_rng().uniform(0.9, 1))


class Sharing(Halving):
    def apply(self):
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate(self.base[0], self.t)


class Meddling(Halving):
    def step(self, metric=None):
        super().step(metric)
        self.optimizer.param_groups[0]["weight_decay"] = 0.0


class Counting(Halving):
    """Keeps a number of its own, and says nothing of it."""

    def __init__(self, optimizer):
        self.calls = 0
        super().__init__(optimizer)

    def step(self, metric=None):
        self.calls += 1
        super().step(metric)

    def rate(self, base, t):
        return base / (1 + self.calls)


SCHEDULERS = {
    "rates": (Negative, "expected a finite rate of at least 0"),
    "determinism": (Jittering, "give other rates"),
    "groups": (Sharing, "among two groups"),
    "options": (Meddling, "expected the other options as they were"),
    "state": (Counting, "load_state_dict left the rate at"),
}


def test_a_right_scheduler_passes():
    check_scheduler(SchedulerCase("mine", Halving))


@pytest.mark.parametrize("check", SCHEDULER_CHECKS)
def test_a_faulty_scheduler_fails_the_check_meant_for_it(check):
    make, said = SCHEDULERS[check]
    fails(check_scheduler, SchedulerCase("mine", make), check, said)


# Initializers


def small(shape, rng=None):
    return (0.01 * chosen_rng(rng).normal(size=shape)).astype(default_dtype())


KEPT = {}


def kept(shape, rng=None):
    """The same array for the same shape, again and again."""
    drawn = small(shape, rng)
    return KEPT.setdefault((shape, drawn.dtype.name), drawn)


INITIALIZERS = {
    "shape": (lambda shape, rng=None: small(shape[::-1], rng), r"expected an array of shape \(4, 3\), got \(3, 4\)"),
    "dtype": (lambda shape, rng=None: small(shape, rng).astype("float64"), "default dtype float32, got float64"),
    "generator": (lambda shape, rng=None: small(shape, np.random.default_rng()), "is another one used"),
    "independence": (
        kept,
        "the same memory",
    ),
}


def test_a_right_initializer_passes():
    check_initializer(InitializerCase("mine", small))


@pytest.mark.parametrize("check", INITIALIZER_CHECKS)
def test_a_faulty_initializer_fails_the_check_meant_for_it(check):
    function, said = INITIALIZERS[check]
    KEPT.clear()
    fails(check_initializer, InitializerCase("mine", function), check, said)


# Metrics


class Largest:
    """The mean absolute difference, without a base class."""

    scalar = True

    def __init__(self):
        self.reset()

    def reset(self):
        self.total, self.count = 0.0, 0.0

    def update(self, pred, target, weight=None):
        weight = np.ones(len(pred)) if weight is None else weight
        self.total += float((np.abs(pred - target) * weight).sum())
        self.count += float(weight.sum())

    def compute(self):
        return self.total / self.count if self.count else float("nan")


class LastBatch(Largest):
    def update(self, pred, target, weight=None):
        if len(pred):
            self.reset()
        super().update(pred, target, weight)


class NeverReset(Largest):
    def __init__(self):
        self.total, self.count = 0.0, 0.0

    def reset(self):
        pass


class Zero(Largest):
    def compute(self):
        return self.total / self.count if self.count else 0.0


class Unweighted(Largest):
    def update(self, pred, target, weight=None):
        super().update(pred, target)


class Array(Largest):
    def compute(self):
        return np.float64(super().compute())


class Overwriting(Largest):
    def update(self, pred, target, weight=None):
        super().update(pred, target, weight)
        if pred.flags.writeable:
            pred -= target


TOTALS = [0.0, 0.0]


class Common(Largest):
    """Keeps its sums in one place for all."""

    def reset(self):
        TOTALS[:] = 0.0, 0.0

    def update(self, pred, target, weight=None):
        weight = np.ones(len(pred)) if weight is None else weight
        TOTALS[0] += float((np.abs(pred - target) * weight).sum())
        TOTALS[1] += float(weight.sum())

    def compute(self):
        return TOTALS[0] / TOTALS[1] if TOTALS[1] else float("nan")


METRICS = {
    "batches": (LastBatch, "the value of batches divided at"),
    "reset": (NeverReset, r"the value after reset\(\)"),
    "nothing": (Zero, "expected NaN, got 0.0"),
    "weights": (Unweighted, "the value with weights of 0, 1 and 2"),
    "number": (Array, "expected a Python float, got float64"),
    "leaves_inputs_alone": (Overwriting, "the outputs were changed"),
    "copies": (Common, "the value of a copy that goes on"),
}


def pairs(rng):
    return rng.normal(size=20), rng.normal(size=20)


def test_a_right_metric_passes():
    check_metric(MetricCase("mine", Largest, pairs))


@pytest.mark.parametrize("check", METRIC_CHECKS)
def test_a_faulty_metric_fails_the_check_meant_for_it(check):
    make, said = METRICS[check]
    fails(check_metric, MetricCase("mine", make, pairs), check, said)


# Callbacks


class Counter:
    """Counts batches in a column of the history."""

    kept = ("batches",)

    def __init__(self):
        self.batches = 0

    def on_fit_start(self, state):
        if not state.trained:
            self.batches = 0

    def on_batch_end(self, state):
        self.batches += 1

    def on_epoch_end(self, state):
        state.columns["batches"] = self.batches


class Misspelled(Counter):
    def on_epoch_ends(self, state):
        pass


class OnlyOnce(Counter):
    used = False

    def on_fit_start(self, state):
        super().on_fit_start(state)
        assert not self.used, "it was used already"
        self.used = True


class Nudging(Counter):
    def on_batch_end(self, state):
        super().on_batch_end(state)
        for parameter in state.model.parameters():
            parameter.data *= 1.001


class Lucky(Counter):
    def on_epoch_end(self, state):
        super().on_epoch_end(state)
        if np.random.default_rng().random() < 2:
            state.columns[f"luck {np.random.default_rng().integers(10**9)}"] = 1.0


class NotKept(Counter):
    kept = ()


CALLBACKS = {
    "events": (Misspelled, r"on_epoch_ends is no event.* Did you mean 'on_epoch_end'"),
    "run": (OnlyOnce, "it was used already"),
    "leaves_training_alone": (Nudging, "the case says changes_training=True"),
    "determinism": (Lucky, "other columns in their history"),
    "resume": (NotKept, "batches is .* in a resumed run"),
}


def test_a_right_callback_passes():
    check_callback(CallbackCase("mine", lambda folder: Counter()))


@pytest.mark.parametrize("check", CALLBACK_CHECKS)
def test_a_faulty_callback_fails_the_check_meant_for_it(check):
    make, said = CALLBACKS[check]
    fails(check_callback, CallbackCase("mine", lambda folder: make()), check, said)


# Datasets


class Numbers:
    """Samples by index, without a base class."""

    def __init__(self, n=40, seed=0):
        rng = np.random.default_rng(seed)
        self.x, self.y = rng.normal(size=(n, 3)), rng.integers(0, 2, n)

    def __len__(self):
        return len(self.x)

    def take(self, indices):
        return self.x[indices], self.y[indices]


class Listed(Numbers):
    def take(self, indices):
        return [*super().take(indices)]


class Sorted(Numbers):
    def take(self, indices):
        return super().take(np.sort(indices))


class Growing(Numbers):
    def take(self, indices):
        x, y = super().take(indices)
        return x[:, : 2 if len(indices) == 1 and indices[0] == len(self) - 1 else 3], y


class Windows(Numbers):
    def take(self, indices):
        x, y = super().take(indices)
        steps = np.diff(indices)
        return (self.x[indices[0] : indices[-1] + 1] if len(indices) and (steps == 1).all() else x), y


class Unguarded(Numbers):
    """Keeps the indices on itself while it waits."""

    def take(self, indices):
        self.now = indices
        time.sleep(0.001)
        return self.x[self.now], self.y[self.now]


def drawn():
    return (Numbers(seed=None),)


DATASETS = {
    "batch": (lambda: (Listed(),), r"expected \(x, y\) or \(x, y, weight\) from take, got list"),
    "order": (lambda: (Sorted(),), "is another one alone than among others"),
    "shape": (lambda: (Numbers(), Other()), "samples differ in shape or dtype"),
    "determinism": (drawn, "made again, the samples are others"),
    "independence": (lambda: (Windows(),), "writing to a batch changed the dataset"),
    "threads": (lambda: (Unguarded(),), "two threads that take samples at once get other ones"),
    "training": (lambda: (Lossy(),), "an epoch has .* samples"),
}


class Other(Numbers):
    def take(self, indices):
        x, y = super().take(indices)
        return x.astype(np.float32), y


class Lossy(Numbers):
    """Loses a row of large batches."""

    def take(self, indices):
        return super().take(indices[:-1] if len(indices) > 30 and len(indices) < 50 and len(self) < 50 else indices)


def test_a_right_dataset_passes():
    for part in (Numbers(), ArrayDataset(np.ones((30, 2)), np.zeros(30))):
        check_dataset(DatasetCase("mine", lambda part=part: (part,)))


@pytest.mark.parametrize("check", DATASET_CHECKS)
def test_a_faulty_dataset_fails_the_check_meant_for_it(check):
    make, said = DATASETS[check]
    fails(check_dataset, DatasetCase("mine", make), check, said)
