"""``nn-cli mistakes``."""

import csv
from collections import Counter

import click


@click.command("mistakes")
@click.argument("predictions", type=click.File(encoding="utf-8"))
@click.option("--top", type=click.IntRange(1), default=10, show_default=True, help="How many kinds of mistakes.")
def mistakes(predictions, top):
    """Count what a model takes for what, in PREDICTIONS, a CSV file that nn-cli predict wrote.

    \b
    Examples:
      nn-cli predict runs/digits-cnn-1 | nn-cli mistakes -
      nn-cli mistakes predictions.csv --top 3
    """
    rows = csv.DictReader(predictions)
    if not {"target", "label"} <= set(rows.fieldnames or ()):
        raise click.ClickException(
            f"{predictions.name} has no columns 'target' and 'label'. Write it with: nn-cli predict RUN --out FILE"
        )
    pairs = [(row["target"], row["label"]) for row in rows]
    wrong = Counter((target, label) for target, label in pairs if target != label)
    click.echo(f"{sum(wrong.values())} of {len(pairs)} are wrong")
    for (target, label), count in wrong.most_common(top):
        click.echo(f"{count:5}  {target} taken for {label}")
