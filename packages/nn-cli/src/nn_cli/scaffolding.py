"""A new plugin distribution from templates: names that are checked, and files in which only those differ."""

from __future__ import annotations

import keyword
import re
import sys
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from string import Template

from attrs import frozen

from nn_core.discovery import normalize
from nn_core.errors import ConfigError, NNError
from nn_core.plugins import SPECS
from nn_core.registry import components

FUNCTIONS = ("initializer", "dataset", "command")
"""Kinds whose component is a function, named like it; others are classes."""

KINDS = ("layer", "loss", "optimizer", "scheduler", "initializer", "metric", "callback", "dataset", "command")
"""Kinds of which there is a template."""

_NEEDS = {
    "layer": ["attrs>=23.2", "numpy>=2.0"],
    "loss": ["attrs>=23.2", "numpy>=2.0"],
    "scheduler": [],
    "initializer": [],
    "command": ["click>=8.1"],
}
"""What a component of a kind needs beside nn-core, where that is not NumPy alone."""

_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_DISTRIBUTION = re.compile(r"[A-Za-z]([A-Za-z0-9._-]*[A-Za-z0-9])?")


def article(kind: str) -> str:
    """Return a kind with its article: ``an optimizer``."""
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"


@frozen
class Plan:
    """What a new distribution is to be called, and what it is to hold.

    Args:
        distribution: its name, such as ``swish-lab``.
        kind: of its component.
        name: of the component, such as ``swish``.
    """

    distribution: str
    kind: str
    name: str

    @property
    def package(self) -> str:
        return normalize(self.distribution).replace("-", "_")

    def words(self) -> dict[str, str]:
        """Return what the templates leave open."""
        spec = next(spec for spec in SPECS if spec.kind == self.kind)
        camel = "".join(part.capitalize() for part in self.name.split("_"))
        needs = ["nn-core>=0.1,<0.2", *_NEEDS.get(self.kind, ["numpy>=2.0"])]
        return {
            "distribution": normalize(self.distribution),
            "package": self.package,
            "kind": self.kind,
            "plural": spec.plural,
            "name": self.name,
            "called": self.name.replace("_", "-"),
            "module": self.name if self.name.endswith(self.kind) else f"{self.name}_{self.kind}",
            "target": self.name if self.kind in FUNCTIONS else camel,
            "spec": spec.__name__,
            "hook": f"nn_{spec.plural}",
            "summary": f"The {self.kind} {self.name}.",
            "dependencies": ", ".join(f'"{need}"' for need in needs),
        }


def check_names(plan: Plan) -> None:
    """Refuse names that could not be installed, imported or looked up, or that something else has.

    Raises:
        ConfigError: one is wrong; it is named with the remedy.
    """
    name = plan.distribution
    if not _DISTRIBUTION.fullmatch(name):
        raise ConfigError(
            f"{name!r} is no name of a distribution: a letter, and then letters, digits, and hyphens between them."
        )
    if keyword.iskeyword(plan.package) or plan.package in sys.stdlib_module_names:
        raise ConfigError(f"{name!r} cannot be imported: Python itself has {plan.package!r}. Choose another name.")
    try:
        installed = version(name)
    except PackageNotFoundError:
        pass
    else:
        raise ConfigError(f"The distribution {name} {installed} is installed already. Choose another name.")
    if find_spec(plan.package) is not None:
        raise ConfigError(
            f"There is a package {plan.package!r} already, which {name!r} would hide. Choose another name."
        )
    if keyword.iskeyword(plan.name):
        raise ConfigError(
            f"{plan.name!r} is no name of {article(plan.kind)}: it is a keyword of Python. Choose another."
        )
    if not _NAME.fullmatch(plan.name):
        suggestion = re.sub(r"[^a-z0-9]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", plan.name).lower()).strip("_")
        hint = f" Such as {suggestion!r}." if _NAME.fullmatch(suggestion) and not keyword.iskeyword(suggestion) else ""
        raise ConfigError(f"{plan.name!r} is no name of {article(plan.kind)}: names are snake_case.{hint}")
    target = plan.words()["target"]
    if target in _imported(plan.kind):
        raise ConfigError(
            f"The class of {plan.name!r} would hide {target!r}, which its files import. Choose another name."
        )
    taken = [part for part in components(plan.kind) if part.name == plan.name]
    if taken:
        raise ConfigError(
            f"{taken[0].distribution} provides the {plan.kind} {plan.name!r} already; two of one name would be a "
            f"conflict. Choose another name."
        )


def _imported(kind: str) -> set[str]:
    """Return the names that the templates of a kind import."""
    texts = [_template(f"kinds/{name}.py") for name in (kind, f"test_{kind}")]
    lines = [line for text in texts for line in re.findall(r"^(?:from \S+ )?import (.+)$", text, re.MULTILINE)]
    return {word for line in lines for word in re.findall(r"\w+", line)}


def _template(name: str) -> str:
    return (files("nn_cli") / "templates" / f"{name}.txt").read_text(encoding="utf-8")


def create(plan: Plan, folder: Path) -> list[Path]:
    """Write the files of a distribution into a folder, which must not be there yet, and return their paths.

    Raises:
        ConfigError: a name is wrong, or there is something in the folder's place.
        NNError: it cannot be written.
    """
    check_names(plan)
    words = plan.words()
    source = f"src/{plan.package}"
    templates = {
        "pyproject.toml": "common/pyproject.toml",
        "README.md": "common/README.md",
        ".github/workflows/tests.yml": "common/ci.yml",
        f"{source}/__init__.py": "common/init.py",
        f"{source}/nn_plugin.py": "common/nn_plugin.py",
        f"{source}/{words['module']}.py": f"kinds/{plan.kind}.py",
        f"tests/test_{words['module']}.py": f"kinds/test_{plan.kind}.py",
        "tests/test_plugin.py": "common/test_plugin.py",
    }
    if folder.exists() or folder.is_symlink():
        raise ConfigError(f"{folder} is there already, and nothing is overwritten. Choose another name, or --into.")
    written = []
    try:
        for path, template in templates.items():
            text = _template(template)
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(Template(text).substitute(words), encoding="utf-8")
            written.append(file)
    except OSError as error:
        raise NNError(f"{folder} cannot be written: {error.strerror}. Choose another place with --into.") from None
    return written
