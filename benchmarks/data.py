"""How fast data come, and how much memory it takes: streams beside pyarrow's own scan, and loaders beside arrays.

The first part makes a folder of Parquet files (by default 2 GB of random numbers, in 31 columns of float32 and one of
labels, as pyarrow writes them if nothing else is said; random numbers do not compress, so that decoding takes least and
a loader stands out most) and reads it in turn with pyarrow, which is done when it has decoded the columns, and with
`TableStream`, which makes batches of 256 rows of them, in order and shuffled. Then an epoch of a small network is
trained in a process of its own, whose peak memory is told. The second part trains the convolutional network of
`convolution.py` for some batches from arrays and from a `DataLoader` that makes batches ahead in a thread, with and
without a transform.

    python benchmarks/data.py [--folder FOLDER] [--gigabytes 2] [--rounds 5] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from nn_core import Flatten, Linear, ReLU, Sequential, fit
from nn_data import ArrayDataset, DataLoader, TableStream
from nn_data.transforms import Normalize
from nn_layers_conv import BatchNorm2d, Conv2d, MaxPool2d

FEATURES = 31
ROWS = 1_000_000  # per file
BATCH = 256
BUFFER = 1 << 16

TRAIN = """
import re, sys
from pathlib import Path
from time import perf_counter
from nn_core import Linear, ReLU, Sequential, fit
from nn_data import TableStream

stream = TableStream(sys.argv[1], "label", batch_size=1024, shuffle=1 << 16)
model = Sequential(Linear(out_features=64), ReLU(), Linear(64, 2))
start = perf_counter()
options = {"loss": "cross_entropy", "optimizer": {"type": "adam", "lr": 1e-3}, "metrics": ["accuracy"]}
history = fit(model, stream, epochs=1, **options)
peak = int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text()).group(1))  # of this program alone
print(perf_counter() - start, peak / 1024, history["accuracy"][-1])
"""


def make(folder: Path, gigabytes: float) -> None:
    """Write the files that are not there yet; the label says whether the first three numbers add up to more than 0."""
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(max(round(gigabytes * 1e9 / (ROWS * (4 * FEATURES + 8))), 1)):
        path = folder / f"part-{i:03d}.parquet"
        if not path.exists():
            rng = np.random.default_rng(i)
            x = rng.standard_normal((FEATURES, ROWS), dtype=np.float32)
            columns = {f"f{j}": column for j, column in enumerate(x)}
            pq.write_table(pa.table({**columns, "label": (x[:3].sum(axis=0) > 0).astype(np.int64)}), path)


def scan(folder: Path) -> Callable[[], int]:
    return lambda: sum(len(batch) for batch in ds.dataset(folder).to_batches())


def stream(folder: Path, shuffle: int) -> Callable[[], int]:
    source = TableStream(folder, "label", batch_size=BATCH, shuffle=shuffle)
    return lambda: sum(len(y) for _, y in source)


def in_turn(ways: dict[str, Callable[[], Any]], rounds: int) -> dict[str, list[float]]:
    """Return the seconds that each way took in every round, after one that does not count."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for round_ in range(rounds + 1):
        for name, way in ways.items():
            start = perf_counter()
            way()
            if round_:
                seconds[name].append(perf_counter() - start)
    return seconds


def ratios(seconds: dict[str, list[float]], base: str) -> dict[str, dict[str, float]]:
    """Return for each way its median seconds, and the median and extremes of what it took beside another."""
    told = {}
    for name, times in seconds.items():
        ratio = np.array(times) / np.array(seconds[base])
        told[name] = {
            "seconds": float(np.median(times)),
            "ratio": float(np.median(ratio)),
            "least": float(ratio.min()),
            "most": float(ratio.max()),
        }
    return told


def cnn() -> Sequential:
    layers = [Conv2d(1, 32, 3, padding=1, bias=False), BatchNorm2d(32), ReLU(), MaxPool2d(2)]
    layers += [Conv2d(32, 64, 3, padding=1, bias=False), BatchNorm2d(64), ReLU(), MaxPool2d(2)]
    return Sequential(*layers, Flatten(), Linear(3136, 10))


def training(data: Any) -> Callable[[], Any]:
    model = cnn()
    options = {"loss": "cross_entropy", "optimizer": "adam", "epochs": 1, "batch_size": 128}
    return lambda: fit(model, data, **options)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, help="where the files are, or are made; a temporary one if left out")
    parser.add_argument("--gigabytes", type=float, default=2.0)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    report: dict[str, Any] = {"machine": platform.processor() or platform.machine(), "pyarrow": pa.__version__}

    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        make(folder, options.gigabytes)
        rows = ds.dataset(folder).count_rows()
        print(
            f"{rows:,} rows in {len(list(folder.iterdir()))} files, {rows * (4 * FEATURES + 8) / 1e9:.2f} GB of values"
        )
        ways = {
            "pyarrow scan": scan(folder),
            "in order": stream(folder, 0),
            f"shuffled by {BUFFER}": stream(folder, BUFFER),
        }
        report["streams"] = ratios(in_turn(ways, options.rounds), "pyarrow scan")
        for name, told in report["streams"].items():
            share = (
                f"{100 / told['ratio']:.0f} % ({100 / told['most']:.0f} to {100 / told['least']:.0f}) of pyarrow's rate"
            )
            print(f"{name:<20}{rows / told['seconds'] / 1e6:8.2f} million rows/s   {share}")
        done = subprocess.run([sys.executable, "-c", TRAIN, str(folder)], capture_output=True, text=True, check=True)
        seconds, peak, accuracy = map(float, done.stdout.split())
        report["epoch"] = {"seconds": seconds, "peak MB": peak, "accuracy": accuracy}
        print(f"an epoch of an MLP: {seconds:.1f} s, peak memory {peak:.0f} MB, training accuracy {accuracy:.3f}")

    rng = np.random.default_rng(0)
    x, y = rng.random((128 * 30, 1, 28, 28), np.float32), rng.integers(0, 10, 128 * 30)
    data = ArrayDataset(x, y)
    normalize = Normalize(0.5, 0.3)
    ways = {
        "arrays": training(data),
        "loader": training(DataLoader(data, 128, shuffle=True)),
        "loader, prefetch": training(DataLoader(data, 128, shuffle=True, prefetch=2)),
        "the same, normalized": training(DataLoader(data, 128, shuffle=True, prefetch=2, transform=normalize)),
    }
    report["fit"] = ratios(in_turn(ways, max(options.rounds, 7)), "arrays")
    for name, told in report["fit"].items():
        print(f"fit of the CNN, {name:<22}{told['seconds'] / 30 * 1e3:7.1f} ms per batch   {told['ratio']:.3f}")
    if options.json:
        options.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
