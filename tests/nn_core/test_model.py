"""The model that is compiled, fitted and asked: it adds nothing to `fit` and `evaluate` but the keeping of choices."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import nn_core
from nn_core import (
    Accuracy,
    BatchNorm1d,
    ConfigError,
    CrossEntropyLoss,
    DataError,
    Dropout,
    Linear,
    Model,
    ModelFileError,
    MSELoss,
    NotBuiltError,
    Optimizer,
    ReLU,
    Sequential,
    UnknownComponentError,
    accuracy,
    clip_grad_norm,
    evaluate,
    fit,
    predict,
    save,
)
from nn_core.random import epoch_order

RULES = """
from nn_core import Optimizer

class Momentum(Optimizer):
    def __init__(self, parameters, lr=0.1, momentum=0.5, betas=(0.9, 0.999), weight_decay=0.0):
        super().__init__(parameters, lr=lr, momentum=momentum, betas=betas, weight_decay=weight_decay)

    def update(self, parameter, state, *, lr, momentum, betas, weight_decay):
        state["velocity"] = momentum * state.get("velocity", 0.0) + parameter.grad + weight_decay * parameter.data
        parameter.data -= lr * state["velocity"]
"""
PLUGIN = """
from nn_core.plugins import OptimizerSpec, hookimpl

NN_API = 1

@hookimpl
def nn_optimizers():
    yield OptimizerSpec(name="momentum", target="nn_rules.rules:Momentum")
