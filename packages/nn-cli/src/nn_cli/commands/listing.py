"""``nn-cli list``."""

from __future__ import annotations

import click

from nn_cli.tables import echo_json, echo_table
from nn_core.errors import sentence
from nn_core.plugins import KINDS
from nn_core.registry import kind_named, registry


@click.command("list")
@click.argument("kind", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")
def command(kind: str | None, as_json: bool) -> None:
    """List the components that the installed plugins provide.

    KIND is layer, loss, optimizer, dataset, …; left out, all kinds are listed.

    \b
    Examples:
      nn-cli list
      nn-cli list layers
      nn-cli list --json
    """
    kind = kind_named(kind) if kind else None
    components = registry().components(kind)
    if as_json:
        keys = ("kind", "name", "distribution", "version", "summary", "target")
        echo_json([{key: getattr(component, key) for key in keys} for component in components])
    elif components:
        rows = [(part.kind, part.name, part.distribution, part.version, part.summary) for part in components]
        echo_table(("KIND", "NAME", "DISTRIBUTION", "VERSION", "SUMMARY"), rows)
    else:
        click.echo(f"No installed plugin provides {KINDS[kind].plural if kind else 'components'}.", err=True)
    for record in registry().records:
        if record.status not in ("ok", "blocked"):
            state = "in conflict" if record.status == "conflict" else record.status
            click.echo(sentence(f"{record.distribution} {record.version} is {state}: {record.reason}"), err=True)
