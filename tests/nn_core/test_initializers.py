"""First values of parameters, judged by their distribution, and how a layer is told which to take."""

from __future__ import annotations

from functools import partial
from math import erf, inf, nan, sqrt

import numpy as np
import pytest

from nn_core import (
    ConfigError,
    Linear,
    NotBuiltError,
    ShapeError,
    UnknownComponentError,
    build,
    components,
    load,
    save,
    seed,
    set_default_dtype,
)
from nn_core.initializers import (
    bias_like,
    calculate_gain,
    conservative,
    constant,
    draw,
    fans,
    identity,
    initializer,
    kaiming_normal,
    kaiming_uniform,
    normal,
    ones,
    orthogonal,
    torch_linear,
    truncated_normal,
    uniform,
    xavier_normal,
    xavier_uniform,
    zeros,
)
from nn_core.serialization import describe

DRAWN = [uniform, normal, truncated_normal, conservative, torch_linear]
OF_WEIGHTS = [xavier_uniform, xavier_normal, kaiming_uniform, kaiming_normal, orthogonal]
FIXED = [zeros, ones, partial(constant, value=3), identity]


def rng():
    return np.random.default_rng(0)


def distance(values, cdf):
    """Return the Kolmogorov-Smirnov distance, times √n, between values and a distribution; 1 in 100 is above 1.63."""
    expected = cdf(np.sort(values.ravel().astype("float64")))
    steps = np.arange(values.size + 1) / values.size
    return sqrt(values.size) * max((expected - steps[:-1]).max(), (steps[1:] - expected).max())


def uniform_cdf(low, high):
    return lambda x: (x - low) / (high - low)


def normal_cdf(std, mean=0.0):
    return lambda x: np.array([(1 + erf((number - mean) / std / sqrt(2))) / 2 for number in x])


# What they draw


@pytest.mark.parametrize(
    ("shape", "fan_in"), [((200, 100), 100), ((60, 5, 7, 3), 5 * 7 * 3), ((8000,), 1), ((90, 6, 20), 6 * 20)]
)
def test_weights_are_uniform_within_one_over_the_root_of_the_fan_in(shape, fan_in):
    weight = torch_linear(shape, np.random.default_rng(0)).astype("float64")
    bound = 1 / np.sqrt(fan_in)
    assert weight.shape == shape
    assert 0.999 * bound < np.abs(weight).max() <= bound * (1 + 1e-6)
    spread = bound / np.sqrt(3)
    assert abs(weight.mean()) < 5 * spread / np.sqrt(weight.size)
    assert weight.std() == pytest.approx(spread, rel=0.03)


def test_the_bias_has_the_bound_of_its_weight():
    weight = np.zeros((5000, 3, 2, 2), np.float32)
    bias = bias_like(weight, np.random.default_rng(0))
    assert bias.shape == (5000,)
    assert 0.99 / np.sqrt(12) < np.abs(bias).max() <= 1 / np.sqrt(12)


