"""``nn-cli new-plugin``."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from nn_cli.scaffolding import KINDS, Plan, article, create
from nn_core.errors import ConfigError


def _kinds(command: Callable[..., Any]) -> Callable[..., Any]:
    for kind in reversed(KINDS):
        command = click.option(f"--{kind}", metavar="NAME", help=f"Begin with {article(kind)} of this name.")(command)
    return command


@click.command("new-plugin")
@click.argument("name")
@_kinds
@click.option(
    "--into", type=click.Path(path_type=Path), default=Path(), help="Where to make the folder; here if left out."
)
def command(name: str, into: Path, **kinds: str | None) -> None:
    """Make a plugin distribution NAME: a folder with all that it takes to install, test and publish one.

    It begins with one component that works, small enough to be replaced by your own: say of which kind and under which
    name. The names are checked, and nothing is overwritten.

    \b
    Examples:
      nn-cli new-plugin swish-lab --layer swish
      nn-cli new-plugin my-metrics --metric near
      pip install ./swish-lab && nn-cli check-plugin swish-lab
    """
    chosen = [(kind, component) for kind, component in kinds.items() if component is not None]
    if len(chosen) != 1:
        given = " and ".join(f"--{kind}" for kind, _ in chosen) or "nothing"
        raise ConfigError(
            f"Say which component to begin with, one of {', '.join(f'--{kind} NAME' for kind in KINDS)}; got {given}."
        )
    [(kind, component)] = chosen
    folder = into / name
    for path in create(Plan(name, kind, component), folder):
        click.echo(path)
    place = shlex.quote(str(folder))
    here = "" if folder.is_absolute() else "./"  # so that pip does not take it for a name
    click.echo(f"install it with: pip install {here}{place}    test it with: pytest {place}", err=True)
