"""The optimizer goes through the same checks as the built-in ones, and follows its recurrence."""

import numpy as np

from nn_core import Parameter
from nn_core.testing import OptimizerCase, parametrize_optimizer_checks
from nn_highway.yogi import Yogi


@parametrize_optimizer_checks([OptimizerCase("yogi", lambda parameters: Yogi(parameters, lr=0.1))])
def test_optimizer(check):
    check()


def test_steps_follow_the_recurrence_of_the_paper():
    gradients = np.random.default_rng(0).normal(size=(30, 4))
    parameter = Parameter(np.ones(4))
    optimizer = Yogi([parameter], lr=0.1, betas=(0.8, 0.9), eps=0.01)
    p, m, v = 1.0, 0.0, 0.0  # of the first element, written out
    for step, gradient in enumerate(gradients, 1):
        parameter.grad = gradient.copy()
        optimizer.step()
        g = gradient[0]
        m = 0.8 * m + 0.2 * g
        v = v - 0.1 * np.sign(v - g * g) * g * g
        p -= 0.1 * (m / (1 - 0.8**step)) / (np.sqrt(v / (1 - 0.9**step)) + 0.01)
    np.testing.assert_allclose(parameter.data[0], p, rtol=1e-12)