@pytest.mark.parametrize(
    ("drawn", "cdf"),
    [
        (partial(uniform), uniform_cdf(0, 1)),
        (partial(uniform, low=-3, high=-1), uniform_cdf(-3, -1)),
        (partial(normal), normal_cdf(1)),
        (partial(normal, mean=4, std=0.01), normal_cdf(0.01, mean=4)),
        (partial(conservative), normal_cdf(0.001)),
        (partial(conservative, gain=0.5), normal_cdf(0.5)),
        (partial(xavier_uniform), uniform_cdf(-sqrt(6 / 560), sqrt(6 / 560))),
        (partial(xavier_uniform, gain=3), uniform_cdf(-3 * sqrt(6 / 560), 3 * sqrt(6 / 560))),
        (partial(xavier_normal), normal_cdf(sqrt(2 / 560))),
        (partial(xavier_normal, gain=5 / 3), normal_cdf(5 / 3 * sqrt(2 / 560))),
        (partial(kaiming_uniform), uniform_cdf(-sqrt(6 / 80), sqrt(6 / 80))),
        (partial(kaiming_uniform, nonlinearity="tanh", mode="fan_out"), uniform_cdf(-sqrt(1 / 57.6), sqrt(1 / 57.6))),
        (partial(kaiming_normal, nonlinearity="relu"), normal_cdf(sqrt(2 / 80))),
        (partial(kaiming_normal, a=3), normal_cdf(sqrt(0.2 / 80))),
        (partial(kaiming_normal, mode="fan_out"), normal_cdf(sqrt(2 / 480))),
        (partial(kaiming_normal, mode="both"), normal_cdf(sqrt(2 / 280))),
    ],
)
def test_the_distribution_is_the_one_of_the_formula(drawn, cdf):
    values = drawn((96, 16, 5, 1), rng())  # fan_in 80, fan_out 480
    assert values.shape == (96, 16, 5, 1)
    assert distance(values, cdf) < 1.63
    assert distance(1.1 * values, cdf) > 1.63


@pytest.mark.parametrize(
    ("mean", "std", "a", "b"), [(0, 1, -2, 2), (1, 2, -3, 1.5), (0, 0.02, -0.04, 0.04), (0, 1, 2, 3), (5, 1, -9, 2)]
)
def test_a_truncated_normal_is_a_normal_between_its_bounds(mean, std, a, b):
    values = truncated_normal((100, 50), rng(), mean=mean, std=std, a=a, b=b)
    below = normal_cdf(std, mean)
    low, high = below([a, b])
    assert np.float32(a) <= values.min()
    assert values.max() <= np.float32(b)
    assert distance(values, lambda x: (below(x) - low) / (high - low)) < 1.63


@pytest.mark.parametrize(("mean", "nearest"), [(-100, 0), (100, 1)])
def test_bounds_far_from_the_mean_leave_the_nearest_value(mean, nearest):
    values = truncated_normal((50,), rng(), mean=mean, std=1, a=0, b=1)
    assert np.abs(values - nearest).max() < 0.2
    assert (truncated_normal((50,), rng(), mean=10 * mean, std=1, a=0, b=1) == nearest).all()


def test_numbers_far_right_of_the_mean_are_as_fine_as_far_left():
    right, left = (truncated_normal((500,), rng(), a=side * 9.5 - 0.5, b=side * 9.5 + 0.5) for side in (1, -1))
    assert len(np.unique(right)) > 490
    assert (right == -left).all()


@pytest.mark.parametrize("shape", [(3, 5), (5, 3), (4, 4), (6, 2, 2, 2), (3, 2, 5), (1, 7)])
def test_an_orthogonal_weight_has_orthonormal_rows_or_columns(shape):
    set_default_dtype("float64")
    try:
        matrix = orthogonal(shape, rng(), gain=2).reshape(shape[0], -1)
    finally:
        set_default_dtype("float32")
    rows, columns = matrix.shape
    product = matrix @ matrix.T if rows <= columns else matrix.T @ matrix
    np.testing.assert_allclose(product, 4 * np.eye(min(rows, columns)), atol=1e-12)


def test_an_orthogonal_weight_prefers_no_sign():
    # NumPy's QR alone makes the diagonal of R negative, and so the first column of Q opposite to what was drawn.
    first = np.array([orthogonal((2, 2), np.random.default_rng(i))[0, 0] for i in range(2000)])
    assert distance(first, lambda x: 1 - np.arccos(x.clip(-1, 1)) / np.pi) < 1.63
    corner = [np.random.default_rng(i).standard_normal((2, 2))[0, 0] for i in range(2000)]
    assert (np.sign(first) == np.sign(corner)).all()


def test_the_identity_passes_what_there_is_on():
    assert identity((2, 3)).tolist() == [[1, 0, 0], [0, 1, 0]]
    assert identity((3, 2)).tolist() == [[1, 0], [0, 1], [0, 0]]
    kernels = identity((3, 2, 3, 4))
    assert kernels.sum() == 2
    assert kernels[0, 0, 1, 2] == kernels[1, 1, 1, 2] == 1


