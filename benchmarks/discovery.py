"""What `nn-cli list` costs with many plugins installed: fake distributions of five components each, one of them broken.

The same command runs in turn with the plugins on its path and without; every process is new, and byte code is kept, as
it is where pip installs. The difference divided by the number of plugins is what one further plugin costs. The files
that pip would write are there (METADATA of usual length, RECORD, entry points, a package with two modules).

    python benchmarks/discovery.py [--plugins 200] [--rounds 15]
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

import numpy as np

COMPONENTS = 5
README = "What this plugin of nn-core adds, and how it is used.\n" * 40


def install(folder: Path, number: int, *, broken: bool = False) -> None:
    """Write one distribution as pip does; a broken one cannot be imported."""
    package = folder / f"fake_{number}"
    package.mkdir()
    specs = "".join(
        f'    yield LayerSpec(name="fake_{number}_{part}", target="fake_{number}.parts:Part{part}", summary="Part.")\n'
        for part in range(COMPONENTS)
    )
    hook = f"@hookimpl\ndef nn_layers():\n{specs}"
    start = "import no_such_module\n" if broken else ""
    sources = {
        "__init__.py": "",
        "nn_plugin.py": f"{start}from nn_core.plugins import LayerSpec, hookimpl\n\nNN_API = 1\n\n\n{hook}",
        "parts.py": "".join(f"class Part{part}:\n    size = {part}\n\n\n" * 5 for part in range(COMPONENTS)),
    }
    for name, source in sources.items():
        (package / name).write_text(source, encoding="utf-8")
    info = folder / f"fake_{number}-1.0.dist-info"
    info.mkdir()
    about = f"Metadata-Version: 2.1\nName: fake-{number}\nVersion: 1.0\nRequires-Dist: nn-core\n\n{README}"
    (info / "METADATA").write_text(about, encoding="utf-8")
    (info / "entry_points.txt").write_text(f"[nn.plugins]\nfake-{number} = fake_{number}.nn_plugin\n", encoding="utf-8")
    (info / "RECORD").write_text("".join(f"fake_{number}/{name},,\n" for name in sources), encoding="utf-8")


def seconds(path: Path | None) -> tuple[float, subprocess.CompletedProcess[str]]:
    """Run ``nn-cli list`` in a new process, and return how long it took and what it said."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    if path is not None:
        environment["PYTHONPATH"] = str(path)
    start = perf_counter()
    done = subprocess.run([sys.executable, "-m", "nn_cli", "list"], env=environment, capture_output=True, text=True)
    return perf_counter() - start, done


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plugins", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number in range(options.plugins):
            install(folder, number, broken=number == options.plugins // 2)
        for path in (None, folder):  # the byte code is written, and the files are in memory
            seconds(path)
        rounds = [[seconds(path)[0] for path in (None, folder)] for _ in range(options.rounds)]
        _, done = seconds(folder)
    listed = sum("fake_" in line for line in done.stdout.splitlines())
    expected = COMPONENTS * (options.plugins - 1)
    warnings = done.stderr.splitlines()
    if done.returncode or listed != expected or len(warnings) != 1:
        sys.exit(f"expected {expected} components and one line of warning, got {listed} and:\n{done.stderr}")
    without, beside = np.median(rounds, axis=0)
    each = np.array([(many - few) / options.plugins * 1e3 for few, many in rounds])
    low, middle, high = np.quantile(each, [0.25, 0.5, 0.75])
    print(
        f"Python {platform.python_version()}, {options.plugins} plugins of {COMPONENTS} components, one of them broken"
    )
    print(f"nn-cli list: {without * 1e3:.0f} ms without them, {beside * 1e3:.0f} ms with them")
    print(f"each further plugin: {middle:.2f} ms (quartiles {low:.2f} and {high:.2f}, {options.rounds} rounds)")
    print(f"the broken one: {warnings[0]}")


if __name__ == "__main__":
    main()
