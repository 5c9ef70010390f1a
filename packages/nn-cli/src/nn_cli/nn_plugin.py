"""What nn-cli announces: its own subcommands, by the same door as everyone's."""

from __future__ import annotations

from collections.abc import Iterator

from nn_core.plugins import CommandSpec, hookimpl

NN_API = 1

COMMANDS = tuple(
    CommandSpec(name=name, target=f"nn_cli.commands.{module}:command", summary=summary)
    for name, module, summary in (
        ("list", "listing", "List the components that the installed plugins provide."),
        ("info", "info", "Explain one component: arguments, equation, shapes."),
        ("plugins", "plugins", "Show which plugin distributions loaded, and why others did not."),
        ("check_plugin", "check_plugin", "Hold an installed plugin to what every plugin must do."),
        ("new_plugin", "new_plugin", "Make a plugin distribution to begin with."),
        ("train", "train", "Train the experiment that a TOML file describes."),
        ("evaluate", "evaluate", "Measure a trained model on its test data."),
        ("predict", "predict", "Write a trained model's labels and probabilities as CSV."),
    )
)


# ruff: noqa: D103 - what each hook announces is said in nn_core/hookspecs.py
@hookimpl
def nn_commands() -> Iterator[CommandSpec]:
    yield from COMMANDS
