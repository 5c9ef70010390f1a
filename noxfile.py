"""What a contributor runs: ``nox`` does all of it, ``nox -s tests`` or ``nox -s "tests(nn-optim)"`` a part."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import nox

ROOT = Path(__file__).parent
CONSTRAINTS = f"--constraint={ROOT / 'constraints.txt'}"
DISTRIBUTIONS = sorted(path.parent.name for path in ROOT.glob("packages/*/pyproject.toml"))
PYTHONS = [v for v in ("3.11", "3.12", "3.13", "3.14") if shutil.which(f"python{v}")] or [sys.version.split()[0]]
TEST_TOOLS = ["pytest", "hypothesis"]

nox.needs_version = ">=2024.4.15"
nox.options.default_venv_backend = "virtualenv"
nox.options.stop_on_first_error = False


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and formatting."""
    session.install("ruff", CONSTRAINTS)
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")


@nox.session
def typecheck(session: nox.Session) -> None:
    """Check types, strictly."""
    session.install("mypy", "nox", "types-tqdm", *_all_wheels(session), CONSTRAINTS)
    session.run("mypy")


@nox.session(python=PYTHONS)
@nox.parametrize("distribution", [nox.param(name, id=name) for name in DISTRIBUTIONS])
def tests(session: nox.Session, distribution: str) -> None:
    """Test one distribution with only its wheel and what it declares to need."""
    wheels = _wheels(session)
    session.install(*TEST_TOOLS, *_closure(distribution, wheels), CONSTRAINTS)
    package = distribution.replace("-", "_")
    session.run("pytest", "--doctest-modules", "--pyargs", package, f"tests/{package}", *session.posargs)
