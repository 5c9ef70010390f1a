"""The command itself: start-up, help, exit codes, errors, and commands that plugins add."""

from __future__ import annotations

import os
from importlib import metadata

import pytest

import nn_cli

COMMAND = """
from nn_core.plugins import CommandSpec, hookimpl

NN_API = 1


@hookimpl
def nn_commands():
    yield CommandSpec(name="{name}", target="{package}.command:command", summary="{summary}")
"""
GREET = """
import click


@click.command("greet")
@click.argument("name")
@click.option("--loud", is_flag=True)
def command(name, loud):
    click.echo(f"Hello {name}{'!' if loud else '.'}")
"""


@pytest.fixture
def install_command(fake_plugins):
    """Install a distribution with one command, whose module has the given source."""

    def install_command(source: str, distribution: str = "nn-acme", name: str = "greet", summary: str = "Say hello."):
        package = distribution.replace("-", "_")
        plugin = COMMAND.format(name=name, package=package, summary=summary)
        fake_plugins.install(distribution, {f"{package}/nn_plugin.py": plugin, f"{package}/command.py": source})

    return install_command


@pytest.fixture
def install_failure(install_command):
    """Install the command `fail`, which ends with the given statement."""

    def install_failure(statement: str, imports: str = "") -> None:
        source = f"import click\n{imports}\n\n@click.command('fail')\ndef command():\n    {statement}\n"
        install_command(source, name="fail")

    return install_failure


# Start-up

PROGRAM = """
import contextlib, io, sys
before = set(sys.modules)
from nn_cli.main import main
said = io.StringIO()
try:
    with contextlib.redirect_stdout(said):
        main(sys.argv[1:])
except SystemExit as end:
    assert end.code == 0, end.code
assert len(said.getvalue()) > 10, said.getvalue()
print(*sorted(set(sys.modules) - before))
"""


@pytest.mark.parametrize("words", ["--version", "--help", "list", "list layers --json", "plugins --verbose"])
def test_what_one_asks_first_imports_neither_numpy_nor_much_else(run_outside, words):
    result = run_outside("-c", PROGRAM, *words.split())
    assert result.code == 0, result.err
    modules = result.out.split()
    heavy = {"numpy", "pandas", "pyarrow", "pooch", "cattrs", "tomli_w", "tqdm", "safetensors", "threadpoolctl"}
    assert {name.partition(".")[0] for name in modules}.isdisjoint(heavy)
    assert len(modules) < 250  # 196 on Python 3.11 with all five distributions, nearly all for click, attrs and pluggy


def test_the_package_can_be_run_as_a_module(run_outside):
    result = run_outside("-m", "nn_cli", "--version")
    assert (result.code, result.err) == (0, "")
    assert result.out == f"nn-cli, version {nn_cli.__version__}\n"
    assert run_outside("-m", "nn_cli", "lst").code == 2


def test_the_installed_command_is_this_one():
    [script] = metadata.entry_points(group="console_scripts", name="nn-cli")
    assert script.value == "nn_cli.main:main"


# Help


def test_help_lists_every_command_with_its_summary_and_an_example(run):
    result = run("--help")
    assert (result.code, result.err) == (0, "")
    for name in ("list", "info", "plugins", "train", "evaluate", "predict"):
        [line] = [line for line in result.lines if line.strip().startswith(f"{name} ")]
        assert len(line.split()) > 3
        assert line.endswith(".")
    assert "Example: nn-cli train examples/digits-cnn.toml" in result.out
    assert run("-h").out == result.out


@pytest.mark.parametrize(
    "name", ["list", "info", "plugins", "check-plugin", "new-plugin", "train", "evaluate", "predict"]
)
def test_every_command_explains_itself_with_examples(run, name):
    result = run(name, "--help")
    assert result.code == 0
    assert f"Usage: nn-cli {name}" in result.out
    assert "Examples:\n" in result.out or name == "plugins"
    assert "\b" not in result.out