def test_constants_are_constant():
    assert (constant((2, 3), value=-1.5) == -1.5).all()
    assert not zeros((2, 3)).any()
    assert (ones((2, 3)) == 1).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("drawn", [*DRAWN, *OF_WEIGHTS, *FIXED])
def test_values_come_in_the_default_dtype_whatever_the_type_of_the_options(drawn, dtype):
    set_default_dtype(dtype)
    try:
        assert drawn((2, 3)).dtype == dtype
        assert bias_like(np.zeros((2, 3))).dtype == dtype
        assert normal((2, 3), std=np.float64(2)).dtype == dtype
        assert xavier_normal((2, 3), gain=np.float32(2)).dtype == dtype
    finally:
        set_default_dtype("float32")


@pytest.mark.parametrize("drawn", [*DRAWN, *OF_WEIGHTS])
def test_values_come_from_the_generator_given_or_else_the_default_one(drawn):
    one, two = (drawn((4, 5), np.random.default_rng(1)) for _ in range(2))
    assert (one == two).all()
    seeded = []
    for _ in range(2):
        seed(3)
        seeded.append((drawn((4, 5)), bias_like(one)))
    assert (seeded[0][0] == seeded[1][0]).all()
    assert (seeded[0][1] == seeded[1][1]).all()
    assert (drawn((4, 5)) != seeded[0][0]).all()


@pytest.mark.parametrize("drawn", [*DRAWN, *OF_WEIGHTS, *FIXED])
@pytest.mark.parametrize("shape", [(4, 0), (0, 4), (0, 0)])
def test_without_inputs_or_outputs_there_is_nothing_to_draw(drawn, shape):
    assert drawn(shape).shape == shape
    assert bias_like(np.zeros((4, 0))).tolist() == [0, 0, 0, 0]


# Gains and fans


@pytest.mark.parametrize(
    ("name", "param", "gain"),
    [
        ("linear", None, 1),
        ("conv1d", None, 1),
        ("conv_transpose3d", None, 1),
        ("sigmoid", None, 1),
        ("tanh", None, 5 / 3),
        ("relu", None, sqrt(2)),
        ("selu", None, 0.75),
        ("leaky_relu", None, sqrt(2 / 1.0001)),
        ("leaky_relu", 2, sqrt(0.4)),
        ("leakyrelu", 0.5, sqrt(1.6)),
        ("leaky_relu", 0, sqrt(2)),
    ],
)
def test_gains_are_those_of_the_table(name, param, gain):
    assert calculate_gain(name, param) == gain


def test_a_kernel_counts_with_its_area():
    assert fans((7, 3)) == (3, 7)
    assert fans((7, 3, 5)) == (15, 35)
    assert fans((7, 3, 5, 2)) == (30, 70)


