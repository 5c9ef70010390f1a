"""``nn-cli train``."""

from __future__ import annotations

from math import isfinite
from pathlib import Path

import click
import numpy as np

from nn_cli.experiment import read_experiment
from nn_cli.runs import HISTORY, RunFolder, create_run, discard_unless_trained
from nn_cli.scores import echo_scores
from nn_core import NNError, ProgressBar, evaluate, fit
from nn_core.serialization import describe


@click.command("train")
@click.argument("config", type=click.Path(path_type=Path))
@click.option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Override a value, such as train.epochs=3."
)
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the run; runs/<name>-<number> if left out.")
def command(config: Path, overrides: tuple[str, ...], out: Path | None) -> None:
    """Train the experiment that the TOML file CONFIG describes.

    The run is saved in one folder: the configuration with all overrides, history.csv, and the models of the last and of
    the best epoch (last.safetensors, best.safetensors).

    \b
    Examples:
      nn-cli train examples/digits-cnn.toml
      nn-cli train examples/digits-cnn.toml --set train.epochs=5 --set optimizer.lr=0.01
      nn-cli train examples/mnist-cnn.toml --set data.path=path/to/mnist --out runs/mnist
    """
    experiment = read_experiment(config, overrides)
    train, validation, test = experiment.load_data()
    sample = train.take([0])[0]
    model = experiment.build_model(tuple(x.shape for x in sample) if isinstance(sample, tuple) else sample.shape)
    loss = experiment.build("loss")
    optimizer = experiment.build("optimizer", model.parameters())
    describe(model)  # raises now, rather than after an epoch, if the model cannot be saved
    folder = create_run(experiment, config.stem, out)

    weights = sum(parameter.size for parameter in model.parameters())
    click.echo(
        f"{len(train)} training samples, {len(test)} test samples; {weights:,} parameters in {type(model).__name__}",
        err=True,
    )
    try:
        with np.errstate(all="ignore"):  # a loss that is not finite is told below
            history = fit(
                model,
                train,
                loss=loss,
                optimizer=optimizer,
                epochs=experiment.train.epochs,
                batch_size=experiment.data.batch_size,
                validation=validation,
                metrics=experiment.train.metrics,
                callbacks=[RunFolder(folder), ProgressBar()],  # saved before it is shown
                seed=experiment.seed,
            )
    except BaseException as error:
        discard_unless_trained(folder)
        if isinstance(error, KeyboardInterrupt) and (folder / HISTORY).exists():
            click.echo(f"the epochs that were finished are saved in {folder}", err=True)
        raise
    if not isfinite(history["loss"][-1]):
        raise NNError(
            f"Training diverged: the loss became {history['loss'][-1]}. Try a smaller optimizer.lr; "
            f"the run is in {folder}."
        )
    echo_scores(evaluate(model, test, loss=loss, metrics=experiment.train.metrics), len(test))
    click.echo(f"saved in {folder}")
