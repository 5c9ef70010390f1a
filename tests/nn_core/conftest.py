"""Plugins that are not there: real packages with real metadata, in temporary folders on the path."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from textwrap import dedent

import pytest

import nn_core
from nn_core.discovery import PluginRecord, normalize
from nn_core.registry import registry


def write_distribution(
    folder: Path,
    distribution: str,
    modules: Mapping[str, str],
    *,
    version: str = "1.0",
    entry_points: Mapping[str, str] | None = None,
) -> Path:
    """Write an installed distribution into a folder and return its ``dist-info``.

    Args:
        folder: what stands on the path.
        distribution: its name, as its METADATA spells it.
        modules: path → source; the folders in between become packages.
        version: its version.
        entry_points: name → module in the group ``nn.plugins``; left out, every ``nn_plugin.py`` gets one.
    """
    for path, source in modules.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        for package in file.relative_to(folder).parents:
            if package.name:
                (folder / package / "__init__.py").touch()
        file.write_text(dedent(source), encoding="utf-8")
    if entry_points is None:
        plugins = [Path(path) for path in modules if Path(path).name == "nn_plugin.py"]
        entry_points = {path.parts[0]: ".".join(path.with_suffix("").parts) for path in plugins}

    info = folder / f"{distribution.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    about = f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n"
    (info / "METADATA").write_text(about, encoding="utf-8")
    if entry_points:
        lines = "".join(f"{name} = {module}\n" for name, module in entry_points.items())
        scripts = "[console_scripts]\nnn-fake = nn_fake.no_such_module:main\n"
        (info / "entry_points.txt").write_text(f"{scripts}\n[nn.plugins]\n{lines}", encoding="utf-8")
    return info


class FakePlugins:
    """Installs distributions for the length of a test; the one installed last comes first on the path."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = root
        self.monkeypatch = monkeypatch

    def install(
        self,
        distribution: str,
        modules: Mapping[str, str],
        *,
        version: str = "1.0",
        entry_points: Mapping[str, str] | None = None,
    ) -> Path:
        """Install a distribution in a folder of its own and return its ``dist-info``."""
        folder = self.root / f"site{len(list(self.root.iterdir()))}"
        info = write_distribution(folder, distribution, modules, version=version, entry_points=entry_points)
        self.monkeypatch.syspath_prepend(folder)
        registry.cache_clear()
        return info

    def install_layers(self, distribution: str, *names: str, version: str = "1.0") -> Path:
        """Install a distribution that announces layers, each of them a class ``Layer`` with the option ``size``."""
        package = normalize(distribution).replace("-", "_")
        specs = "".join(f'    yield LayerSpec(name="{name}", target="{package}.parts:Layer")\n' for name in names)
        header = "from nn_core.plugins import LayerSpec, hookimpl\n\nNN_API = 1\n\n\n"
        return self.install(
            distribution,
            {
                f"{package}/nn_plugin.py": f"{header}@hookimpl\ndef nn_layers():\n{specs}",
                f"{package}/parts.py": "class Layer:\n    def __init__(self, size=1):\n        self.size = size\n",
            },
            version=version,
        )

    def record(self, distribution: str) -> PluginRecord:
        """Return what the registry of the process says about one distribution."""
        (record,) = [record for record in nn_core.plugin_records() if record.distribution == distribution]
        return record

    def remove(self) -> None:
        for name, module in [*sys.modules.items()]:
            # A package that is really installed may have the same name, and was imported before.
            if Path(getattr(module, "__file__", None) or "").is_relative_to(self.root):
                del sys.modules[name]
        registry.cache_clear()


@pytest.fixture(scope="session")
def installed_siblings() -> list[str]:
    """The distributions with plugins, besides nn-core, that happen to be installed where the tests run."""
    entries = metadata.entry_points(group="nn.plugins")
    return sorted({entry.dist.name for entry in entries if entry.dist} - {"nn-core"})


@pytest.fixture
def fake_plugins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, installed_siblings: list[str]
) -> Iterator[FakePlugins]:
    """A process in which nn-core and the plugins that the test installs are all there is."""
    for variable in [name for name in os.environ if name.startswith("NN_")]:
        monkeypatch.delenv(variable)
    plugins = FakePlugins(tmp_path / "path", monkeypatch)
    plugins.root.mkdir()
    for distribution in installed_siblings:  # hidden by a copy without plugins that comes first on the path
        plugins.install(distribution, {}, version="0")
    yield plugins
    plugins.remove()
