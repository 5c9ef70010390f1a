"""The distribution is what a plugin must be."""

from __future__ import annotations

from nn_core.testing import check_plugin


def test_the_distribution_passes_the_checks_of_plugins():
    assert check_plugin("nn-optim") >= 8