def test_the_summary_in_the_list_of_commands_is_what_discovery_announces(run, fake_plugins):
    listed = {line.split()[1]: " ".join(line.split()[4:]) for line in run("list", "commands").lines[1:]}
    helped = " ".join(run("--help").out.split())
    assert set(listed) == {"list", "info", "plugins", "check_plugin", "new_plugin", "train", "evaluate", "predict"}
    for name, summary in listed.items():
        assert f"{name.replace('_', '-')} {summary}" in helped


def test_without_a_command_the_help_is_shown_and_the_words_were_wrong(run):
    result = run()
    assert result.code == 2
    assert "Commands:" in result.err + result.out


# Words that are wrong


@pytest.mark.parametrize(("word", "meant"), [("trian", "train"), ("lst", "list"), ("evalute", "evaluate")])
def test_an_unknown_command_gets_the_close_match(run, word, meant):
    result = run(word)
    assert (result.code, result.out) == (2, "")
    assert f"There is no command '{word}'. Did you mean '{meant}'?" in result.err


def test_an_unknown_command_without_a_close_match_gets_all_of_them(run):
    result = run("xyzzy")
    assert result.code == 2
    commands = "list, info, plugins, check-plugin, new-plugin, train, evaluate, predict"
    assert f"There is no command 'xyzzy'. Commands are {commands}" in result.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["list", "--jsno"], "--json"),
        (["--verison"], "--version"),
        (["list", "layers", "losses"], "unexpected extra argument (losses)"),
        (["info"], "Missing argument 'NAME'"),
        (["train"], "Missing argument 'CONFIG'"),
        (["evaluate", "x", "--weights", "first"], "'first' is not one of 'last', 'best'"),
        (["predict", "x", "--part", "all"], "'all' is not one of 'test', 'train'"),
    ],
)
def test_wrong_words_exit_with_2_and_say_what_is_wrong(run, words, said):
    result = run(*words)
    assert (result.code, result.out) == (2, "")
    assert said in result.err


# Commands of plugins


def test_the_command_of_a_plugin_is_in_the_help_and_runs(run, install_command):
    install_command(GREET)
    helped = run("--help")
    assert "  greet         Say hello." in helped.lines
    result = run("greet", "Ada", "--loud")
    assert (result.code, result.out, result.err) == (0, "Hello Ada!\n", "")
    assert run("greet").code == 2
    assert "Did you mean 'greet'?" in run("gret").err


def test_the_help_imports_no_command(run, install_command):
    install_command("command = None\nraise RuntimeError('imported')")
    assert "  greet         Say hello." in run("--help").lines
    assert run("list", "commands").code == 0


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import no_such_library", ["nn_acme.command:command", "No module named 'no_such_library'"]),
        ("def other():\n    pass\n", ["nn_acme.command", "'command'"]),
        ("raise SystemExit(7)", ["nn_acme.command:command", "SystemExit: 7"]),
        ("def command():\n    pass\n", ["nn_acme.command:command", "is not a click command"]),
    ],
    ids=["import error", "no such attribute", "exit", "no click command"],
)
def test_a_command_that_cannot_be_loaded_is_an_error_that_names_it(run, install_command, source, said):
    install_command(f"command = None\ndel command\n{source}")  # the word is there, so discovery sees nothing wrong
    result = run("greet", "Ada")
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith("nn-cli: command greet@nn-acme")
    assert len(result.err.splitlines()) == 1
    assert all(phrase in result.err for phrase in said)


def test_the_command_of_a_broken_plugin_is_unknown_and_the_reason_is_at_hand(run, fake_plugins):
    fake_plugins.install("nn-acme", {"nn_acme/nn_plugin.py": "import no_such_library"})
    assert run("greet").code == 2
    assert run("--help").code == 0
    assert "no_such_library" in run("plugins").out


def test_two_commands_of_one_name_are_called_by_their_qualified_names(run, install_command):
    for letter in "ab":
        source = f"import click\n\n@click.command()\ndef command():\n    click.echo('by {letter}')\n"
        install_command(source, distribution=f"nn-{letter}", summary=f"Greet by {letter}.")
    helped = [line.split() for line in run("--help").lines]
    assert [words for words in helped if words and words[0].startswith("greet")] == [
        ["greet@nn-a", "Greet", "by", "a."],
        ["greet@nn-b", "Greet", "by", "b."],
    ]
    assert run("greet@nn-a").out == "by a\n"
    assert run("greet@nn-b").out == "by b\n"
    result = run("greet")
    assert result.code == 2
    assert "'greet@nn-" in result.err


