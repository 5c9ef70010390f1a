"""The command ``nn-cli``: a group whose subcommands are imported only when they are called."""

from __future__ import annotations

import os
import sys
import traceback
from typing import NoReturn

import click

from nn_cli import __version__
from nn_cli.nn_plugin import COMMANDS
from nn_core.discovery import Component
from nn_core.errors import (
    ConfigError,
    ConflictError,
    NNError,
    PluginError,
    ShapeError,
    UnknownComponentError,
    did_you_mean,
    sentence,
)
from nn_core.registry import registry

WORK_FAILED, WORDS_WRONG, INTERRUPTED = 1, 2, 130


class PluginGroup(click.Group):
    """Shows the summaries of all commands that plugins announce, and imports the one that is called.

    nn-cli's own commands do not depend on discovery, so that a broken plugin cannot take away the means to find it.
    """

    def list_commands(self, context: click.Context) -> list[str]:
        own = [_called(spec.name) for spec in COMMANDS]
        return own + sorted(set(self._others()) - set(own))

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        for spec in COMMANDS:
            if _called(spec.name) == name:
                return _load(Component(spec, "nn-cli", __version__))
        return _load(self._others()[name]) if name in self._others() else None

    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if not name.startswith("-") and name not in self.list_commands(context):
            known = self.list_commands(context)
            hint = did_you_mean(name, known) or f" Commands are {', '.join(known)}."
            raise click.UsageError(f"There is no command {name!r}.{hint}", context)
        return super().resolve_command(context, args)

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        summaries = {_called(spec.name): spec.summary for spec in COMMANDS}
        summaries = {name: component.summary for name, component in self._others().items()} | summaries
        with formatter.section("Commands"):
            formatter.write_dl([(name, summaries[name]) for name in self.list_commands(context)])

    def _others(self) -> dict[str, Component]:
        """Return the commands of other distributions by the name they are called by; of a conflict, by both."""
        found = [component for component in registry().components("command") if component.distribution != "nn-cli"]
        names = [component.name for component in found]
        return {
            _called(component.name if names.count(component.name) == 1 else component.qualified_name): component
            for component in found
        }


def _called(name: str) -> str:
    """Return how a command is called whose component has this name: with hyphens, as in ``check-plugin``."""
    bare, at, distribution = name.partition("@")
    return bare.replace("_", "-") + at + distribution


def _load(component: Component) -> click.Command:
    command = component.load()
    if not isinstance(command, click.Command):
        raise PluginError(f"command {component.qualified_name}: {component.target} is not a click command.")
    return command


@click.group(
    cls=PluginGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Example: nn-cli train examples/digits-cnn.toml",
)
@click.version_option(__version__, prog_name="nn-cli")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def cli(debug: bool) -> None:
    """Train, examine and use neural networks made of plugins."""


def main(args: list[str] | None = None) -> NoReturn:
    """Run the command line and exit: 0 done, 1 the work failed, 2 the words were wrong, 130 interrupted."""
    words = sys.argv[1:] if args is None else args
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by the caller
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - open until the end
    try:
        status = cli.main(words, prog_name="nn-cli", standalone_mode=False)
        sys.exit(status if type(status) is int else 0)  # an integer where a command ends by context.exit(status)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        _fail("interrupted", INTERRUPTED)
    except (ConfigError, UnknownComponentError, ConflictError, ShapeError) as error:
        _report(error, words, WORDS_WRONG)
    except Exception as error:
        _report(error, words, WORK_FAILED)


def _report(error: Exception, words: list[str], code: int) -> NoReturn:
    if "--debug" in words:
        traceback.print_exception(error)
    if isinstance(error, NNError):
        _fail(sentence(str(error)), code)
    if isinstance(error, OSError):
        place = f"{error.filename}: " if error.filename else ""
        _fail(f"{place}{error.strerror or error}", WORK_FAILED)
    _fail(f"{type(error).__name__}: {error}. This looks like a bug; nn-cli --debug shows where.", WORK_FAILED)


def _fail(message: str, code: int) -> NoReturn:
    click.echo(f"nn-cli: {message}", err=True)
    sys.exit(code)
