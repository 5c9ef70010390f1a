"""The training engine against a loop written by hand, and what callbacks see of it."""

from __future__ import annotations

import inspect
import re

import numpy as np
import pytest

from nn_core import (
    Accuracy,
    ArrayDataset,
    BatchNorm1d,
    ConfigError,
    CrossEntropyLoss,
    DataError,
    Dropout,
    DTypeError,
    Layer,
    Linear,
    Loss,
    Parameter,
    ReLU,
    Sequential,
    Tensor,
    accuracy,
    default_rng,
    evaluate,
    fit,
    seed,
    training_steps,
)
from nn_core.protocols import EVENTS
from nn_core.random import epoch_order, keyed


class Descent:
    """Gradient descent, the least that `fit` asks of an optimizer."""

    def __init__(self, parameters, lr=0.1):
        self.parameters, self.lr = parameters, lr

    def step(self):
        for parameter in self.parameters:
            parameter.data -= self.lr * parameter.grad

    def zero_grad(self):
        for parameter in self.parameters:
            parameter.zero_grad()


class Recorder:
    """Notes every event and where the run stands."""

    def __init__(self):
        self.events = []

    def __getattr__(self, name):
        if name not in EVENTS:
            raise AttributeError(name)

        def note(state, *details):
            self.events.append((name.removeprefix("on_"), state.epoch, state.batch, state.step, *details))

        return note


class Hook:
    """A callback with one method."""

    def __init__(self, event, action):
        setattr(self, event, action)


@pytest.fixture(autouse=True)
def seeded():
    seed(0)


def data(n=10):
    rng = np.random.default_rng(1)
    return rng.normal(size=(n, 4)).astype("float32"), rng.integers(0, 3, n)


def network(n=0):
    seed(n)
    return Sequential(Linear(4, 6), BatchNorm1d(6), ReLU(), Dropout(0.3), Linear(6, 3))


def run(model, train, **options):
    """Fit with the options that most tests share."""
    lr = options.pop("lr", 0.1)
    arguments = {"loss": "cross_entropy", "epochs": 2, "batch_size": 4, "optimizer": None} | options
    if arguments["optimizer"] is None:
        arguments["optimizer"] = Descent(model.parameters(), lr)
    return fit(model, train, **arguments)


def same(one, two):
    """Say whether two models have the same state to the bit."""
    state = two.state_dict()
    return all((array == state[name]).all() for name, array in one.state_dict().items())


# The loop


@pytest.mark.parametrize("weighted", [False, True])
def test_fit_is_the_loop_one_would_write(weighted):
    x, y = data()
    weight = np.random.default_rng(2).uniform(0.5, 2, len(x)) if weighted else None
    train = (x, y, weight) if weighted else (x, y)
    model, twin, loss_fn, rows, step = network(), network(), CrossEntropyLoss(), [], 0
    for epoch in range(3):
        order = epoch_order(len(x), 7, epoch)
        total = hits = count = 0.0
        twin.train()
        for batch in (order[:4], order[4:8], order[8:]):
            w = weight[batch] if weighted else None
            twin.zero_grad()
            with keyed(7, step):
                pred = twin(x[batch])
            loss, gradient = loss_fn(pred, y[batch], w)
            twin.backward(gradient)
            for parameter in twin.parameters():
                parameter.data -= 0.1 * parameter.grad
            size = w.sum() if weighted else len(batch)
            total, hits, count = total + loss * size, hits + accuracy(pred, y[batch], w) * size, count + size
            step += 1
        scores = evaluate(twin.eval(), train, loss=loss_fn, metrics=["accuracy"])
        rows.append([epoch + 1, total / count, hits / count, scores["loss"], scores["accuracy"]])

    history = run(model, train, epochs=3, seed=7, metrics=["accuracy"], validation=train)
    assert same(model, twin)
    columns = ["epoch", "loss", "accuracy", "val_loss", "val_accuracy"]
    assert history.columns == [*columns, "seconds"]
    np.testing.assert_allclose([[row[name] for name in columns] for row in history], rows, rtol=1e-6)
    assert all(seconds >= 0 for seconds in history["seconds"])


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_epoch_averages_count_every_sample_alike(weighted, reduction):
    # The learning rate is 0 and the last batch has 2 of 10 samples: what comes out is the loss over all of them.
    x, y = data()
    train = (x, y, np.random.default_rng(2).uniform(0.1, 2, len(x))) if weighted else (x, y)
    model, loss = Linear(4, 3), {"type": "cross_entropy", "reduction": reduction}
    history = run(model, train, loss=loss, metrics=["accuracy"], validation=train, lr=0.0)
    expected = evaluate(model, train, loss="cross_entropy", metrics=["accuracy"])
    for name in ("loss", "accuracy"):
        assert history[name] == pytest.approx([expected[name]] * 2, rel=1e-5)
        assert history[f"val_{name}"] == pytest.approx([expected[name]] * 2, rel=1e-5)


