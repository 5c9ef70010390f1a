"""``nn-cli train``."""

from __future__ import annotations

from math import isfinite
from pathlib import Path

import click
import numpy as np

from nn_cli.experiment import read_experiment
from nn_cli.runs import WEIGHTS, RunFolder, create_run, discard_unless_trained, resumed_run
from nn_cli.scores import echo_scores
from nn_core import ConfigError, NNError, ProgressBar, evaluate, fit
from nn_core.serialization import describe


@click.command("train")
@click.argument("config", type=click.Path(path_type=Path), required=False)
@click.option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Override a value, such as train.epochs=3."
)
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the run; runs/<name>-<number> if left out.")
@click.option("--resume", type=click.Path(path_type=Path), metavar="FOLDER", help="Go on with the run in this folder.")
def command(config: Path | None, overrides: tuple[str, ...], out: Path | None, resume: Path | None) -> None:
    """Train the experiment that the TOML file CONFIG describes.

    The run is saved in one folder: the configuration with all overrides, history.csv, and the models of the last and of
    the best epoch (last.safetensors, best.safetensors). Interrupted with Ctrl-C, it is saved after the batch; --resume
    goes on from there, or from the last epoch that was finished, as if nothing had been.

    \b
    Examples:
      nn-cli train examples/digits-cnn.toml
      nn-cli train examples/digits-cnn.toml --set train.epochs=5 --set optimizer.lr=0.01
      nn-cli train examples/mnist-cnn.toml --set data.path=path/to/mnist --out runs/mnist
      nn-cli train --resume runs/mnist --set train.epochs=20
    """
    checkpoint = None
    if resume is not None:
        if config is not None or out is not None:
            raise ConfigError("--resume goes on with what is in its folder; leave CONFIG and --out out.")
        experiment, checkpoint = resumed_run(resume, overrides)
    elif config is None:
        raise click.UsageError("Missing argument 'CONFIG', the TOML file of an experiment, or --resume FOLDER.")
    else:
        experiment = read_experiment(config, overrides)
    train, validation, test = experiment.load_data()
    sample = train.take([0])[0]
    model = experiment.build_model(tuple(x.shape for x in sample) if isinstance(sample, tuple) else sample.shape)
    loss = experiment.build("loss")
    optimizer = experiment.build("optimizer", model.parameters())
    scheduler = experiment.build("scheduler", optimizer) if "scheduler" in experiment.table else None
    describe(model)  # raises now, rather than after an epoch, if the model cannot be saved
    folder = resume or create_run(experiment, config.stem if config else "", out)

    weights = sum(parameter.size for parameter in model.parameters())
    click.echo(
        f"{len(train)} training samples, {len(test)} test samples; {weights:,} parameters in {type(model).__name__}",
        err=True,
    )
    preprocessing = getattr(train, "preprocessing", None)  # of a table, with which the model takes raw rows
    extra = None if preprocessing is None else {"preprocessing": preprocessing}
    kept = RunFolder(folder, None if checkpoint is None else experiment, extra)
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
                scheduler=scheduler,
                accumulate=experiment.train.accumulate,
                clip_norm=experiment.train.clip_norm,
                resume=checkpoint,
                callbacks=[kept, ProgressBar()],  # saved before it is shown
                seed=experiment.seed,
            )
    except BaseException as error:
        discard_unless_trained(folder)
        if isinstance(error, KeyboardInterrupt) and (folder / WEIGHTS.format("last")).exists():
            click.echo(f"saved in {folder}; go on with: nn-cli train --resume {folder}", err=True)
        raise
    if kept.resumed is not None:
        click.echo(
            f"{folder} had all its {len(history)} epochs already, so that nothing was trained; --set train.epochs=N "
            f"gives it more.",
            err=True,
        )
    if not isfinite(history["loss"][-1]):
        raise NNError(
            f"Training diverged: the loss became {history['loss'][-1]}. Try a smaller optimizer.lr; "
            f"the run is in {folder}."
        )
    echo_scores(evaluate(model, test, loss=loss, metrics=experiment.train.metrics), len(test))
    click.echo(f"saved in {folder}")
