"""``nn-cli evaluate``."""

from __future__ import annotations

from pathlib import Path

import click

from nn_cli.runs import open_run
from nn_cli.scores import echo_scores
from nn_cli.tables import echo_json
from nn_core import evaluate


@click.command("evaluate")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Override a value, such as data.path=….")
@click.option(
    "--weights", type=click.Choice(["last", "best"]), default="last", show_default=True, help="Which epoch's."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")
def command(run: Path, overrides: tuple[str, ...], weights: str, as_json: bool) -> None:
    """Measure the trained model in the folder RUN on its test data.

    \b
    Examples:
      nn-cli evaluate runs/digits-cnn-1
      nn-cli evaluate runs/digits-cnn-1 --weights best --json
    """
    experiment, model = open_run(run, overrides, weights)
    _, _, test = experiment.load_data()
    loss = experiment.build("loss")
    scores = evaluate(model, test, loss=loss, metrics=experiment.train.metrics)
    if as_json:
        echo_json({"samples": len(test), **scores})
    else:
        echo_scores(scores, len(test))
