"""Messages on the console and in a file, and how long things took."""

from __future__ import annotations

import logging
import os
import re
import subprocess
import sys

import pytest

from nn_core import ConfigError, chronometer, configure_logging, logs

LINE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \| (\w+) *\| nn_core[\w.]*:\w+ - (.*)")
log = logging.getLogger("nn_core")
below = logging.getLogger("nn_core.training")


@pytest.fixture(autouse=True)
def _as_before():
    level, propagate = log.level, log.propagate
    yield
    configure_logging(console=False)
    log.setLevel(level)
    log.propagate = propagate


def written(text):
    return [LINE.fullmatch(line).groups() for line in text.splitlines()]


def say():
    log.debug("a")
    below.info("b %s", 1)
    log.warning("c")


def test_messages_from_a_level_on_go_to_the_console(capsys):
    for level, expected in (
        ("DEBUG", [("DEBUG", "a"), ("INFO", "b 1"), ("WARNING", "c")]),
        ("info", [("INFO", "b 1"), ("WARNING", "c")]),
        (logging.ERROR, []),
    ):
        configure_logging(level)
        say()
        assert written(capsys.readouterr().err) == expected


def test_a_file_is_appended_to_and_its_folder_made(tmp_path, capsys):
    path = tmp_path / "logs" / "train.log"
    for _ in range(2):
        configure_logging(file=path, console=False)
        say()
    assert written(path.read_text()) == [("INFO", "b 1"), ("WARNING", "c")] * 2
    assert capsys.readouterr().err == ""


def test_console_and_file_get_the_same(tmp_path, capsys):
    configure_logging(file=tmp_path / "a.log")
    say()
    assert capsys.readouterr().err == (tmp_path / "a.log").read_text()


def test_a_file_that_is_full_is_set_aside(tmp_path, monkeypatch):
    monkeypatch.setattr(logs, "FILE_SIZE", 300)
    configure_logging(file=tmp_path / "a.log", console=False)
    for i in range(30):
        log.info("message %d", i)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.log", "a.log.1", "a.log.2", "a.log.3"]
    assert all(path.stat().st_size <= 300 for path in tmp_path.iterdir())
    assert "message 29" in (tmp_path / "a.log").read_text()


def test_no_line_is_written_twice(capsys, caplog):
    for _ in range(3):
        configure_logging()
    log.info("once")
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert not caplog.records, "the root logger's handlers have it, too"
    configure_logging(console=False)
    log.warning("to the others")
    assert [record.message for record in caplog.records] == ["to the others"]
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("level", ["LOUD", None, True, 1.5])
def test_a_level_that_is_none_is_refused(level):
    before = log.handlers[:]
    with pytest.raises(ConfigError, match=re.escape("level must be one of DEBUG, INFO, WARNING, ERROR, CRITICAL")):
        configure_logging(level)
    assert log.handlers == before


def test_a_file_that_cannot_be_written_is_named_and_what_was_there_stays(tmp_path, capsys):
    configure_logging()
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"The log file .*a\.log cannot be written: "):
        configure_logging("DEBUG", file=tmp_path / "file" / "a.log")
    say()
    assert len(written(capsys.readouterr().err)) == 2


@pytest.mark.parametrize(("value", "lines"), [("1", 1), ("0", 0), ("", 0), (None, 0)])
def test_nn_debug_writes_every_message(value, lines):
    environment = {name: text for name, text in os.environ.items() if name != "NN_DEBUG"}
    if value is not None:
        environment["NN_DEBUG"] = value
    code = (
        "import numpy as np; from nn_core import Sequential, Linear; "
        "Sequential(Linear(out_features=3)).build((2, 5)); print('done')"
    )
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "done\n"
    built = [text for level, text in written(done.stderr) if "is built" in text and level == "DEBUG"]
    assert len(built) == lines
    assert all("out_features=3" in text and "(2, 5)" in text for text in built)


def test_a_function_with_a_chronometer_is_the_function(caplog):
    @chronometer
    def add(a, *, b=2):
        """Add."""
        return a + b

    with caplog.at_level(logging.INFO, "nn_core"):
        assert add(1, b=4) == 5
    assert (add.__name__, add.__doc__) == ("add", "Add.")
    assert re.fullmatch(r".*add took [\d.]+ (ns|µs|ms)", caplog.records[0].message)
    assert len(caplog.records) == 1


def test_the_chronometer_tells_the_time_of_what_failed(caplog):
    @chronometer
    def fail():
        raise ZeroDivisionError

    with caplog.at_level(logging.INFO, "nn_core"), pytest.raises(ZeroDivisionError):
        fail()
    assert "fail took" in caplog.text


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 ns"),
        (9.99e-7, "999 ns"),
        (1e-6, "1 µs"),
        (9.994e-4, "999.4 µs"),
        (1e-3, "1 ms"),
        (0.5, "500 ms"),
        (1, "1.00 s"),
        (59.994, "59.99 s"),
        (59.996, "1 m 0 s"),
        (60, "1 m 0 s"),
        (3599.4, "59 m 59 s"),
        (3599.6, "1 h 0 m 0 s"),
        (86400, "24 h 0 m 0 s"),
    ],
)
def test_a_time_is_told_in_the_unit_that_suits_it(seconds, words):
    assert logs.format_duration(seconds) == words


def test_nn_debug_outweighs_the_level(monkeypatch, capsys):
    monkeypatch.setenv("NN_DEBUG", "1")
    configure_logging("ERROR")
    say()
    assert len(written(capsys.readouterr().err)) == 3