def test_a_sample_of_weight_zero_has_no_influence():
    x, y = data()
    y[8:] = (y[8:] + 1) % 3
    model, twin = Linear(4, 3), Linear(4, 3)
    twin.load_state_dict(model.state_dict())
    run(model, (x, y, np.array([1.0] * 8 + [0.0] * 2)), batch_size=10, epochs=5)
    run(twin, (x[:8], y[:8]), batch_size=10, epochs=5)
    for name, array in model.state_dict().items():
        np.testing.assert_allclose(array, twin.state_dict()[name], rtol=1e-5)


def test_training_lowers_the_loss():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 4)).astype("float32")
    y = (x[:, 0] + x[:, 1] > 0).astype(int)
    history = run(Sequential(Linear(4, 8), ReLU(), Linear(8, 2)), (x, y), epochs=15, batch_size=20, lr=0.5)
    assert history["loss"][-1] < 0.2
    assert history["loss"][-1] < history["loss"][0] / 2


def test_validation_runs_in_evaluation_mode_and_leaves_no_trace():
    x, y = data()
    modes, model, twin = [], network(), network()

    class Spy(Layer):
        def forward(self, x):
            modes.append(self.training)
            return x, lambda dy: dy

    history = run(model.append(Spy()), (x, y), validation=(x + 1, y))
    assert modes == [True, True, True, False, False, False] * 2
    assert history["val_loss"][-1] == evaluate(model, (x + 1, y), loss="cross_entropy", batch_size=4)["loss"]
    run(twin, (x, y))
    assert same(twin, model)


def test_gradients_start_at_zero_in_every_step():
    x, y = data()
    model = Linear(4, 3)
    model.weight.accumulate(np.full((3, 4), 1e6, np.float32))
    run(model, (x, y))
    assert np.abs(model.weight.data).max() < 10


# Where the data come from


def test_arrays_datasets_and_lists_of_batches_train_alike():
    x, y = data()
    models = []
    for train in ((x, y), ArrayDataset(x, y), [(x[:4], y[:4]), (x[4:8], y[4:8]), (x[8:], y[8:])]):
        models.append(network())
        run(models[-1], train, shuffle=False)
    assert same(models[0], models[1])
    assert same(models[0], models[2])


def test_a_generator_that_can_be_read_only_once_is_an_error_in_the_second_epoch():
    x, y = data()
    model = Sequential(Linear(out_features=3))
    model.build(x.shape)
    with pytest.raises(DataError, match=r"no batches in epoch 2\. A generator can be read only once"):
        run(model, ((x[i : i + 4], y[i : i + 4]) for i in (0, 4, 8)))


@pytest.mark.parametrize("once", [lambda batches: (batch for batch in batches), iter])
def test_one_epoch_over_an_iterator_misses_no_batch_even_if_the_model_has_to_be_built(once, fake_plugins):
    install_descent(fake_plugins)
    x, y = data()
    batches = [(x[i : i + 4], y[i : i + 4]) for i in (0, 4, 8)]
    states, models = [], []
    for train in (batches, once(batches)):
        models.append(Sequential(Linear(out_features=3)))
        run(models[-1], train, epochs=1, optimizer="descent", callbacks=[Hook("on_fit_end", states.append)])
    assert [state.step for state in states] == [3, 3]
    assert [state.batches for state in states] == [3, None]
    assert same(*models)


@pytest.mark.parametrize("train", [[], (np.zeros((0, 4), np.float32), np.zeros(0, int))])
def test_no_data_is_an_error(train):
    with pytest.raises(DataError, match=r"There are no samples in the data\."):
        run(Linear(4, 3), train)


def test_validation_data_that_are_none_are_refused_before_training():
    model = Linear(4, 3)
    before = model.state_dict()
    with pytest.raises(DataError, match=r"Expected arrays \(x, y\), .* got 0\.2\."):
        run(model, (np.ones((2, 4), np.float32), np.zeros(2, int)), validation=0.2)
    assert all((array == before[name]).all() for name, array in model.state_dict().items())


