"""``nn-cli predict``."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

import click
import numpy as np

from nn_cli.runs import open_run
from nn_core import NNError, predict


@click.command("predict")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="CSV file to write; standard output if left out.")
@click.option("--part", type=click.Choice(["test", "train"]), default="test", show_default=True, help="Which samples.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Override a value, such as data.path=….")
@click.option(
    "--weights", type=click.Choice(["last", "best"]), default="last", show_default=True, help="Which epoch's."
)
def command(run: Path, out: Path | None, part: str, overrides: tuple[str, ...], weights: str) -> None:
    """Write what the trained model in the folder RUN says of its data, as CSV.

    A classifier's columns are the sample's number, its target, the predicted label, and the probability of each class;
    of other models, the outputs take the place of label and probabilities.

    \b
    Examples:
      nn-cli predict runs/digits-cnn-1 --out predictions.csv
      nn-cli predict runs/digits-cnn-1 | head
    """
    experiment, model = open_run(run, overrides, weights)
    train, _, test = experiment.load_data()
    data = test if part == "test" else train
    x, target = data.take(np.arange(len(data)))[:2]
    outputs = predict(model, x).reshape(len(data), -1)
    classifies = getattr(experiment.build("loss"), "outputs", "values") == "logits"
    if classifies:
        outputs = _softmax(outputs)
        targets = target.argmax(axis=1) if target.ndim == 2 else target
        labels = outputs.argmax(axis=1)
        names = ["index", "target", "label", *(f"p_{i}" for i in range(outputs.shape[1]))]
        rows: Any = zip(range(len(data)), targets, labels, *outputs.T, strict=True)
    else:
        targets = target.reshape(len(data), -1)
        names = ["index", *(f"target_{i}" for i in range(targets.shape[1]))]
        names += [f"output_{i}" for i in range(outputs.shape[1])]
        rows = zip(range(len(data)), *targets.T, *outputs.T, strict=True)
    with _open(out) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(names)
        writer.writerows([value.item() if isinstance(value, np.generic) else value for value in row] for row in rows)
    if out is not None:
        click.echo(f"{len(data)} predictions in {out}", err=True)


def _softmax(logits: Any) -> Any:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


@contextmanager
def _open(path: Path | None) -> Iterator[TextIO]:
    if path is None:
        yield sys.stdout
        return
    try:
        with open(path, "w", encoding="utf-8", newline="") as file:
            yield file
    except OSError as error:
        raise NNError(f"{path} cannot be written: {error.strerror}.") from None