# Errors


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: calculate_gain("rleu"), "no gain for the nonlinearity 'rleu'. Did you mean 'relu'"),
        (lambda: calculate_gain(3), "no gain for the nonlinearity 3. Known are linear, conv1d"),
        (lambda: calculate_gain("leaky_relu", True), "the slope of leaky_relu must be a finite number, got True"),
        (lambda: calculate_gain("leaky_relu", "0.1"), "the slope of leaky_relu must be a finite number, got '0.1'"),
        (lambda: constant((2,), value=nan), "value of constant must be a finite number, got nan"),
        (lambda: uniform((2,), low=None), "low of uniform must be a finite number, got None"),
        (lambda: uniform((2,), low=2, high=1), "low of uniform must be at most its high, got 2.0 and 1.0"),
        (lambda: normal((2,), std=-1), "std of normal must be a finite number of at least 0, got -1"),
        (lambda: normal((2,), mean=inf), "mean of normal must be a finite number, got inf"),
        (lambda: conservative((2,), gain="x"), "gain of conservative must be a finite number, got 'x'"),
        (lambda: truncated_normal((2,), std=0), "truncated_normal needs a std above 0 and an a below b, got std=0.0"),
        (lambda: truncated_normal((2,), a=1, b=1), "an a below b, got std=1.0, a=1.0 and b=1.0"),
        (lambda: xavier_normal((2, 2), gain=True), "gain of xavier_normal must be a finite number, got True"),
        (lambda: xavier_uniform((2, 2), gain=[1]), r"gain of xavier_uniform must be a finite number, got \[1\]"),
        (lambda: kaiming_normal((2, 2), a="x"), "a of kaiming_normal must be a finite number, got 'x'"),
        (lambda: kaiming_uniform((2, 2), mode="in"), "mode of kaiming_uniform must be one of fan_in, fan_out, both"),
        (lambda: kaiming_uniform((2, 2), nonlinearity="mish"), "no gain for the nonlinearity 'mish'"),
        (lambda: orthogonal((2, 2), gain=nan), "gain of orthogonal must be a finite number, got nan"),
        (lambda: calculate_gain("leaky_relu", 1e200), r"the slope of leaky_relu must be at most 1e\+37 in size"),
        (lambda: kaiming_normal((2, 2), a=-(10**400)), r"a of kaiming_normal must be at most 1e\+37 in size"),
        (lambda: xavier_uniform((2, 2), gain=10**400), r"gain of xavier_uniform must be at most 1e\+37 in size"),
        (lambda: orthogonal((2, 2), gain=1e39), r"gain of orthogonal must be at most 1e\+37 in size"),
        (lambda: constant((2,), value=-1e39), r"value of constant must be at most 1e\+37 in size"),
    ],
)
def test_a_wrong_option_is_refused_by_name(call, message):
    with pytest.raises(ConfigError, match=message):
        call()


@pytest.mark.parametrize("drawn", [xavier_normal, xavier_uniform, orthogonal, conservative])
def test_the_largest_gain_gives_finite_weights(drawn):
    assert np.isfinite(drawn((50, 40), np.random.default_rng(0), gain=1e37)).all()


@pytest.mark.parametrize("drawn", [uniform, normal, conservative, truncated_normal, *OF_WEIGHTS])
@pytest.mark.parametrize("rng", [0, 3, False, np.random.RandomState(0)])
def test_a_seed_is_no_generator(drawn, rng):
    with pytest.raises(ConfigError, match=r"rng must be a generator of NumPy, as numpy\.random\.default_rng\(3\)"):
        drawn((3, 2), rng)


def test_a_layer_is_not_drawn_by_a_seed():
    with pytest.raises(ConfigError, match="rng must be a generator of NumPy"):
        Linear(2, 3).reset_parameters(rng=0)
    with pytest.raises(ConfigError, match="rng must be a generator of NumPy"):
        Linear(out_features=3).build((1, 2), 0)


@pytest.mark.parametrize("drawn", [*OF_WEIGHTS, identity])
@pytest.mark.parametrize("shape", [(), (3,)])
def test_what_is_not_a_weight_is_refused(drawn, shape):
    with pytest.raises(ShapeError, match=r"draws weights of shape \(out, in, …\), got \("):
        drawn(shape)


# By name, by configuration, by function


def test_an_initializer_is_a_name_a_configuration_or_a_function():
    assert initializer("torch_linear") is torch_linear
    assert initializer(kaiming_normal) is kaiming_normal
    assert (initializer({"type": "constant", "value": 2})((3, 1), None) == 2).all()
    with pytest.raises(UnknownComponentError, match="provides the initializer 'torch'"):
        initializer("torch")


