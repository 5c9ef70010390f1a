"""The tape: what it remembers, how gradients go back through it, and that it lets go."""

from __future__ import annotations

import gc
import threading
import weakref

import numpy as np
import pytest

from nn_core import BackwardError, ShapeError, Tensor, enable_grad, no_grad, operation


def leaf(*shape, seed=0):
    return Tensor(np.random.default_rng(seed).normal(size=shape), requires_grad=True)


@pytest.fixture
def no_collector():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def test_a_node_keeps_its_operation_inputs_and_attributes():
    x, w = leaf(2, 3), leaf(3, 2)
    y = (x @ w).softmax(dim=1)
    assert (y.node.name, y.node.attributes) == ("softmax", {"axis": 1})
    [product] = y.node.inputs
    assert product.node.name == "matmul"
    assert product.node.inputs[0] is x
    assert product.node.inputs[1] is w
    assert x.node is None
    assert x.is_leaf
    assert not y.is_leaf


def test_a_tensor_that_is_used_several_times_gets_the_sum_of_all_gradients():
    x = leaf(3)
    y = x * x  # once as each factor
    z = y + y * x  # a diamond: y on two paths, x on a third
    z.sum().backward()
    np.testing.assert_allclose(x.grad, 2 * x.data + 3 * x.data**2, rtol=1e-14)


def test_gradients_of_several_backward_calls_add_up():
    x = leaf(4)
    for _ in range(3):
        (2 * x).sum().backward()
    assert x.grad.tolist() == [6.0] * 4
    x.zero_grad()
    assert x.grad is None


def test_accumulating_writes_to_no_array_that_someone_else_holds():
    x = leaf(3)
    dy = np.ones(3)
    dy.flags.writeable = False
    y = x + 0
    y.backward(dy)
    (x + 0).backward(dy)  # adds to x.grad in place, which therefore must not be dy
    assert dy.tolist() == [1.0] * 3
    assert x.grad.tolist() == [2.0] * 3


def test_a_second_backward_through_the_same_graph_is_an_error_that_says_what_to_do():
    x = leaf(3)
    shared = x * 2
    first, second = shared.sum(), (shared * 3).sum()
    first.backward()
    with pytest.raises(BackwardError, match="call backward\\(\\) once on their sum"):
        first.backward()
    with pytest.raises(BackwardError, match="freed by an earlier backward"):
        second.backward()


def test_backward_without_a_gradient_needs_a_scalar():
    with pytest.raises(BackwardError, match=r"shape \(2, 2\).*mean\(\) or sum\(\)"):
        (leaf(2, 2) * 2).backward()
    x = leaf(1, 1)
    (x * 2).backward()  # one element is a scalar, whatever its axes
    assert x.grad.tolist() == [[2.0]]


def test_backward_refuses_a_gradient_of_another_shape():
    with pytest.raises(ShapeError, match=r"gradient of shape \(3,\) for a Tensor of shape \(2, 3\)"):
        (leaf(2, 3) * 2).backward(np.ones(3))


def test_backward_of_something_that_requires_no_gradient_is_an_error():
    with pytest.raises(BackwardError, match="requires_grad=True"):
        (Tensor([1.0]) * 2).backward()
    with no_grad():
        y = leaf(1) * 2
    with pytest.raises(BackwardError, match="requires_grad=True"):
        y.backward()


def test_a_gradient_of_the_wrong_shape_from_an_operation_names_the_operation():
    @operation
    def faulty(x, /):
        return x * 1, lambda dy: dy.sum(axis=0)

    with pytest.raises(ShapeError, match=r"backward of 'faulty' returned a gradient of shape \(2,\).*\(3, 2\)"):
        faulty(leaf(3, 2)).sum().backward()


def test_a_gradient_may_be_a_list_and_takes_the_dtype_of_the_tensor():
    x = Tensor(np.ones(2, np.float32), requires_grad=True)
    (x * 2).backward([1, 2])
    assert x.grad.tolist() == [2.0, 4.0]
    assert x.grad.dtype == np.float32


