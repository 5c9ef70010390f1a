"""``nn-cli info``."""

from __future__ import annotations

import inspect
import re

import click

from nn_cli.arguments import arguments_of
from nn_cli.tables import echo_table
from nn_core.discovery import Component, normalize
from nn_core.errors import UnknownComponentError, did_you_mean, sentence
from nn_core.registry import registry

_SUPPLIED = {"optimizer": 1, "scheduler": 1, "initializer": 2}  # arguments that the framework gives


@click.command("info")
@click.argument("name")
def command(name: str) -> None:
    """Explain the component NAME: what it computes, its arguments with types, defaults and meaning, its shapes.

    \b
    Examples:
      nn-cli info conv2d
      nn-cli info conv2d@nn-layers-conv
    """
    bare, _, distribution = name.partition("@")
    everything = registry().components()
    found = [part for part in everything if part.name == bare and normalize(distribution) in ("", part.distribution)]
    if not found:
        elsewhere = [repr(part.qualified_name) for part in everything if part.name == bare]
        hint = (
            f" There is {' and '.join(elsewhere)}." if elsewhere else did_you_mean(bare, [p.name for p in everything])
        )
        hint = hint or " nn-cli list shows all there are."
        absent = [record for record in registry().records if record.status not in ("ok", "conflict")]
        reasons = [sentence(f" {record.distribution} is {record.status}: {record.reason}") for record in absent]
        raise UnknownComponentError(f"No installed plugin provides {name!r}.{hint}{''.join(reasons)}")
    for i, component in enumerate(found):
        if i:
            click.echo()
        _explain(component)


def _explain(component: Component) -> None:
    click.echo(
        f"{click.style(component.name, bold=True)} – {component.kind} of {component.distribution} {component.version}, "
        f"{component.target}\n"
    )
    target = component.load()
    if isinstance(target, click.Command):
        click.echo(target.get_help(click.Context(target, info_name=f"nn-cli {component.name}")))
        return
    if not callable(target):  # the docstring is that of its type, or of a whole library
        click.echo(component.summary)
        return
    click.echo(_readable(inspect.getdoc(target) or component.summary))
    try:
        arguments = arguments_of(target, _SUPPLIED.get(component.kind, 0))
    except ValueError:  # a callable in C may have no signature
        return
    if arguments:
        click.echo()
        rows = [(part.name, part.type, part.default, _readable(part.meaning)) for part in arguments]
        echo_table(("ARGUMENT", "TYPE", "DEFAULT", "MEANING"), rows)


def _readable(docstring: str) -> str:
    """Return a docstring without its markup, its examples for the interpreter and the arguments, which get a table."""
    text = re.sub(r"^Args:\n(?:[ ]+.*\n?|\n)+", "", docstring, flags=re.MULTILINE)
    text = re.sub(r"^>>> .*\n(?:(?!\n).*\n?)*", "", text, flags=re.MULTILINE)
    text = text.replace("``", "").replace("`", "")
    return re.sub(r"\n{3,}", "\n\n", text).strip()
