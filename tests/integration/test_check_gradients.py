"""The example that checks the gradients of everything that is registered."""

from __future__ import annotations

from pathlib import Path
from runpy import run_path
from types import SimpleNamespace

import pytest

import nn_core

PATH = Path(__file__).parents[2] / "examples" / "check_gradients.py"
example = SimpleNamespace(**run_path(str(PATH)))


@pytest.mark.parametrize("kind", ["layer", "loss"])
def test_every_registered_component_of_ours_has_a_row(kind):
    rows = {"layer": example.LAYERS, "loss": example.LOSSES}[kind]
    ours = ("nn-core", "nn-layers-conv")
    assert [name for name in example.without_row(kind, rows) if name.partition("@")[2] in ours] == []
    installed = {component.name for component in nn_core.components(kind)}
    assert {name for name, _, _ in rows} <= installed


def test_all_gradients_are_right_to_1e_7(capsys):
    with pytest.raises(SystemExit) as left:
        run_path(str(PATH), run_name="__main__")
    printed = capsys.readouterr().out
    assert left.value.code == 0, printed
    lines = printed.splitlines()
    for name, _, _ in [*example.LAYERS, *example.LOSSES]:
        [*_, line] = [line.split() for line in lines if line.startswith(f"{name} ")]
        errors = [float(word) for word in line if "e-" in word or "e+" in word]
        assert len(errors) >= 2
        assert max(errors) == errors[0] <= 1e-7
    [linear] = [line.split()[2::2] for line in lines if line.startswith("linear ")]
    assert linear == ["input", "weight", "bias"]
    assert "WRONG" not in printed


def test_a_wrong_gradient_is_shown_and_makes_the_exit_code_1(capsys, monkeypatch):
    right = nn_core.Linear.forward

    def wrong(self, x, input_gradient=True):
        y, backward = right(self, x)
        return y, lambda dy: 1.001 * backward(dy)

    monkeypatch.setattr(nn_core.Linear, "forward", wrong)
    assert example.main(layers=example.LAYERS[:1], losses=[]) == 1
    assert "WRONG: linear: the gradient of input at (" in capsys.readouterr().out


def test_what_has_no_row_is_named(capsys):
    rows = [row for row in example.LAYERS if row[0] != "relu"]
    assert example.without_row("layer", rows) == [*example.without_row("layer", example.LAYERS), "relu@nn-core"]
    assert example.main(layers=[], losses=[row for row in example.LOSSES if row[0] == "mse"]) == 0
    printed = capsys.readouterr().out
    assert "NOT CHECKED, for want of a row: layer linear@nn-core" in printed
    assert "NOT CHECKED, for want of a row: loss cross_entropy@nn-core" in printed
    assert "loss mse@nn-core" not in printed


def test_a_component_that_is_not_installed_is_said_to_be(capsys):
    assert example.main(layers=[("no_such_layer", {}, (2, 3))], losses=[]) == 0
    assert "no_such_layer        not installed" in capsys.readouterr().out