def test_a_plugin_cannot_take_the_place_of_a_command_of_nn_cli(run, install_command):
    install_command("import click\n\n@click.command()\ndef command():\n    click.echo('mine')\n", name="list")
    result = run("list", "--json")
    assert result.code == 0
    assert '"kind": "layer"' in result.out
    assert [line for line in run("--help").lines if line.startswith("  list ")] == [
        "  list          List the components that the installed plugins provide."
    ]


# Ends


def test_a_command_that_returns_ends_with_0(run, install_failure):
    install_failure("return 'something'")
    result = run("fail")
    assert (result.code, result.out, result.err) == (0, "", "")


@pytest.mark.parametrize("statement", ["sys.exit(3)", "click.get_current_context().exit(3)"])
def test_a_command_may_choose_its_exit_code(run, install_failure, statement):
    install_failure(statement, "import sys")
    assert run("fail").code == 3


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ("ConfigError('wrong words')", 2),
        ("UnknownComponentError('wrong words')", 2),
        ("ConflictError('wrong words')", 2),
        ("ShapeError('wrong words')", 2),
        ("NNError('failed')", 1),
        ("DataError('failed')", 1),
        ("ModelFileError('failed')", 1),
        ("PluginError('failed')", 1),
        ("NotBuiltError('failed')", 1),
    ],
)
def test_our_own_errors_are_told_in_their_words_and_end_with_1_or_2(run, install_failure, error, code):
    install_failure(f"raise {error}", "from nn_core.errors import *")
    result = run("fail")
    assert (result.code, result.out) == (code, "")
    assert result.err == f"nn-cli: {error.split(chr(39))[1]}.\n"


def test_an_error_of_the_operating_system_names_the_file(run, install_failure, tmp_path):
    install_failure(f"open({str(tmp_path / 'nowhere')!r})")
    result = run("fail")
    assert (result.code, result.err) == (1, f"nn-cli: {tmp_path / 'nowhere'}: No such file or directory\n")


def test_any_other_error_is_called_a_bug(run, install_failure):
    install_failure("{}['key']")
    result = run("fail")
    assert result.code == 1
    assert result.err == "nn-cli: KeyError: 'key'. This looks like a bug; nn-cli --debug shows where.\n"


@pytest.mark.parametrize("statement", ["{}['key']", "raise nn_core.ConfigError('wrong')"])
def test_debug_shows_the_traceback_and_nothing_else_does(run, install_failure, statement):
    install_failure(statement, "import nn_core")
    quiet, loud = run("fail"), run("--debug", "fail")
    assert quiet.code == loud.code
    assert "Traceback" not in quiet.err
    assert loud.err.startswith("Traceback (most recent call last):")
    assert statement in loud.err
    assert loud.err.endswith(quiet.err)


@pytest.mark.parametrize("statement", ["raise KeyboardInterrupt", "raise click.Abort"])
def test_an_interrupted_command_ends_with_130(run, install_failure, statement):
    install_failure(statement)
    result = run("fail")
    assert result.code == 130
    assert result.err.strip() == "nn-cli: interrupted"


def test_a_reader_that_has_seen_enough_gets_no_complaint(run_outside):
    reader, writer = os.pipe()
    os.close(reader)
    try:
        result = run_outside("-m", "nn_cli", "list", stdout=writer)
    finally:
        os.close(writer)
    assert result.err == ""


def test_a_disk_that_is_full_is_an_error(run_outside):
    try:
        full = open("/dev/full", "w")  # noqa: SIM115 - closed below
    except OSError:
        pytest.skip("there is no /dev/full here")
    with full:
        result = run_outside("-m", "nn_cli", "list", stdout=full.fileno())
    assert result.code == 1
    assert result.err == "nn-cli: No space left on device\n"