def test_a_single_name_for_several_callbacks_is_refused():
    with pytest.raises(ConfigError, match=re.escape("write callbacks=['progress_bar']")):
        run(Linear(4, 3), (np.ones((2, 4), np.float32), np.zeros(2, int)), callbacks="progress_bar")


def test_several_inputs_and_outputs_are_tuples():
    class Towers(Layer):
        def __init__(self):
            self.left, self.right = Linear(4, 3), Linear(2, 3)

        def forward(self, a, b):
            (y, back_a), (z, back_b) = self.left.forward(a), self.right.forward(b)
            return (y, z), lambda dy: (back_a(dy[0]), back_b(dy[1]))

    class Both(Loss):
        def forward(self, pred, target):
            (one, back_one), (two, back_two) = (CrossEntropyLoss().forward(part, target) for part in pred)
            return one + two, lambda scale: (back_one(scale), back_two(scale))

    x, y = data()
    model, inputs = Towers(), (x, x[:, :2])
    history = run(model, (inputs, y), loss=Both(), validation=(inputs, y), lr=0.0)
    expected = Both()(model.infer(*inputs), y)[0]
    assert history["loss"] == pytest.approx([expected] * 2, rel=1e-5)
    assert history["val_loss"] == pytest.approx([expected] * 2, rel=1e-5)
    run(model, (inputs, y), loss=Both(), epochs=20, lr=0.5)
    assert Both()(model.infer(*inputs), y)[0] < 0.8 * expected


# What is built on the way


def install_descent(plugins):
    plugins.install(
        "nn-acme",
        {
            "nn_acme/nn_plugin.py": """
                from nn_core.plugins import OptimizerSpec, hookimpl

                NN_API = 1

                @hookimpl
                def nn_optimizers():
                    yield OptimizerSpec(name="descent", target="nn_acme.descent:Descent")
            """,
            "nn_acme/descent.py": inspect.getsource(Descent),
        },
    )


def test_parts_may_be_names_configurations_or_objects(fake_plugins):
    install_descent(fake_plugins)
    x, y = data()
    models, rows = [], []
    for loss, lr, metric in (
        ("cross_entropy", 0.1, "accuracy"),
        ({"type": "cross_entropy"}, {"type": "descent", "lr": 0.1}, {"type": "accuracy"}),
        (CrossEntropyLoss(), None, Accuracy()),
    ):
        models.append(network())
        optimizer = "descent" if lr == 0.1 else lr
        history = run(models[-1], (x, y), loss=loss, optimizer=optimizer, metrics=[metric])
        rows.append([history["loss"], history["accuracy"]])
    assert rows[0] == rows[1] == rows[2]
    assert same(models[0], models[1])
    assert same(models[0], models[2])


def test_sizes_left_out_follow_from_the_first_batch_and_weights_from_the_seed(fake_plugins):
    install_descent(fake_plugins)
    x, y = data()
    models = []
    for n, default_seed in ((5, 0), (5, 1), (6, 0)):
        seed(default_seed)
        models.append(Sequential(Linear(out_features=6), BatchNorm1d(), ReLU(), Linear(out_features=3)))
        run(models[-1], (x, y), optimizer="descent", seed=n)
    assert models[0][3].in_features == 6
    assert same(models[0], models[1])
    assert not same(models[0], models[2])


def test_layers_made_of_parts_are_built_too(fake_plugins):
    install_descent(fake_plugins)

    class Block(Layer):
        def __init__(self):
            self.first, self.last = Linear(out_features=6), Linear(out_features=3)

        def forward(self, x):
            y, back_first = self.first.forward(x)
            z, back_last = self.last.forward(y)
            return z, lambda dy: back_first(back_last(dy))

    block = Block()
    run(block, data(), optimizer="descent")
    assert (block.first.weight.shape, block.last.weight.shape) == ((6, 4), (3, 6))


class Slope:
    """``y = x · w`` that follows the protocol without the base class, as far as `fit` needs it."""

    training = True

    def __init__(self):
        self.w, self.latest = Parameter(np.ones((4, 3), np.float32)), None

    def __call__(self, x):
        self.latest = x
        return x @ self.w.data

    def backward(self, dy):
        self.w.accumulate(self.latest.T @ dy)

    def infer(self, x):
        return x @ self.w.data

    def build(self, input_shape, rng=None):
        assert input_shape[1:] == (4,)

    def train(self):
        return self

    def eval(self):
        return self

    def parameters(self):
        return [self.w]


