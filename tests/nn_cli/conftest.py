"""The command line in this process, and the fake plugins of nn-core's tests beside it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from importlib import metadata
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest
from attrs import frozen

from nn_cli.main import main

_spec = spec_from_file_location("nn_core_conftest", Path(__file__).parents[1] / "nn_core" / "conftest.py")
assert _spec is not None
assert _spec.loader is not None
_core = module_from_spec(_spec)
_spec.loader.exec_module(_core)
fake_plugins = _core.fake_plugins


@pytest.fixture(scope="session")
def installed_siblings() -> list[str]:
    """What `fake_plugins` hides: all plugins that happen to be installed besides the two that are declared."""
    entries = metadata.entry_points(group="nn.plugins")
    return sorted({entry.dist.name for entry in entries if entry.dist} - {"nn-core", "nn-cli"})


@frozen
class Result:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Call the command line in this process, and see to it that no traceback is shown."""
    monkeypatch.setenv("COLUMNS", "100")

    def run(*words: object) -> Result:
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main([str(word) for word in words])
        result = Result(int(end.value.code or 0), *capsys.readouterr())
        assert "--debug" in words or "Traceback" not in result.err
        return result

    return run


@pytest.fixture
def run_outside() -> Callable[..., Result]:
    """Call Python in a process of its own, which finds what this one finds on its path."""

    def run_outside(*words: object, stdout: int = subprocess.PIPE, **environment: str) -> Result:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("NN_")}
        path = os.pathsep.join(folder for folder in sys.path if folder)
        done = subprocess.run(
            [sys.executable, *map(str, words)],
            env=clean | {"PYTHONPATH": path, "PYTHONIOENCODING": "utf-8"} | environment,
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        return Result(done.returncode, done.stdout, done.stderr)

    return run_outside


@pytest.fixture
def plugin(fake_plugins) -> Callable[..., None]:
    """Install a distribution whose plugin module has the given body under the usual imports."""

    def plugin(distribution: str, body: str, modules: dict[str, str] | None = None, **options: object) -> None:
        package = distribution.replace("-", "_")
        source = f"from nn_core.plugins import *\n\nNN_API = 1\n\n{body}\n"
        inner = {f"{package}/{path}": text for path, text in (modules or {}).items()}
        fake_plugins.install(distribution, {f"{package}/nn_plugin.py": source, **inner}, **options)

    return plugin


LAB = """
from nn_core.plugins import *

NN_API = 1


@hookimpl
def nn_datasets():
    for name in ("blobs", "line"):
        yield DatasetSpec(name=name, target=f"nn_lab.parts:{name}")


@hookimpl
def nn_initializers():
    yield InitializerSpec(name="blank", target="nn_lab.parts:blank")


@hookimpl
def nn_losses():
    yield LossSpec(name="squared_error", target="nn_lab.parts:SquaredError")


@hookimpl
def nn_optimizers():
    yield OptimizerSpec(name="descent", target="nn_lab.parts:Descent")
"""
LAB_PARTS = '''
import numpy as np

from nn_core import ArrayDataset, Loss, Optimizer


def blobs(n: int = 40, seed: int = 0):
    """Two clouds of points in space, one for each class; 20 more points are for testing."""
    y = np.arange(n + 20) % 2
    x = np.random.default_rng(seed).standard_normal((n + 20, 3)) + 3 * y[:, None]
    return ArrayDataset(x[:n].astype(np.float32), y[:n]), ArrayDataset(x[n:].astype(np.float32), y[n:])


def line(n: int = 12):
    """Points on a plane: three inputs, two numbers to predict."""
    x = np.random.default_rng(0).standard_normal((n, 3)).astype(np.float32)
    y = x @ np.array([[1, 0], [0, 2], [3, 0]], np.float32)
    return ArrayDataset(x, y), ArrayDataset(x[:5], y[:5])


def blank(shape, rng):
    return np.zeros(shape, np.float32)


class SquaredError(Loss):
    def forward(self, pred, target):
        residual = pred - target
        return (residual**2).sum(axis=1), lambda scale: 2 * scale[:, None] * residual


class Descent(Optimizer):
    def __init__(self, parameters, lr: float = 0.1):
        super().__init__(parameters, lr=lr)

    def update(self, parameter, state, *, lr):
        parameter.data -= lr * parameter.grad
'''
EXPERIMENT = """
seed = 3
[data]
type = "blobs"
batch_size = 16
[model]
layers = [{ type = "linear", out_features = 4 }, { type = "relu" }, { type = "linear", out_features = 2 }]
[loss]
type = "cross_entropy"
[optimizer]
type = "descent"
lr = 0.3
[train]
epochs = 3
metrics = ["accuracy"]
"""


@pytest.fixture
def lab(fake_plugins, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in with ``lab.toml``, an experiment whose dataset and optimizer a fake plugin provides."""
    fake_plugins.install("nn-lab", {"nn_lab/nn_plugin.py": LAB, "nn_lab/parts.py": LAB_PARTS})
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "lab.toml").write_text(EXPERIMENT, encoding="utf-8")
    monkeypatch.chdir(folder)
    return folder
