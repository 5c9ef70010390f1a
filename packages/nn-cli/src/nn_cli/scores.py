"""How results are said."""

from __future__ import annotations

from collections.abc import Mapping

import click

_SHARES = ("accuracy",)


def echo_scores(scores: Mapping[str, float], count: int) -> None:
    """Print measures of the test data, one per line; accuracies in percent."""
    for name, value in scores.items():
        shown = f"{100 * value:.2f} %" if name in _SHARES else f"{value:.4f}"
        click.echo(f"test {name} {shown} ({count} samples)")