def test_a_model_that_only_follows_the_protocol_can_be_trained():
    model, twin = Slope(), Linear(4, 3, bias=False)
    twin.load_state_dict({"weight": model.w.data.T})
    history, expected = (run(one, data(), validation=data()) for one in (model, twin))
    np.testing.assert_allclose(model.w.data, twin.weight.data.T, rtol=1e-5)
    assert history["val_loss"] == pytest.approx(expected["val_loss"], rel=1e-5)


# Seeds


def test_the_same_seed_gives_the_same_result_to_the_bit_and_another_seed_another():
    x, y = data()
    models = [network() for _ in range(3)]
    histories = [run(model, (x, y), seed=n) for model, n in zip(models, (3, 3, 4), strict=True)]
    assert same(models[0], models[1])
    assert histories[0]["loss"] == histories[1]["loss"]
    assert not same(models[0], models[2])


def test_without_shuffling_the_seed_still_keys_the_masks():
    x, y = data()
    dropping, plain = [network() for _ in range(2)], [Linear(4, 3) for _ in range(2)]
    plain[1].load_state_dict(plain[0].state_dict())
    for models in (dropping, plain):
        for model, n in zip(models, (3, 4), strict=True):
            run(model, (x, y), seed=n, shuffle=False)
    assert not same(*dropping)
    assert same(*plain)


def test_dropout_masks_do_not_depend_on_what_else_is_drawn():
    x, y = data()
    model, twin = network(), network()
    draw = Hook("on_batch_start", lambda state: default_rng().random(state.step + 1))
    run(model, (x, y), callbacks=[draw], validation=(x, y), metrics=["accuracy"])
    seed(99)
    run(twin, (x, y))
    assert same(model, twin)


def test_every_step_drops_something_else():
    masks = []

    class Spy(Layer):
        def forward(self, x):
            masks.append((x != 0).tobytes())
            return x, lambda dy: dy

    x = np.ones((8, 50), np.float32)
    run(Sequential(Dropout(0.5), Spy(), Linear(50, 3)), (x, np.zeros(8, int)), epochs=3)
    assert len(set(masks)) == len(masks) == 6


# Callbacks


def test_events_come_in_order_and_know_where_the_run_stands():
    x, y = data()
    recorder = Recorder()
    run(Linear(4, 3), (x, y), batch_size=5, validation=(x, y), callbacks=[recorder])
    assert recorder.events == [
        ("fit_start", 0, 0, 0),
        ("epoch_start", 1, 0, 0),
        ("batch_start", 1, 1, 0),
        ("update_start", 1, 1, 0),
        ("batch_end", 1, 1, 1),
        ("batch_start", 1, 2, 1),
        ("update_start", 1, 2, 1),
        ("batch_end", 1, 2, 2),
        ("validation_start", 1, 2, 2),
        ("validation_end", 1, 2, 2),
        ("epoch_end", 1, 2, 2),
        ("epoch_start", 2, 0, 2),
        ("batch_start", 2, 1, 2),
        ("update_start", 2, 1, 2),
        ("batch_end", 2, 1, 3),
        ("batch_start", 2, 2, 3),
        ("update_start", 2, 2, 3),
        ("batch_end", 2, 2, 4),
        ("validation_start", 2, 2, 4),
        ("validation_end", 2, 2, 4),
        ("epoch_end", 2, 2, 4),
        ("fit_end", 2, 2, 4),
    ]


def test_callbacks_are_told_in_the_order_given():
    told = []
    callbacks = [Hook("on_epoch_end", lambda state, i=i: told.append(i)) for i in range(3)]
    run(Linear(4, 3), data(), callbacks=callbacks, epochs=1)
    assert told == [0, 1, 2]


def test_the_state_tells_what_was_measured_so_far():
    x, y = data()
    seen = {}
    model = Linear(4, 3)

    def at(event):
        return Hook(event, lambda state: seen.setdefault(event, []).append((dict(state.logs), len(state.history))))

    events = ("on_epoch_start", "on_batch_end", "on_validation_end", "on_epoch_end")
    history = run(model, (x, y), metrics=["accuracy"], validation=(x, y), lr=0.0, callbacks=[*map(at, events)])
    assert seen["on_epoch_start"] == [({}, 0), ({}, 1)]
    averages = [logs["loss"] for logs, _ in seen["on_batch_end"][:3]]
    order = epoch_order(10, 0, 0)
    for average, n in zip(averages, (4, 8, 10), strict=True):
        assert average == pytest.approx(CrossEntropyLoss()(model(x[order[:n]]), y[order[:n]])[0], rel=1e-5)
    assert list(seen["on_validation_end"][0][0]) == ["loss", "accuracy", "val_loss", "val_accuracy"]
    logs, rows = seen["on_epoch_end"][1]
    assert rows == 2
    assert {name: value for name, value in list(history)[1].items() if name not in ("epoch", "seconds")} == logs