def test_a_chain_of_20000_operations_goes_back_and_is_freed_without_the_collector(no_collector):
    x = leaf(3)
    y = x
    for i in range(20_000):
        y = y + 1 if i % 2 else y * 1.0001
    gone = weakref.ref(y.node)
    early = weakref.ref(y)
    y.backward(np.ones(3))
    np.testing.assert_allclose(x.grad, 1.0001**10_000, rtol=1e-9)
    del y
    assert gone() is None
    assert early() is None


def test_a_deep_chain_that_never_goes_back_is_freed_without_the_collector(no_collector):
    x = leaf(3)
    y = x * 2
    nodes = [weakref.ref(y.node)]
    for i in range(20_000):
        y = y + 1
        if i % 1000 == 0:
            nodes.append(weakref.ref(y.node))
    del y
    assert [node() for node in nodes if node() is not None] == []


def test_backward_frees_the_graph_on_the_way_even_while_its_output_is_held(no_collector):
    x = leaf(100)
    hidden = x * 2
    array = weakref.ref(hidden.data)
    y = (hidden * hidden).sum()
    del hidden
    assert array() is not None  # the product needs its factors
    y.backward()
    assert array() is None
    assert y.node.inputs == ()


def test_no_grad_remembers_nothing_and_ends_with_its_block():
    x = leaf(2)
    with no_grad():
        assert (x * 2).node is None
        with enable_grad():
            assert (x * 2).node is not None
        assert (x * 2).node is None
    assert (x * 2).node is not None
    with pytest.raises(ZeroDivisionError), no_grad():
        raise ZeroDivisionError
    assert (x * 2).node is not None


def test_no_grad_decorates_functions():
    @no_grad()
    def double(x):
        return x * 2

    assert double(leaf(2)).node is None
    assert double(leaf(2)).node is None


def test_no_grad_of_one_thread_does_not_reach_another():
    x, seen = leaf(2), []
    with no_grad():
        thread = threading.Thread(target=lambda: seen.append((x * 2).requires_grad))
        thread.start()
        thread.join()
    assert seen == [True]


def test_two_threads_can_go_back_through_graphs_of_their_own():
    leaves = [leaf(50, seed=i) for i in range(2)]

    def work(x):
        y = x
        for _ in range(500):
            y = y * 1.01
        y.sum().backward()

    threads = [threading.Thread(target=work, args=(x,)) for x in leaves]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for x in leaves:
        np.testing.assert_allclose(x.grad, 1.01**500, rtol=1e-9)


def test_an_output_that_is_not_used_counts_as_zero():
    @operation
    def both_halves(x, /):
        half = len(x) // 2

        def backward(dy):
            return np.concatenate(dy)

        return (x[:half], x[half:]), backward

    x = leaf(6)
    first, second = both_halves(x)
    (second * 3).sum().backward()
    assert x.grad.tolist() == [0.0] * 3 + [3.0] * 3
    x.zero_grad()
    first, second = both_halves(x)
    (first.sum() + 2 * second.sum() + first[0]).backward()
    assert x.grad.tolist() == [2.0, 1.0, 1.0, 2.0, 2.0, 2.0]


def test_constants_get_no_gradient_work():
    calls = []

    @operation
    def product(a, b, /, *, needed=(True, True)):
        def backward(dy):
            calls.append(needed)
            return dy * b if needed[0] else None, dy * a if needed[1] else None

        return a * b, backward

    x = leaf(3)
    product(x, np.ones(3)).sum().backward()
    product(Tensor(np.ones(3)), x).sum().backward()
    assert calls == [(True, False), (False, True)]


def test_no_grad_decorates_generators():
    x = leaf(3)

    @no_grad()
    def steps(start):
        """Count up."""
        got = yield (start * x).requires_grad
        with enable_grad():
            yield (got, (x * 2).requires_grad)
        return "end"

    def whole():
        return (yield from steps(1))

    steady = steps(1)
    assert steps.__doc__ == "Count up."
    assert next(steady) is False
    assert (x * 2).requires_grad
    assert steady.send(7) == (7, True)
    assert (x * 2).requires_grad
    with no_grad():
        assert list(whole()) == [False, (None, True)]
    with pytest.raises(StopIteration, match="end"):
        next(steady)
