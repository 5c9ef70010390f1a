"""``nn-cli plugins``."""

from __future__ import annotations

import sys

import click
from attrs import evolve

from nn_cli.tables import echo_json, echo_table
from nn_core.discovery import PluginRecord
from nn_core.errors import PluginError
from nn_core.registry import registry


@click.command("plugins")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")
@click.option("--verbose", is_flag=True, help="Also show every component with the object it stands for.")
@click.option("--check", is_flag=True, help="Import every component too; exit with 1 unless all plugins are ok.")
def command(as_json: bool, verbose: bool, check: bool) -> None:
    """Show which plugin distributions loaded, and why others did not.

    \b
    Status is
      ok            its components can be used
      broken        it raised an error or announced something that is not there
      incompatible  it is written for another version of the plugin API
      conflict      another distribution provides a component of the same name
      blocked       NN_PLUGINS or NN_BLOCK_PLUGINS keeps it out
    """
    records = [_loaded(record) if check else record for record in registry().records]
    if as_json:
        echo_json([_as_dict(record) for record in records])
    else:
        rows: list[tuple[str, ...]] = []
        for record in records:
            api = "" if record.api is None else str(record.api)
            count = str(len(record.components))
            rows.append((record.distribution, record.version, api, record.status, count, record.reason))
            if verbose:
                rows += [("", "", "", "", "", f"{part.kind} {part.name} → {part.target}") for part in record.components]
        echo_table(("DISTRIBUTION", "VERSION", "API", "STATUS", "COMPONENTS", "REASON"), rows)
    if check and any(record.status != "ok" for record in records):
        sys.exit(1)


def _loaded(record: PluginRecord) -> PluginRecord:
    """Return the record as it is once every component has been imported."""
    reasons = []
    for component in record.components:
        try:
            component.load()
        except PluginError as error:
            reasons.append(str(error))
    if not reasons:
        return record
    return evolve(record, status="broken", reason="; ".join([*([record.reason] if record.reason else []), *reasons]))


def _as_dict(record: PluginRecord) -> dict[str, object]:
    return {
        "distribution": record.distribution,
        "version": record.version,
        "api": record.api,
        "status": record.status,
        "reason": record.reason,
        "components": [
            {"kind": part.kind, "name": part.name, "target": part.target, "summary": part.summary}
            for part in record.components
        ],
    }