def test_stopping_ends_the_run_after_the_batch():
    recorder = Recorder()

    def stop_at_4(state):
        state.stop = state.step == 4

    history = run(
        Linear(4, 3), data(), epochs=5, validation=data(), callbacks=[recorder, Hook("on_batch_end", stop_at_4)]
    )
    assert recorder.events[-5:] == [
        ("batch_end", 2, 1, 4),
        ("validation_start", 2, 1, 4),
        ("validation_end", 2, 1, 4),
        ("epoch_end", 2, 1, 4),
        ("fit_end", 2, 1, 4),
    ]
    assert history["epoch"] == [1, 2]


@pytest.mark.parametrize("event", ["on_epoch_end", "on_validation_end"])
def test_stopping_at_the_end_of_an_epoch_starts_no_other(event):
    history = run(
        Linear(4, 3), data(), validation=data(), callbacks=[Hook(event, lambda state: setattr(state, "stop", True))]
    )
    assert history["epoch"] == [1]


@pytest.mark.parametrize("kind", [ZeroDivisionError, KeyboardInterrupt])
def test_callbacks_are_told_of_an_exception_which_goes_on(kind):
    recorder, error, model = Recorder(), kind("stop"), network()

    def fail(state):
        if state.step == 2:
            raise error

    with pytest.raises(kind) as caught:
        run(model, data(), callbacks=[recorder, Hook("on_batch_end", fail)])
    assert caught.value is error
    assert recorder.events[-2:] == [("batch_end", 1, 2, 2), ("exception", 1, 2, 2, error)]
    assert not model.training


def test_an_error_in_the_model_is_an_exception_of_the_run():
    recorder = Recorder()
    x, y = data()
    with pytest.raises(DTypeError, match="computes in float32 and got int64"):
        run(Linear(4, 3), (x.astype("int64"), y), callbacks=[recorder])
    assert [event[0] for event in recorder.events] == ["fit_start", "epoch_start", "batch_start", "exception"]


def test_fit_leaves_the_model_in_evaluation_mode():
    model = network().train()
    run(model, data())
    assert not any(layer.training for layer in model)
    run(model.train(), data(), epochs=0)
    assert not model.training


def test_a_run_can_be_driven_batch_by_batch_and_left():
    recorder, model = Recorder(), network()
    steps = training_steps(
        model, data(), loss="cross_entropy", optimizer=Descent(model.parameters()), epochs=2, callbacks=[recorder]
    )
    assert inspect.isgenerator(steps)
    assert recorder.events == [], "nothing happens before the first step is asked for"
    state = next(steps)
    assert (state.step, state.model, state.epochs, state.batches) == (1, model, 2, 1)
    assert model.training
    steps.close()
    assert not model.training
    assert [event[0] for event in recorder.events] == [
        "fit_start",
        "epoch_start",
        "batch_start",
        "update_start",
        "batch_end",
    ]


def test_fit_shows_the_arguments_of_training_steps():
    signature = inspect.signature(fit)
    assert signature.parameters == inspect.signature(training_steps).parameters
    assert signature.return_annotation == "History"


def test_no_epochs_are_an_empty_history():
    model, twin = network(), network()
    assert len(run(model, data(), epochs=0)) == 0
    assert same(model, twin)


# Wrong arguments


