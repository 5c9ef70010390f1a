"""Every operation against PyTorch's, live: values, and gradients of all inputs for random gradients of the output."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path
from runpy import run_path
from types import SimpleNamespace

import numpy as np
import pytest

from nn_core import functional
from nn_core.tensor import Tensor

torch = pytest.importorskip("torch", reason="parity is measured against PyTorch; tests/golden needs none")

GOLDEN = Path(__file__).parents[1] / "golden"
cases, compare = (SimpleNamespace(**run_path(str(GOLDEN / name))) for name in ("cases.py", "compare.py"))
Operation = cases.Operation

NOT_PYTORCHS = {"arange", "eye", "full", "full_like", "ones", "ones_like", "zeros", "zeros_like"}
NOT_PYTORCHS |= {"rand", "rand_like", "randn", "randn_like"}  # constructors: constants, and other random streams

SHAPES = [(), (1,), (0,), (5, 1), (1, 7, 3), (0, 3), (2, 3, 4, 5)]
BROADCASTS = [((), ()), ((1,), (4, 3)), ((3, 1, 5), (2, 1)), ((0, 3), (3,)), ((2, 0, 1), (1, 4)), ((1, 1), (1,))]
UNARY = ["abs", "cos", "exp", "negative", "sigmoid", "sin", "square", "tanh", "erf", "selu", "relu", "ravel"]
UNARY += ["clone", "expm1", "sign"]
BINARY = ["add", "subtract", "multiply", "maximum", "minimum"]


def reductions():
    """Yield every reduction over axes of each kind, of shapes that have them, with and without keepdims."""
    axes = {(5,): [0, -1], (3, 4): [0, -1, (0, 1)], (2, 1, 5): [1, -3, (0, -1), (2, 1), (0, 1, 2)], (4, 1): [1, (1,)]}
    axes[(0, 3)], axes[(3, 0)] = [0, 1], [0]
    spelled = {
        "sum": "sum(a, {axis}, keepdim={kept})",
        "mean": "mean(a, {axis}, keepdim={kept})",
        "var": "var(a, {axis}, correction=0, keepdim={kept})",
        "std": "std(a, {axis}, correction=0, keepdim={kept})",
        "max": "amax(a, {axis}, keepdim={kept})",
        "min": "amin(a, {axis}, keepdim={kept})",
        "logsumexp": "logsumexp(a, {axis}, keepdim={kept})",
        "prod": "prod(a, {axis}, keepdim={kept})",
        "argmax": "argmax(a, {axis}, keepdim={kept})",
        "argmin": "argmin(a, {axis}, keepdim={kept})",
        "all": "all(a, {axis}, keepdim={kept})",
        "any": "any(a, {axis}, keepdim={kept})",
    }
    for (name, theirs), shape, kept in product(spelled.items(), axes, (False, True)):
        for axis in axes[shape]:
            if 0 in shape and name not in ("sum", "prod", "all", "any"):
                continue  # the others of nothing are NaN, −∞ or an error
            if name in ("prod", "argmax", "argmin") and isinstance(axis, tuple):
                continue
            draw = "coarse" if name in ("max", "min", "prod", "argmax", "all", "any") else "uniform"
            ours = f"{name}(a, axis={axis}, keepdims={kept})"
            yield Operation(ours, theirs.format(axis=axis, kept=kept), (shape,), draw)


def matrix_products():
    """Yield products of vectors, matrices and stacks of them, which are broadcast."""
    for left, right in product([(3,), (2, 3), (0, 3), (4, 1, 3), (5, 1, 2, 3)], [(3,), (3, 1), (3, 0), (4, 3, 2)]):
        yield Operation("matmul(a, b)", "", (left, right))


SUMS = [
    ("i->", ((3,),)),
    ("ij->ji", ((2, 3),)),
    ("ij->j", ((2, 3),)),
    ("ii->i", ((3, 3),)),
    ("iij->j", ((2, 2, 3),)),
    ("iij,i", ((2, 2, 3), (2,))),
    ("i,i", ((3,), (3,))),
    ("i,j", ((2,), (3,))),
    ("ij,j->", ((2, 3), (3,))),
    ("bij,bjk->bik", ((2, 3, 4), (2, 4, 1))),
    ("ij,jk,kl->il", ((2, 3), (3, 4), (4, 2))),
    ("ij,ij,ij->i", ((2, 3), (2, 3), (2, 3))),
    ("...i,...i->...", ((4, 1, 3), (2, 3))),
    ("...ij,jk", ((5, 2, 3), (3, 4))),
    ("i...,i...->...", ((2, 3, 1), (2, 1, 4))),
    ("...,...", ((3,), (2, 1))),
    ("ij,kj->ki", ((2, 1), (4, 3))),
    ("ij,ij->i", ((2, 1), (2, 3))),
    ("ba,b", ((2, 3), (2,))),
    (" ij , jk -> ik ", ((0, 3), (3, 2))),
    ("ij,jk->ik", ((2, 0), (0, 3))),
    (",i->i", ((), (3,))),
    ("iii->i", ((3, 3, 3),)),
    ("ijij->", ((2, 3, 2, 3),)),
]


def sums_of_products():
    for subscripts, shapes in SUMS:
        yield Operation(f"einsum({subscripts!r}, {', '.join('abc'[: len(shapes)])})", "", shapes)
    yield Operation("einsum('ijk,ilm,njm,nlk->', a, b, c, a)", "", ((2, 3, 2), (2, 3, 4), (2, 3, 4)))
    yield Operation("einsum('ij,ij', a, a)", "", ((2, 3),))


CASES = [
    *cases.OPERATIONS,
    *(Operation(f"{name}(a)", "", (shape,)) for name, shape in product(UNARY, SHAPES)),
    *(Operation(f"{name}(a, b)", "", shapes, "coarse") for name, shapes in product(BINARY, BROADCASTS)),
    *(Operation("divide(a, b)", "", shapes, "positive") for shapes in BROADCASTS),
    *(Operation("power(a, b)", "pow(a, b)", shapes, "positive") for shapes in BROADCASTS),
    *(Operation(f"power(a, {p})", f"pow(a, {p})", (shape,)) for p in (1, 2, 5) for shape in SHAPES),
    *(Operation(f"{name}(a)", "", (shape,), "positive") for name in ("log", "sqrt") for shape in SHAPES),
    *(Operation(f"{name}(a)", theirs, (shape,), "coarse") for shape in SHAPES if 0 not in shape
      for name, theirs in [("max", "amax(a)"), ("min", "amin(a)"), ("prod", ""), ("sum", ""), ("mean", ""),
                           ("argmax", ""), ("argmin", ""), ("var", "var(a, correction=0)")] if shape or name != "var"),
    Operation("where(a > 0, a, 0)", "where(a > 0, a, 0)", ((3, 1, 2),)),
    Operation("where(a > b, b, 2.5)", "", ((3, 1), (2,))),
    Operation("astype(a, 'float32')", "a.to(float32)"),
    Operation("astype(a, 'int64')", "a.to(int64)"),
    Operation("prelu(a, b)", "F.prelu(a, b)", ((2, 3, 4), (3,)), "coarse"),
    Operation("a + 1 - 2 * a / 3", ""),
    Operation("2 / a - (1 - a)", "", draw="positive"),
    Operation("a * a + a * b", "", ((3,), (2, 3))),
    Operation("abs(-a) ** 2", ""),
    *reductions(),
    *matrix_products(),
    *sums_of_products(),
    *(Operation("log1p(a)", "", (shape,), "positive") for shape in SHAPES),
    *(Operation(f"cumsum(a, {axis})", "", (shape,)) for shape in SHAPES[1:] for axis in (0, -1)),
    Operation("cumsum(a)", "cumsum(a.ravel(), 0)", ((3, 4),)),
    Operation("std(a, axis=0)", "std(a, 0, correction=0)", ((1, 3),)),
    Operation("prod(a, axis=0)", "", ((6, 5),), "coarse"),
    Operation("reshape(a, -1)", "reshape(a, (-1,))", ((2, 3),)),
    Operation("reshape(a, ())", "", ((1, 1),)),
    Operation("reshape(a, (0, 4))", "", ((2, 0),)),
    Operation("flatten(a)", "", ((),)),
    Operation("flatten(a, 0, 1)", "", ((2, 0, 3),)),
    Operation("squeeze(a, (0, -1))", "", ((1, 2, 1),)),
    Operation("unsqueeze(a, 0)", "", ((),)),
    Operation("expand(a, (4, -1, -1))", "a.expand(4, -1, -1)", ((1, 3),)),
    Operation("expand(a, (0, 3))", "a.expand(0, 3)", ((1, 3),)),
    Operation("broadcast_to(a, (2, 3))", "", ((),)),
    Operation("moveaxis(a, 2, 0)", "", ((2, 1, 3),)),
    Operation("a[0]", "", ((3,),)),
    Operation("a[()]", "", ((),)),
    Operation("a[...]", "", ((2, 3),)),
    Operation("a[None]", "", ((),)),
    Operation("a[-1, 1:3, None]", "", ((2, 4, 3),)),
    Operation("a[2:2]", "", ((4, 2),)),
    Operation("a[::-2, ::-1]", "flip(a, (0, 1))[::2]", ((5, 3),)),
    Operation("a[[]]", "", ((3, 2),)),
    Operation("a[:, [[0, 1], [1, 1]]]", "a[:, tensor([[0, 1], [1, 1]])]", ((2, 3),)),
    Operation("a[[[0, 1], [1, 1]]]", "a[tensor([[0, 1], [1, 1]])]", ((2, 3),)),
    Operation("a[[0, 0], :, [1, 1]]", "", ((2, 3, 2),)),
    Operation("a[[[0], [1]], [1, 1, 0]]", "a[tensor([[0], [1]]), tensor([1, 1, 0])]", ((2, 3),)),
    Operation("a[a > 5]", "", ((2, 3),)),
    Operation("a[[True, False], [0, 0]]", "a[tensor([True, False]), tensor([0, 0])]", ((2, 3),)),
    Operation("a[..., [0, -1, 0]]", "", ((2, 3, 2),)),
    Operation("a[argmax(a, axis=0)]", "", ((4, 3),)),
    Operation("a[a[:, 0] > 0]", "", ((4, 3),)),
    Operation("take(a, 1, axis=-1)", "a[:, 1]", ((3, 2),)),
    Operation("take(a, [], axis=0)", "a[[]]", ((3, 2),)),
    Operation("take(a, [3, -1, 3], axis=0)", "a[[3, -1, 3]]", ((4, 2, 3),)),
    Operation("take_along_axis(a, argmax(a, axis=1, keepdims=True), axis=1)", "amax(a, 1, keepdim=True)", ((3, 5),)),
    Operation("take_along_axis(a, [[1], [1]], axis=0)", "gather(a, 0, tensor([[1, 1, 1], [1, 1, 1]]))", ((2, 3),)),
    Operation("gather(a, -1, [[[0, 1]], [[1, 1]]])", "gather(a, -1, tensor([[[0, 1]], [[1, 1]]]))", ((3, 2, 2),)),
    Operation("scatter_add(a, 0, [[1, 0], [1, 0]], b)", "scatter_add(a, 0, tensor([[1, 0], [1, 0]]), b)",
              ((2, 3), (2, 2))),
    Operation("concatenate([a, b])", "cat([a, b])", ((0, 2), (3, 2))),
    Operation("concatenate([a, a, b], axis=None)", "cat([a.ravel(), a.ravel(), b.ravel()])", ((2, 2), (3,))),
    Operation("concatenate([a], axis=-2)", "cat([a], -2)", ((2, 3),)),
    Operation("stack([a, b])", "", ((), ())),
    Operation("split(a, 3)[1]", "tensor_split(a, 3)[1]", ((6, 2),)),
    Operation("split(a, [2])", "tensor_split(a, (2,))", ((5, 0),)),
    Operation("pad(a, 1)", "F.pad(a, (1, 1, 1, 1))", ((1, 0),)),
    Operation("pad(a, (1, 0))", "F.pad(a, (1, 0))", ((3,),)),
    Operation("pad(a, ((0, 0), (1, 2)), 'wrap')", "F.pad(a, (1, 2), 'circular')", ((2, 2),)),
    Operation("pad(a, ((0, 0), (5, 6)), 'edge')", "F.pad(a, (5, 6), 'replicate')", ((1, 2),)),
]  # fmt: skip


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_values_and_gradients_are_pytorchs(case, dtype):
    ours = compare.operation_record(compare.Ours(), case, dtype)
    theirs = compare.operation_record(compare.Torch(), case, dtype)
    compare.assert_close(ours, theirs, compare.TOLERANCES["operations"][dtype])


def test_no_operation_is_left_out():
    named = {name for case in CASES for name in re.findall(r"\w+", case.ours)}
    assert set(functional.__all__) - {"UFUNCS"} <= named | NOT_PYTORCHS


@pytest.mark.parametrize(
    ("expression", "values"),
    [
        ("logsumexp(a, 1)", [[-np.inf, 1.0], [1e4, -1e4]]),
        ("std(a, 1, correction=0)", [[2.0, 2.0, 2.0], [1.0, 2.0, 3.0]]),
        ("prod(a, 1)", [[0.0, 2.0, 3.0], [0.0, 0.0, 3.0], [1.0, 2.0, 3.0]]),
        ("abs(a)", [0.0, -0.0, 1.0]),
        ("maximum(a, a)", [0.0, 1.0]),
        ("clip(a, 0, 1)", [0.0, 1.0, 0.5, -1.0, 2.0]),
        ("a ** 0", [0.0, 1.0]),
        ("a ** 1", [0.0, 1.0]),
        ("a ** 2", [0.0, -1.0]),
    ],
)
def test_gradients_at_special_values_are_pytorchs(expression, values):
    array = np.array(values)
    ours, theirs = Tensor(array, requires_grad=True), torch.tensor(array, requires_grad=True)
    y = eval(expression, vars(functional) | {"a": ours})
    dy = np.arange(1.0, y.size + 1).reshape(y.shape)
    y.backward(dy)
    z = eval(expression, vars(torch) | {"a": theirs})
    z.backward(torch.tensor(dy))
    np.testing.assert_allclose(y.data, z.detach().numpy(), rtol=1e-12)
    np.testing.assert_allclose(ours.grad, theirs.grad.numpy(), rtol=1e-12)


NAN, INF = np.nan, np.inf


@pytest.mark.parametrize(
    ("expression", "values", "dy"),
    [
        ("relu(a)", [NAN, -1.0, 2.0], [3.0, 4.0, INF]),
        ("clip(a, 0, 1)", [-1.0, 2.0, NAN, 0.5], [NAN, INF, 5.0, NAN]),
        ("hardsigmoid(a)", [-4.0, 4.0, NAN, 0.5], [NAN, INF, 5.0, NAN]),
        ("a ** 0", [-4.0, 4.0, NAN], [NAN, INF, 5.0]),
        ("pow(a, zero)", [-4.0, 4.0], [NAN, INF]),
        ("maximum(a, full)", [1.0, 3.0, 1.0, NAN, 2.0, NAN], [INF, INF, 5.0, 5.0, INF, 7.0]),
        ("maximum(full, a)", [1.0, 3.0, 1.0, NAN, 2.0, NAN], [INF, INF, 5.0, 5.0, INF, 7.0]),
        ("minimum(a, full)", [1.0, 3.0, 1.0, NAN, 2.0, NAN], [INF, INF, 5.0, 5.0, INF, 7.0]),
        ("minimum(full, a)", [1.0, 3.0, 1.0, NAN, 2.0, NAN], [INF, INF, 5.0, 5.0, INF, 7.0]),
        ("max(a)", [1.0, NAN, NAN], 5.0),
        ("max(a)", [1.0, 2.0, 2.0], INF),
        ("min(a)", [1.0, 2.0, 1.0], NAN),
    ],
)
def test_what_is_not_finite_goes_where_pytorch_has_it_go(expression, values, dy):
    other = np.array([3.0, 3.0, NAN, 1.0, 0.0, NAN])
    ours, theirs = Tensor(np.array(values), requires_grad=True), torch.tensor(values, dtype=torch.float64)
    names = vars(functional) | {"pow": functional.power, "hardsigmoid": functional.hard_sigmoid}
    y = eval(expression, names | {"a": ours, "full": other, "zero": np.zeros(1)})
    y.backward(np.array(dy))
    names = vars(torch) | {"hardsigmoid": torch.nn.functional.hardsigmoid}
    z = eval(expression, names | {"a": theirs.requires_grad_(), "full": torch.tensor(other), "zero": torch.zeros(1)})
    z.backward(torch.tensor(dy, dtype=torch.float64))
    np.testing.assert_allclose(y.data, z.detach().numpy(), rtol=1e-6)
    np.testing.assert_allclose(ours.grad, theirs.grad.numpy(), rtol=1e-6)