def test_every_initializer_is_registered_under_its_own_name():
    for function in (*DRAWN, *OF_WEIGHTS, zeros, ones, constant, identity):
        assert build(
            "initializer", {"type": function.__name__, **({"value": 1} if function is constant else {})}, (2, 2)
        ).shape
        assert [c.summary for c in components("initializer") if c.load() is function]


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        (
            {"type": "kaiming_normal", "nonlinearty": "relu"},
            "'kaiming_normal' has no option 'nonlinearty'. Did you mean",
        ),
        ({"type": "normal", "rng": 3}, "'normal' has no option 'rng'"),
        ({"type": "zeros", "value": 3}, "'zeros' has no option 'value'"),
        ("constant", "initializer 'constant' needs 'value'"),
        ({"nonlinearity": "relu"}, "The 'type' of the initializer must be a name, got None"),
        ({}, "The 'type' of the initializer must be a name, got None"),
        (3, r"a function of \(shape, rng\); got 3"),
        ({"type": "normal", "std": -1}, "std of normal must be a finite number of at least 0"),
        ({"type": "kaiming_normal", "mode": "in"}, "mode of kaiming_normal must be one of"),
        ({"type": "uniform", "low": 1, "high": 0}, "low of uniform must be at most its high"),
        ({"type": "orthogonal", "gain": "1"}, "gain of orthogonal must be a finite number"),
    ],
)
def test_a_layer_refuses_a_wrong_choice_at_construction_even_before_it_knows_its_sizes(choice, message):
    for sizes in ({"in_features": 2}, {}):
        with pytest.raises(ConfigError, match=message):
            Linear(out_features=3, init=choice, **sizes)


def test_looking_at_options_draws_nothing():
    seed(0)
    Linear(out_features=3, init={"type": "normal", "std": 2})
    first = normal((3,))
    seed(0)
    assert (normal((3,)) == first).all()


@pytest.mark.parametrize(
    "choice",
    [
        "normal",
        {"type": "normal"},
        normal,
        lambda shape, rng: normal(shape, rng),
        lambda shape, rng=None: normal(shape, rng),
        lambda shape, generator: normal(shape, generator),
        partial(normal, mean=0),
    ],
)
def test_the_generator_reaches_the_initializer(choice):
    layer = Linear(out_features=3, init=choice)
    layer.build((1, 2), np.random.default_rng(5))
    assert (layer.weight.data == normal((3, 2), np.random.default_rng(5))).all()


@pytest.mark.parametrize(
    "function",
    [np.ones, lambda shape: np.ones(shape), lambda shape, scale=1: np.full(shape, scale), lambda s: [[1, 1]]],
)
def test_a_function_of_the_shape_alone_will_do(function):
    layer = Linear(2, 1, init=function)
    assert layer.weight.data.tolist() == [[1, 1]]
    assert layer.weight.dtype == np.float32
    late = Linear(out_features=1, init=function)
    late.build((1, 2), rng())
    assert late.weight.data.tolist() == [[1, 1]]


def test_what_a_function_returned_is_copied():
    mine = np.ones((1, 2), np.float32)
    layer = Linear(2, 1, init=lambda shape: mine)
    layer.weight.data += 1
    assert (mine == 1).all()


def test_a_function_that_draws_another_shape_is_refused():
    with pytest.raises(ConfigError, match=r"returned shape \(1, 2\) when asked for \(3, 2\)"):
        Linear(2, 3, init=lambda shape: np.zeros((1, 2)))
    with pytest.raises(ConfigError, match=r"returned shape \(\) when asked for \(3, 2\)"):
        draw(lambda shape: 0.0, (3, 2))


