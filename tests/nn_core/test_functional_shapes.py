"""Rearranging: the shapes that come out, and the errors for those that cannot."""

from __future__ import annotations

import numpy as np
import pytest

from nn_core import functional as fn
from nn_core.errors import ConfigError, ShapeError
from nn_core.tensor import Tensor

X = Tensor(np.arange(24.0).reshape(2, 3, 4))


@pytest.mark.parametrize(
    ("call", "shape"),
    [
        (lambda x: x.reshape(-1, 6), (4, 6)),
        (lambda x: x.reshape([3, 8]), (3, 8)),
        (lambda x: x.reshape(np.int64(24)), (24,)),
        (lambda x: x.ravel(), (24,)),
        (lambda x: x.flatten(1), (2, 12)),
        (lambda x: x.flatten(0, 1), (6, 4)),
        (lambda x: x.flatten(-2, -1), (2, 12)),
        (lambda x: x.T, (4, 3, 2)),
        (lambda x: x.mT, (2, 4, 3)),
        (lambda x: x.transpose(1, 2, 0), (3, 4, 2)),
        (lambda x: x.permute(-1, 0, 1), (4, 2, 3)),
        (lambda x: x.moveaxis(0, -1), (3, 4, 2)),
        (lambda x: x[:1, :, :1].squeeze(), (3,)),
        (lambda x: x[:1, :, :1].squeeze((0, 2)), (3,)),
        (lambda x: x[:1, :, :1].squeeze(-1), (1, 3)),
        (lambda x: x.unsqueeze(0), (1, 2, 3, 4)),
        (lambda x: x.unsqueeze(-1), (2, 3, 4, 1)),
        (lambda x: fn.expand_dims(x, (0, 2)), (1, 2, 1, 3, 4)),
        (lambda x: x[:1].expand(5, 2, -1, -1), (5, 2, 3, 4)),
        (lambda x: x[:1].expand(5, 3, 4), (5, 3, 4)),
        (lambda x: x.expand(5, -1, -1, -1), (5, 2, 3, 4)),
        (lambda x: x[0, :, :1].broadcast_to((2, 3, 4)), (2, 3, 4)),
    ],
)
def test_shapes(call, shape):
    assert call(X).shape == shape


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: X.reshape(5, -1),
            r"reshape cannot make \(5, -1\) of \(2, 3, 4\), which has 24 elements\. .*multiply to 24",
        ),
        (lambda: X.flatten(2, 1), r"flatten cannot join axes 2 to 1 of shape \(2, 3, 4\)"),
        (lambda: X.flatten(3), r"flatten cannot join axes 3 to -1"),
        (lambda: X.transpose(0, 1), r"transpose got the axes \(0, 1\) for shape \(2, 3, 4\)\. .*swapaxes"),
        (lambda: X.permute(0, 1, 1), r"permute got the axes \(0, 1, 1\)"),
        (lambda: X.permute(0, 1, 3), r"permute got the axes \(0, 1, 3\)"),
        (lambda: X.expand(2, -1, 5), r"expand cannot make \(2, -1, 5\) of \(2, 3, 4\)\. .*equal, or 1"),
        (lambda: X.broadcast_to(3, 4), r"broadcast_to cannot make \(3, 4\) of \(2, 3, 4\)"),
    ],
)
def test_what_cannot_be_is_named_with_both_shapes(call, message):
    with pytest.raises(ShapeError, match=message):
        call()


def test_axes_that_cannot_go_are_named_with_the_operation():
    with pytest.raises(ConfigError, match=r"squeeze, given \(2, 3, 4\): .*not equal to one"):
        X.squeeze(1)
    with pytest.raises(ConfigError, match=r"swapaxes, given \(2, 3, 4\): .*out of bounds"):
        X.swapaxes(0, 3)


def test_the_gradient_of_a_repeated_element_is_the_sum():
    x = Tensor(np.ones((2, 1)), requires_grad=True)
    x.expand(3, -1, 4).sum().backward()
    assert x.grad.tolist() == [[12], [12]]