class Misspelled:
    def on_epoch_finish(self, state):
        pass


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"epochs": -1}, ConfigError, "epochs must be an integer of at least 0, got -1."),
        ({"epochs": 2.0}, ConfigError, "epochs must be an integer of at least 0, got 2.0."),
        ({"epochs": True}, ConfigError, "epochs must be an integer of at least 0, got True."),
        ({"batch_size": 0}, DataError, "batch_size must be an integer of at least 1, got 0."),
        ({"loss": None}, ConfigError, "The loss must be an object with the method value_and_grad, or a name; got None"),
        ({"loss": CrossEntropyLoss}, ConfigError, "The loss is given as the class CrossEntropyLoss: write Cross"),
        ({"optimizer": Descent}, ConfigError, "The optimizer is given as the class Descent: write Descent(…)."),
        ({"optimizer": 0.1}, ConfigError, "The optimizer must be an object with the method step, or a name; got 0.1."),
        ({"metrics": "accuracy"}, ConfigError, "metrics is a list of metrics: write metrics=['accuracy']."),
        ({"callbacks": [Misspelled()]}, ConfigError, "Misspelled.on_epoch_finish is not an event. Did you mean "),
        ({"callbacks": [print]}, ConfigError, "is no callback: it has none of the methods on_fit_start,"),
        ({"callbacks": [Recorder]}, ConfigError, "The callback is given as the class Recorder: write Recorder(…)."),
    ],
)
def test_wrong_arguments_are_named_before_anything_is_trained(options, error, message):
    model, twin = network(), network()
    with pytest.raises(error, match=re.escape(message)):
        run(model, data(), **options)
    assert same(model, twin)
    assert model.training


@pytest.mark.parametrize("train", [None, 3, "data"])
def test_what_is_no_data_is_refused(train):
    with pytest.raises(DataError):
        run(Linear(4, 3), train)


def test_what_is_no_layer_is_refused():
    with pytest.raises(ConfigError, match=r"fit trains a layer, .* got list\."):
        fit([Linear(4, 3)], (np.ones((2, 4)), np.zeros(2, int)), loss="cross_entropy", optimizer="descent", epochs=1)


def test_a_metric_that_is_slow_to_compute_is_computed_once_an_epoch():
    computed = []

    class Slow(Accuracy):
        running = False

        def compute(self):
            computed.append(super().compute())
            return computed[-1]

    seen = []

    class Listener:
        def on_batch_end(self, state):
            seen.append(sorted(state.logs))

    x, y = np.eye(4, dtype=np.float32), np.arange(4)
    model = Linear(4, 4)
    fit(
        model,
        (x, y),
        loss="cross_entropy",
        optimizer=Descent(model.parameters()),
        epochs=2,
        batch_size=2,
        metrics=[Slow()],
        callbacks=[Listener()],
    )
    assert seen == [["loss"]] * 4
    assert len(computed) == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seed": None}, "seed must be an integer, got None"),
        ({"seed": 1.5}, "seed must be an integer, got 1.5"),
        ({"shuffle": "no"}, "shuffle must be true or false, got 'no'"),
        ({"callbacks": None}, "callbacks is a list of callbacks: leave callbacks out for none"),
        ({"metrics": None}, "metrics is a list of metrics: leave metrics out for none"),
        ({"metrics": {"type": "accuracy"}}, r"write metrics=\[{'type': 'accuracy'}\]"),
        ({"metrics": Accuracy()}, r"write metrics=\[Accuracy"),
        ({"learning_rate": 0.1}, "fit has no option 'learning_rate': it is the optimizer's"),
        ({"validation_data": data()}, r"fit has no option 'validation_data': write validation=\(x, y\)"),
        ({"verbose": 0}, r"fit has no option 'verbose': write callbacks=\['progress_bar'\]"),
    ],
)
def test_an_option_that_is_wrong_is_named_with_its_remedy(options, message):
    with pytest.raises(ConfigError, match=message):
        run(network(), data(), **options)


def test_inputs_and_targets_one_by_one_are_refused():
    x, y = data()
    with pytest.raises(ConfigError, match=r"fit takes inputs and targets as one pair, .* fit\(model, \(x, y\), …\)"):
        fit(network(), x, y, loss="cross_entropy", optimizer="adam", epochs=1)


def test_batches_of_tensors_train_like_batches_of_arrays():
    x, y = data()
    one, other = network(), network()
    run(one, [(x, y)])
    run(other, [(Tensor(x, requires_grad=True), y)])
    run(one, (x, y))
    run(other, (Tensor(x), Tensor(y)))
    assert same(one, other)


def test_an_optimizer_over_another_model_is_refused_and_one_over_some_parameters_is_not():
    model, other = network(), network()
    with pytest.raises(ConfigError, match="Descent has none of the model's parameters, so nothing would be trained"):
        run(model, data(), optimizer=Descent(other.parameters()))
    before = [layer.weight.data.copy() for layer in (model[0], model[-1])]
    run(model, data(), optimizer=Descent(model[-1].parameters()))
    assert (model[0].weight.data == before[0]).all()
    assert (model[-1].weight.data != before[1]).any()