def test_options_of_a_plugins_initializer_are_its_own_business(fake_plugins):
    fake_plugins.install(
        "nn-acme",
        {
            "nn_acme/nn_plugin.py": """
                from nn_core.plugins import InitializerSpec, hookimpl

                NN_API = 1

                @hookimpl
                def nn_initializers():
                    yield InitializerSpec(name="inverse", target="nn_acme.parts:inverse")
            """,
            "nn_acme/parts.py": """
                import numpy as np

                def inverse(shape, scale=1.0):
                    return np.full(shape, scale / shape[1])
            """,
        },
    )
    late = Linear(out_features=3, init={"type": "inverse", "scale": 4})  # it divides by 0 for an empty weight
    late.build((1, 2))
    assert (late.weight.data == 2).all()
    with pytest.raises(ConfigError, match=r"'inverse' has no option 'scales'\. Did you mean 'scale'"):
        Linear(out_features=3, init={"type": "inverse", "scales": 4})


# What a layer remembers of its choice


@pytest.mark.parametrize(
    "init", ["kaiming_normal", {"type": "kaiming_normal", "nonlinearity": "relu", "a": 0.1}, zeros]
)
def test_the_configuration_keeps_the_choice_as_it_was_given(init):
    layer = Linear(2, 3, init=init)
    assert layer.config()["init"] is init
    assert Linear.from_config(layer.config()).config()["init"] is init


def test_a_choice_is_saved_with_its_options(tmp_path):
    choice = {"type": "truncated_normal", "std": np.float64(0.5), "a": -1}
    layer = Linear(2, 3, init=choice)
    about = describe(layer)["init"]
    assert about == {"type": "truncated_normal", "std": 0.5, "a": -1}
    assert type(about["std"]) is float
    save(layer, tmp_path / "layer.safetensors")
    twin = load(tmp_path / "layer.safetensors")
    assert twin.config()["init"] == about
    assert (twin.weight.data == layer.weight.data).all()


def test_functions_are_saved_by_name_and_the_default_not_at_all():
    assert describe(Linear(2, 3, init=zeros))["init"] == "zeros@nn-core"
    assert "init" not in describe(Linear(2, 3))
    assert "init" not in describe(Linear(2, 3, init=lambda shape: np.zeros(shape)))


def test_a_layer_inside_a_layer_is_still_a_layer_in_a_configuration():
    config = {"type": "sequential", "layers": [{"type": "linear", "out_features": 2, "init": {"type": "identity"}}]}
    model = build("layer", config)
    model.build((1, 2))
    assert model[0].weight.data.tolist() == [[1, 0], [0, 1]]


# Drawing again


def test_parameters_are_drawn_again_as_at_first():
    layer = Linear(50, 40, init={"type": "normal", "std": 0.1})
    weight, bias = layer.weight, layer.bias
    before = weight.data.copy(), bias.data.copy()
    layer.reset_parameters()
    assert (layer.weight, layer.bias) == (weight, bias)  # an optimizer that holds them goes on with them
    assert (weight.data != before[0]).all()
    assert (bias.data != before[1]).all()
    assert distance(weight.data, normal_cdf(0.1)) < 1.63
    assert np.abs(bias.data).max() <= 1 / np.sqrt(50)


def test_parameters_can_be_drawn_again_in_another_way():
    layer = Linear(3, 3, bias=False)
    layer.reset_parameters("identity")
    assert (layer.weight.data == np.eye(3)).all()
    layer.reset_parameters({"type": "constant", "value": 2})
    assert (layer.weight.data == 2).all()
    layer.reset_parameters(lambda shape: np.zeros(shape))
    assert not layer.weight.data.any()
    assert layer.config()["init"] is None


def test_parameters_are_drawn_again_from_the_generator_given_and_in_place():
    layer = Linear(2, 3).astype("float64")
    memory = layer.weight.data
    layer.reset_parameters(rng=np.random.default_rng(4))
    twin = Linear(out_features=3)
    twin.build((1, 2), np.random.default_rng(4))
    assert layer.weight.data is memory
    assert memory.dtype == np.float64
    assert (memory == twin.weight.data).all()
    assert (layer.bias.data == twin.bias.data).all()


def test_a_layer_without_sizes_has_nothing_to_draw_again():
    with pytest.raises(NotBuiltError, match="Linear infers its sizes from the first input"):
        Linear(out_features=2).reset_parameters()
