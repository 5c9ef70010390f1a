"""The distribution is what a plugin must be."""

from nn_core.testing import check_plugin


def test_the_distribution_passes_the_checks_of_plugins():
    assert check_plugin("nn-highway") > 0
