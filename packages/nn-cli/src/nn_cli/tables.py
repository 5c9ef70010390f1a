"""Tables for people and for machines."""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
from collections.abc import Sequence
from typing import Any

import click


def echo_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows in aligned columns; on a terminal the header is bold and the last column is wrapped to fit."""
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    left = sum(widths[:-1]) + 2 * (len(header) - 1)
    room = max(shutil.get_terminal_size().columns - left, 20) if sys.stdout.isatty() else widths[-1] or 1
    texts = []
    for i, row in enumerate([header, *rows]):
        start = "".join(f"{cell:{width}}  " for cell, width in zip(row[:-1], widths[:-1], strict=True))
        lines = textwrap.wrap(row[-1], room) or [""]
        for j, line in enumerate(lines):
            text = f"{start if j == 0 else ' ' * left}{line}".rstrip()
            texts.append(click.style(text, bold=True) if i == 0 else text)
    click.echo("\n".join(texts))


def echo_json(value: Any) -> None:
    """Print a value as JSON with one key per line."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))
