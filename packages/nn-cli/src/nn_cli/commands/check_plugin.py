"""``nn-cli check-plugin``."""

from __future__ import annotations

import sys

import click

from nn_cli.tables import echo_json, echo_table
from nn_core.errors import PluginError


@click.command("check-plugin")
@click.argument("distribution")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")
def command(distribution: str, as_json: bool) -> None:
    """Hold an installed plugin DISTRIBUTION to what every plugin must do.

    It must load and conflict with nothing, announce its components without importing large libraries, and each
    component must be importable, documented, and have the methods of its kind. What a component computes is for the
    distribution's own tests, with the cases and checks of nn_core.testing. Exits with 1 if a check fails.

    \b
    Examples:
      nn-cli check-plugin nn-optim
      nn-cli check-plugin my-plugin --json
    """
    from nn_core.testing.plugins import PLUGIN_CHECKS, record_of

    record = record_of(distribution)
    results = []
    for name, check in PLUGIN_CHECKS.items():
        try:
            check(record)
        except (AssertionError, PluginError) as error:  # the latter where an earlier check told already
            results.append((name, "failed", str(error)))
        else:
            results.append((name, "ok", (check.__doc__ or "").splitlines()[0]))
    failed = [name for name, result, _ in results if result == "failed"]
    if as_json:
        echo_json(
            {
                "distribution": record.distribution,
                "version": record.version,
                "components": len(record.components),
                "checks": [{"check": name, "result": result, "about": text} for name, result, text in results],
            }
        )
    else:
        echo_table(("CHECK", "RESULT", "ABOUT"), results)
        click.echo(
            f"{len(results) - len(failed)} of {len(results)} checks passed for {record.distribution} {record.version} "
            f"with {len(record.components)} component{'' if len(record.components) == 1 else 's'}",
            err=True,
        )
    if failed:
        sys.exit(1)
