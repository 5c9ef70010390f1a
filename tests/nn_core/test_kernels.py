"""A kernel hands over to the best offer for the array type it is given, and says to whom."""

from __future__ import annotations

from importlib import import_module

import numpy as np
import pytest

import nn_core
from nn_core import kernels
from nn_core.errors import ConfigError, PluginError
from nn_core.kernels import kernel, kernel_providers


@pytest.fixture(autouse=True)
def no_kernels_yet(monkeypatch):
    monkeypatch.setattr(kernels, "_declared", {})


@pytest.fixture
def offer(fake_plugins):
    """Install a distribution that offers ``double``; its version tells the name of its distribution."""

    def install(distribution, **options):
        package = distribution.replace("-", "_")
        options = {"name": "double", "target": f"{package}.fast:double", **options}
        written = ", ".join(f"{name}={value!r}" for name, value in options.items())
        header = "from nn_core.plugins import KernelSpec, hookimpl\n\nNN_API = 1\n\n\n"
        fake_plugins.install(
            distribution,
            {
                f"{package}/nn_plugin.py": f"{header}@hookimpl\ndef nn_kernels():\n    yield KernelSpec({written})\n",
                f"{package}/fast.py": f"def double(x, *, times=1):\n    return {distribution!r}, times\n",
                f"{package}/arrays.py": "class Array:\n    pass\n\n\nclass Special(Array):\n    pass\n",
            },
        )

    return install


@pytest.fixture
def double():
    @kernel
    def double(x, *, times=1):
        """Say who did it."""
        return "plain", times

    return double


X = np.zeros(2)


def test_without_offers_the_plain_version_works(fake_plugins, double):
    assert double(X, times=3) == ("plain", 3)


def test_a_kernel_looks_like_the_function_it_was(double):
    assert (double.__name__, double.__doc__, double.name) == ("double", "Say who did it.", "double")
    assert double.plain(X) == ("plain", 1)


def test_an_offer_wins_over_the_plain_version(offer, double):
    offer("nn-fast", priority=10)
    assert double(X, times=3) == ("nn-fast", 3)


@pytest.mark.parametrize("priority", [0, -1])
def test_an_offer_of_no_priority_does_not_win(offer, double, priority):
    offer("nn-fast", priority=priority)
    assert double(X) == ("plain", 1)


def test_the_highest_priority_wins_whatever_the_order_of_names(offer, double):
    offer("nn-a", priority=10)
    offer("nn-b", priority=30)
    offer("nn-c", priority=20)
    assert double(X) == ("nn-b", 1)


def test_of_equal_priorities_the_first_distribution_by_name_wins(offer, double):
    offer("nn-b", priority=10)
    offer("nn-a", priority=10)
    assert double(X) == ("nn-a", 1)


def test_an_offer_for_another_operation_does_not_count(offer, double):
    offer("nn-fast", name="triple", priority=10)
    assert double(X) == ("plain", 1)


def test_an_offer_counts_for_its_array_type_only(offer, double):
    offer("nn-fast", priority=10, array="nn_fast.arrays:Array")
    assert double(X) == ("plain", 1)
    assert double(import_module("nn_fast.arrays").Array()) == ("nn-fast", 1)


def test_an_offer_counts_for_subclasses_of_its_array_type(offer, double):
    offer("nn-fast", priority=10, array="nn_fast.arrays:Array")
    assert double(import_module("nn_fast.arrays").Special()) == ("nn-fast", 1)


def test_the_plain_environment_switches_all_offers_off(offer, double, monkeypatch):
    offer("nn-fast", priority=10)
    monkeypatch.setenv("NN_KERNELS", "plain")
    assert double(X) == ("plain", 1)


def test_a_kernel_chooses_once_until_it_is_told_to_forget(offer, double, monkeypatch):
    offer("nn-fast", priority=10)
    assert double(X) == ("nn-fast", 1)
    monkeypatch.setenv("NN_KERNELS", "plain")
    assert double(X) == ("nn-fast", 1)
    double.forget()
    assert double(X) == ("plain", 1)


def test_a_kernel_chooses_again_when_the_plugins_are_discovered_again(offer, double, monkeypatch):
    offer("nn-fast", priority=10)
    assert double(X) == ("nn-fast", 1)
    monkeypatch.setenv("NN_BLOCK_PLUGINS", "nn-fast")
    nn_core.registry.refresh()
    assert double(X) == ("plain", 1)


def test_two_modules_cannot_declare_kernels_of_one_name(double):
    def impostor(x):
        return x

    impostor.__name__ = double.name
    impostor.__module__ = "nn_elsewhere"
    with pytest.raises(ConfigError, match=r"The kernel 'double' is declared by .* and by nn_elsewhere"):
        kernel(impostor)


def test_an_offer_that_cannot_be_imported_is_an_error_that_names_it(offer, double):
    offer("nn-fast", target="nn_fast:absent", priority=10)
    assert double(X) == ("plain", 1)  # known to be missing, so it is no offer at all
    offer("nn-late", target="math:absent", priority=20)
    double.forget()
    with pytest.raises(PluginError) as caught:
        double(X)
    assert str(caught.value) == (
        "kernel double@nn-late cannot be loaded from math:absent: "
        "AttributeError: module 'math' has no attribute 'absent'"
    )
    assert kernel_providers() == {}


def test_providers_are_those_of_the_kernels_used_so_far(offer, double):
    offer("nn-fast", priority=10, array="nn_fast.arrays:Array")
    assert kernel_providers() == {}
    double(X)
    assert kernel_providers() == {"double[numpy:ndarray]": "plain"}
    double(import_module("nn_fast.arrays").Array())
    assert nn_core.kernel_providers() == {
        "double[nn_fast.arrays:Array]": "double@nn-fast",
        "double[numpy:ndarray]": "plain",
    }


def test_providers_are_sorted_by_kernel(fake_plugins):
    for name in "dbca":

        def plain(x):
            return x

        plain.__name__ = name
        kernel(plain)(X)
    assert list(kernel_providers()) == [f"{name}[numpy:ndarray]" for name in "abcd"]


def test_providers_tell_what_was_used_and_not_what_would_be_used_now(offer, double, monkeypatch):
    offer("nn-fast", priority=10)
    double(X)
    monkeypatch.setenv("NN_KERNELS", "plain")
    assert kernel_providers() == {"double[numpy:ndarray]": "double@nn-fast"}
    double.forget()
    assert kernel_providers() == {}
