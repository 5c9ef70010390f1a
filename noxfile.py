"""What a contributor runs: ``nox`` does all of it, ``nox -s lint`` or ``nox -s "tests-3.11(nn-optim)"`` a part."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tomllib
from functools import cache
from pathlib import Path

import nox

ROOT = Path(__file__).parent
PROJECTS = {path.parent.name: path for path in sorted(ROOT.glob("packages/*/pyproject.toml"))}
PYTHONS = [
    version
    for version in ("3.11", "3.12", "3.13", "3.14")
    if (path := shutil.which(f"python{version}"))
    and subprocess.run([path, "--version"], capture_output=True, check=False).returncode == 0  # no mere shim
] or None
CONSTRAINTS = f"--constraint={ROOT / 'constraints.txt'}"
TEST_TOOLS = ("pytest", "hypothesis")

nox.needs_version = ">=2024.10.9"
nox.options.default_venv_backend = "virtualenv"


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and formatting."""
    session.install("ruff", CONSTRAINTS)
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")


@nox.session
def typecheck(session: nox.Session) -> None:
    """Check types, strictly."""
    libraries = ("pillow", "python-dotenv", "types-tqdm")  # that have types, and are extras
    session.install("mypy", "nox", *libraries, *TEST_TOOLS, *wheels(session).values(), CONSTRAINTS)
    session.run("mypy")


@nox.session(python=PYTHONS)
@nox.parametrize("distribution", [nox.param(name, id=name) for name in PROJECTS])
def tests(session: nox.Session, distribution: str) -> None:
    """Test one distribution in an environment that holds only its wheel, what it declares to need, and the tools."""
    built = wheels(session)
    session.install(*TEST_TOOLS, *(built[name] for name in closure(distribution)), CONSTRAINTS)
    package = distribution.replace("-", "_")
    session.run("pytest", f"tests/{package}", *session.posargs)
    session.run("pytest", "--doctest-modules", "--pyargs", package)


@nox.session
def integration(session: nox.Session) -> None:
    """Test all distributions together, and against the golden files."""
    session.install(
        "h5py", "matplotlib", "pillow", "python-dotenv", *TEST_TOOLS, *wheels(session).values(), CONSTRAINTS
    )
    session.run("pytest", "tests", "--ignore=tests/parity", *session.posargs)


@nox.session
def parity(session: nox.Session) -> None:
    """Compare with PyTorch, and metrics with scikit-learn, value by value."""
    session.install("torch", "scikit-learn", "matplotlib", *TEST_TOOLS, *wheels(session).values(), CONSTRAINTS)
    session.run("pytest", "tests/parity", *session.posargs)


@nox.session
def plugins(session: nox.Session) -> None:
    """Make a plugin of every kind from its template, install it as a user would, and run its tests."""
    session.install("pytest", *wheels(session).values(), CONSTRAINTS)
    folder = Path(session.create_tmp()) / "plugins"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    kinds = str(session.run("python", "-c", "from nn_cli.scaffolding import KINDS; print(*KINDS)", silent=True)).split()
    for kind in kinds:
        session.run(
            "nn-cli", "new-plugin", f"lab-{kind}", f"--{kind}", f"my_{kind}", "--into", str(folder), silent=True
        )
    session.install(*(str(folder / f"lab-{kind}") for kind in kinds), CONSTRAINTS)
    for kind in kinds:
        session.run("nn-cli", "check-plugin", f"lab-{kind}")
        session.chdir(folder / f"lab-{kind}")
        session.run("python", "-m", "pytest", "-q")
        session.chdir(ROOT)
    # A model with a plugin's layer trains, is saved, and says what it needs where the plugin is gone.
    layers = '[{type="flatten"}, {type="linear", out_features=16}, {type="my_layer"}, {type="linear", out_features=10}]'
    changes = ("--set", f"model.layers={layers}", "--set", "train.epochs=2")
    session.run("nn-cli", "train", "examples/digits-cnn.toml", *changes, "--out", str(folder / "run"))
    session.run("nn-cli", "evaluate", str(folder / "run"))
    session.run("python", "-m", "pip", "uninstall", "--quiet", "--yes", "lab-layer")
    said = str(session.run("nn-cli", "evaluate", str(folder / "run"), silent=True, success_codes=[1, 2]))
    if "lab-layer 0.1.0" not in said:
        session.error(f"a model without its plugin should name it and its version, and says: {said}")


@nox.session
def examples(session: nox.Session) -> None:
    """Install the example plugins as an outsider's, from their own wheels, and run their tests."""
    session.install("pytest", *wheels(session).values(), CONSTRAINTS)
    folders = sorted((ROOT / "examples" / "plugins").iterdir())
    session.install(*map(str, folders), CONSTRAINTS)
    for folder in folders:
        session.run("nn-cli", "check-plugin", folder.name)
        session.chdir(folder)
        session.run("python", "-m", "pytest", "-q")
        session.chdir(ROOT)
    run = Path(session.create_tmp()) / "run"
    shutil.rmtree(run, ignore_errors=True)
    changes = (
        "model.layers=[{type='flatten'}, {type='linear', out_features=64}, {type='maxout'}, {type='highway'}, "
        "{type='linear', out_features=10}]",
        "optimizer={type='yogi', lr=0.01}",
        "train.metrics=['accuracy', 'matthews']",
        "train.epochs=3",
    )
    options = [f"--set={change}" for change in changes]
    session.run("nn-cli", "train", "examples/digits-cnn.toml", *options, "--out", str(run))
    session.run("nn-cli", "predict", str(run), "--out", str(run / "predictions.csv"))
    session.run("nn-cli", "mistakes", str(run / "predictions.csv"), "--top", "3")


@nox.session
def demo(session: nox.Session) -> None:
    """Train the digits network as the README does, and see that it learned."""
    session.install(*wheels(session).values(), CONSTRAINTS)
    run = Path(session.create_tmp()) / "digits"
    shutil.rmtree(run, ignore_errors=True)
    session.run("nn-cli", "train", "examples/digits-cnn.toml", "--out", str(run))
    accuracy = json.loads(str(session.run("nn-cli", "evaluate", str(run), "--json", silent=True)))["accuracy"]
    if accuracy < 0.98:
        session.error(f"the digits network reached {accuracy:.2%} on the test images, and should reach 98 %")


@cache
def wheel_folder() -> Path:
    """Return an empty folder for the wheels of this run of nox."""
    folder = ROOT / ".nox" / "wheels"
    shutil.rmtree(folder, ignore_errors=True)
    return folder


def wheels(session: nox.Session) -> dict[str, str]:
    """Return the path of every distribution's wheel, building them once."""
    folder = wheel_folder()
    if not folder.exists():
        sources = [str(path.parent) for path in PROJECTS.values()]
        session.run("python", "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), *sources)
    return {path.name.split("-")[0].replace("_", "-"): str(path) for path in folder.glob("*.whl")}


def closure(distribution: str) -> set[str]:
    """Return a distribution and those of this repository that it declares to need, directly or not."""
    project = tomllib.loads(PROJECTS[distribution].read_text(encoding="utf-8"))["project"]
    needed = {re.split(r"[\[<>=!~; ]", requirement)[0] for requirement in project["dependencies"]} & set(PROJECTS)
    return {distribution}.union(*(closure(name) for name in needed))