"""


@pytest.fixture
def named_optimizer(fake_plugins):
    """An optimizer that goes by the name ``momentum``."""
    fake_plugins.install("nn-rules", {"nn_rules/nn_plugin.py": PLUGIN, "nn_rules/rules.py": RULES})


class Descent(Optimizer):
    def __init__(self, parameters, lr=0.1):
        super().__init__(parameters, lr=lr)

    def update(self, parameter, state, *, lr):
        parameter.data -= lr * parameter.grad


def problem(n=24):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, 4)).astype(np.float32)
    return x, (x[:, 0] > 0).astype(np.int64)


def small() -> list:
    nn_core.seed(1)
    return [Linear(4, 8), ReLU(), Linear(8, 2)]


def same_state(one, other) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one.params.values(), other.params.values(), strict=True))


# Construction


def test_a_list_layers_one_by_one_and_add_make_the_same_model():
    layers = [Linear(4, 8), ReLU(), Linear(8, 2)]
    added = Model()
    for layer in layers:
        assert added.add(layer) is added
    for model in (Model(layers), Model(*layers), Model(tuple(layers)), added):
        assert model.layers == layers
        assert isinstance(model, Sequential)
    assert Model(layers[0]).layers == layers[:1]


def test_a_dictionary_gives_names():
    model = Model({"body": Linear(4, 8), "head": Linear(8, 2)})
    assert list(model.params) == ["body.weight", "body.bias", "head.weight", "head.bias"]


def test_weights_are_chosen_by_the_activations_where_init_says_so():
    nn_core.seed(0)
    model = Model([Linear(400, 300), ReLU(), Linear(300, 2)], init="auto")
    assert model.layers[0].weight.data.std() == pytest.approx((2 / 400) ** 0.5, rel=0.02)


def test_build_infers_all_sizes():
    model = Model([Linear(out_features=8), ReLU(), Linear(out_features=2)])
    model.build((1, 4))
    assert [array.shape for array in model.params.values()] == [(8, 4), (8,), (2, 8), (2,)]


def test_a_slice_is_a_plain_sequence_of_the_same_layers():
    model = Model(small())
    assert type(model[:2]) is Sequential
    assert model[:2].layers == model.layers[:2]


# Compiling


def test_compile_takes_names_and_options(named_optimizer):
    model = Model(small())
    chosen = model.compile("cross_entropy", "momentum", ["accuracy"], lr=0.3, weight_decay=0.1, beta1=0.8, clip_norm=2)
    assert chosen is model
    assert isinstance(model.loss, CrossEntropyLoss)
    assert isinstance(model.metrics[0], Accuracy)
    assert model.clip_norm == 2
    [group] = model.optimizer.param_groups
    assert (group["lr"], group["weight_decay"], group["betas"]) == (0.3, 0.1, (0.8, 0.999))
    assert group["params"] == model.parameters()


@pytest.mark.parametrize(
    ("options", "betas"),
    [({"beta2": 0.9}, (0.9, 0.9)), ({"beta1": 0.5, "beta2": 0.6}, (0.5, 0.6)), ({"betas": (0.1, 0.2)}, (0.1, 0.2))],
)
def test_coefficients_may_come_one_by_one(named_optimizer, options, betas):
    model = Model(small()).compile("mse", "momentum", **options)
    assert model.optimizer.param_groups[0]["betas"] == betas


def test_compile_takes_objects_and_configurations(named_optimizer):
    model = Model(small())
    optimizer, loss, metric = Descent(model.parameters()), CrossEntropyLoss(), Accuracy()
    model.compile(loss, optimizer, [metric])
    assert (model.optimizer, model.loss, model.metrics) == (optimizer, loss, (metric,))
    model.compile({"type": "cross_entropy", "label_smoothing": 0.1}, {"type": "momentum", "lr": 0.2}, momentum=0.1)
    assert model.loss.label_smoothing == 0.1
    assert (model.optimizer.lr, model.optimizer.param_groups[0]["momentum"]) == (0.2, 0.1)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (("cross_entropie", "momentum"), UnknownComponentError, r"cross_entropie.*cross_entropy"),
        (("mse", "momentun"), UnknownComponentError, r"momentun.*momentum"),
        (("mse", "momentum", ["acuracy"]), UnknownComponentError, r"acuracy.*accuracy"),
        (("mse", "momentum", "accuracy"), ConfigError, r"metrics is a list"),
        ((MSELoss, "momentum"), ConfigError, r"MSELoss\(…\)"),
        (("mse", Descent), ConfigError, r"Descent\(…\)"),
        ((42, "momentum"), ConfigError, "42"),
    ],
)
@pytest.mark.parametrize("built", [True, False])
def test_a_wrong_choice_is_refused_and_changes_nothing(named_optimizer, arguments, error, message, built):
    model = Model(small() if built else [Linear(out_features=2)])
    with pytest.raises(error, match=message):
        model.compile(*arguments)
    assert (model.loss, model.optimizer, model.metrics) == (None, None, ())


def test_options_beside_an_optimizer_object_are_refused():
    model = Model(small())
    with pytest.raises(ConfigError, match="lr, eps: give the options to the optimizer itself"):
        model.compile("mse", Descent(model.parameters()), lr=0.1, eps=1e-8)


def test_an_unknown_option_of_the_optimizer_is_refused(named_optimizer):
    with pytest.raises(ConfigError, match=r"momentun.*Did you mean 'momentum'"):
        Model(small()).compile("mse", "momentum", momentun=0.9)


@pytest.mark.parametrize("clip_norm", [-1.0, float("nan"), "1", True])
def test_a_limit_that_is_no_norm_is_refused(clip_norm):
    model = Model(small())
    with pytest.raises(ConfigError, match="clip_norm must be a number of at least 0"):
        model.compile("mse", Descent(model.parameters()), clip_norm=clip_norm)
    with pytest.raises(ConfigError, match="clip_norm must be a number of at least 0"):
        fit(model, problem(), loss="mse", optimizer=Descent(model.parameters()), epochs=1, clip_norm=clip_norm)


# Training


def test_fit_is_fit():
    x, y = problem()
    ours, theirs = Model(small()), Sequential(*small())
    history = ours.compile("cross_entropy", Descent(ours.parameters()), ["accuracy"]).fit(
        x, y, epochs=3, batch_size=5, validation=(x, y), seed=4
    )
    expected = fit(
        theirs,
        (x, y),
        loss="cross_entropy",
        optimizer=Descent(theirs.parameters()),
        metrics=["accuracy"],
        epochs=3,
        batch_size=5,
        validation=(x, y),
        seed=4,
    )
    assert same_state(ours, theirs)
    assert history.columns == ["epoch", "loss", "accuracy", "val_loss", "val_accuracy", "seconds"]
    assert all(history[name] == expected[name] for name in history.columns if name != "seconds")


def test_inputs_and_targets_come_together_or_one_by_one():
    x, y = problem()
    together, apart = Model(small()), Model(small())
    together.compile("cross_entropy", Descent(together.parameters())).fit((x, y), epochs=2)
    apart.compile("cross_entropy", Descent(apart.parameters())).fit(x, y, epochs=2)
    assert same_state(together, apart)


def test_a_second_fit_goes_on_with_the_optimizers_state(named_optimizer):
    x, y = problem()
    twice, by_hand = Model(small()), Model(small())
    twice.compile("cross_entropy", "momentum")
    optimizer = twice.optimizer
    twice.fit(x, y, shuffle=False, batch_size=24)
    twice.fit(x, y, shuffle=False, batch_size=24)
    assert twice.optimizer is optimizer

    velocity = {name: np.zeros_like(array) for name, array in by_hand.params.items()}
    for _ in range(2):
        by_hand.zero_grad()
        _, gradient = CrossEntropyLoss()(by_hand.train()(x), y)
        by_hand.backward(gradient)
        for name, parameter in by_hand.named_parameters():
            velocity[name] = 0.5 * velocity[name] + parameter.grad
            parameter.data -= 0.1 * velocity[name]
    assert same_state(twice, by_hand)


def test_a_model_without_sizes_keeps_the_optimizer_that_its_first_fit_made(named_optimizer):
    x, y = problem()
    model = Model([Linear(out_features=8), ReLU(), Linear(out_features=2)]).compile("cross_entropy", "momentum", lr=0.2)
    model.fit(x, y)
    optimizer = model.optimizer
    assert optimizer.lr == 0.2
    assert [id(p) for p in optimizer.parameters] == [id(p) for p in model.parameters()]
    seen = []
    model.fit(x, y, callbacks=[type("Seen", (), {"on_fit_start": lambda self, state: seen.append(state.optimizer)})()])
    assert seen == [optimizer]
    assert model.optimizer is optimizer


def test_callbacks_are_told_during_the_first_fit_too(named_optimizer):
    x, y = problem()
    seen = []
    model = Model([Linear(out_features=2)]).compile("cross_entropy", "momentum")
    model.fit(x, y, callbacks=[type("Seen", (), {"on_epoch_end": lambda self, state: seen.append(state.epoch)})()])
    assert seen == [1]
    with pytest.raises(ConfigError, match="callbacks is a list"):
        Model([Linear(out_features=2)]).compile("mse", "momentum").fit(x, y, callbacks="progress_bar")


@pytest.mark.parametrize("clip_norm", [0.3, 1e6])
def test_training_with_clip_norm_equals_a_loop_that_clips_by_hand(clip_norm):
    x, y = problem()
    model, by_hand = Model(small()), Sequential(*small())
    model.compile("cross_entropy", Descent(model.parameters(), lr=0.5), clip_norm=clip_norm)
    model.fit(x, y, epochs=2, batch_size=8, seed=3)

    norms = []
    for epoch in range(2):
        order = epoch_order(len(x), 3, epoch)
        for start in range(0, len(x), 8):
            rows = order[start : start + 8]
            by_hand.zero_grad()
            _, gradient = CrossEntropyLoss()(by_hand(x[rows]), y[rows])
            by_hand.backward(gradient)
            norm = sum(float((p.grad.astype(np.float64) ** 2).sum()) for p in by_hand.parameters()) ** 0.5
            norms.append(norm)
            for parameter in by_hand.parameters():
                parameter.data -= 0.5 * (parameter.grad * min(1.0, clip_norm / (norm + 1e-6)))
    assert max(norms) > 0.3  # so that the smaller limit does something
    for ours, expected in zip(model.params.values(), by_hand.params.values(), strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-7)


def test_fit_may_be_given_another_limit():
    x, y = problem()
    model = Model(small())
    before = model.state_dict()
    model.compile("cross_entropy", Descent(model.parameters()), clip_norm=1.0).fit(x, y, clip_norm=0.0)
    assert all(np.array_equal(before[name], array) for name, array in model.params.items())


def test_a_gradient_that_is_not_finite_ends_training_where_it_is_clipped():
    x, y = problem()
    model = Model(small())
    model.layers[2].bias.data[0] = np.nan
    model.compile("cross_entropy", Descent(model.parameters()), clip_norm=1.0)
    with pytest.raises(DataError, match="clip_grad_norm"):
        model.fit(x, y)
    assert clip_grad_norm([], 1.0) == 0


# Asking


def test_evaluate_is_evaluate_with_what_was_compiled():
    x, y = problem()
    model = Model(small())
    model.compile("cross_entropy", Descent(model.parameters()), ["accuracy"])
    expected = evaluate(model, (x, y), loss="cross_entropy", metrics=["accuracy"])
    assert model.evaluate(x, y) == model.evaluate((x, y)) == expected
    assert expected["accuracy"] == accuracy(predict(model, x), y)


def test_predict_gives_the_outputs_of_evaluation_batch_by_batch():
    x, _ = problem()
    model = Model([Linear(4, 8), Dropout(0.5), BatchNorm1d(8), Linear(8, 3)])
    np.testing.assert_allclose(model.predict(x, batch_size=5), model.infer(x), rtol=1e-5, atol=1e-6)
    assert model.predict(x).shape == (24, 3)
    assert model.training


def test_summary_is_the_table_of_the_model():
    model = Model(small())
    assert model.summary((5, 4)) == nn_core.summary(model, (5, 4))


@pytest.mark.parametrize("ask", [lambda model: model.fit(*problem()), lambda model: model.evaluate(*problem())])
def test_what_needs_a_loss_says_that_compile_was_not_called(ask):
    with pytest.raises(ConfigError, match=r"Call compile\(loss=…, optimizer=…\) first"):
        ask(Model(small()))


# Saving


def test_a_saved_model_comes_back_with_its_statistics_and_can_be_trained_on(tmp_path):
    x, y = problem()
    model = Model([Linear(out_features=8), BatchNorm1d(), ReLU(), Linear(8, 2)])
    model.build((1, 4))
    model.compile("cross_entropy", Descent(model.parameters())).fit(x, y, epochs=2)
    model.save(tmp_path / "model.safetensors")
    loaded = Model.load(tmp_path / "model.safetensors")
    assert type(loaded) is Model
    assert not loaded.training
    np.testing.assert_array_equal(loaded.predict(x), model.predict(x))
    assert loaded.loss is None
    loaded.compile("cross_entropy", Descent(loaded.parameters())).fit(x, y)
    model.fit(x, y)
    assert same_state(loaded, model)


def test_files_are_exchanged_with_save_and_load(tmp_path):
    x, _ = problem()
    model = Model({"body": Linear(4, 8), "head": Linear(8, 2)})
    model.save(tmp_path / "one")
    plain = nn_core.load(tmp_path / "one")
    assert type(plain) is Sequential
    np.testing.assert_array_equal(plain.infer(x), model.infer(x))
    save(plain, tmp_path / "two")
    assert list(Model.load(tmp_path / "two").params) == list(model.params)


def test_shared_weights_stay_shared(tmp_path):
    layer = Linear(4, 4)
    Model([layer, ReLU(), layer]).save(tmp_path / "model")
    loaded = Model.load(tmp_path / "model")
    assert loaded.layers[0].weight is loaded.layers[2].weight


def test_a_choice_of_initializers_survives(tmp_path):
    save(Sequential(Linear(4, 2), init="auto_uniform"), tmp_path / "model")
    before = nn_core.load(tmp_path / "model").state_dict()
    loaded = Model.load(tmp_path / "model")
    assert loaded.init == "auto_uniform"
    assert all(np.array_equal(before[name], array) for name, array in loaded.params.items())


def test_a_file_of_something_else_is_refused(tmp_path):
    save(Linear(4, 2), tmp_path / "layer")
    with pytest.raises(ModelFileError, match=r"a single Linear.*nn_core\.load"):
        Model.load(tmp_path / "layer")
    with pytest.raises(ModelFileError, match="no model file"):
        Model.load(tmp_path / "nothing")


def test_a_model_without_sizes_cannot_be_saved(tmp_path):
    with pytest.raises(NotBuiltError):
        Model([Linear(out_features=2)]).save(tmp_path / "model")


# What changed since


def test_a_copy_of_a_compiled_model_goes_on_by_itself(named_optimizer):
    x, y = problem()
    model = Model(small()).compile("cross_entropy", "momentum")
    model.fit(x, y)
    twin, pickled = copy.deepcopy(model), pickle.loads(pickle.dumps(model))
    before = {name: array.copy() for name, array in model.params.items()}
    twin.fit(x, y)
    pickled.fit(x, y)
    assert all((array == before[name]).all() for name, array in model.params.items())
    model.fit(x, y)
    assert same_state(twin, model)
    assert same_state(pickled, model)


@pytest.mark.parametrize("layer", [Linear(2, 2), Linear(out_features=2)])
def test_layers_that_came_after_compile_are_not_left_untrained(named_optimizer, layer):
    model = Model(small()).compile("cross_entropy", "momentum")
    model.add(layer)
    with pytest.raises(ConfigError, match=r"other layers than when it was compiled.*call compile again"):
        model.fit(*problem())
    model.build((1, 4))
    model.compile("cross_entropy", "momentum").fit(*problem())


def test_an_optimizer_over_some_parameters_is_left_as_it_is():
    model = Model(small())
    first = model[0].weight.data.copy()
    model.compile("cross_entropy", Descent(model[-1].parameters())).fit(*problem())
    assert (model[0].weight.data == first).all()


@pytest.mark.parametrize("optimizer", ["momentum", {"type": "momentum", "betas": (0.1, 0.2)}])
def test_betas_are_given_once(named_optimizer, optimizer):
    options = {"betas": (0.1, 0.2)} if optimizer == "momentum" else {}
    with pytest.raises(ConfigError, match="betas is given twice"):
        Model(small()).compile("cross_entropy", optimizer, beta1=0.5, **options)


def test_an_unknown_option_of_the_optimizer_is_refused_before_the_sizes_are_known(named_optimizer):
    with pytest.raises(ConfigError, match=r"optimizer 'momentum' has no option 'momentun'\. Did you mean 'momentum'"):
        Model([Linear(out_features=2)]).compile("cross_entropy", "momentum", momentun=0.5)


def test_a_part_beside_the_layers_is_not_lost_silently(tmp_path):
    model = Model(small())
    model.extra = Linear(2, 2)
    with pytest.raises(ModelFileError, match=r"extra\.weight belongs to no layer in the list of this Model"):
        model.save(tmp_path / "model")
