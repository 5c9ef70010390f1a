"""Training in a process of its own that is killed with SIGKILL, over and over, and resumed: nothing is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import numpy as np
import pytest
from safetensors.numpy import load_file

KILLS = int(os.environ.get("NN_TEST_KILLS", "5"))

PROGRAM = """
import sys
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from nn_core import BatchNorm1d, Checkpoint, Dropout, Flatten, Linear, ReLU, Sequential, fit, seed
from nn_layers_conv import Conv2d, MaxPool2d
from nn_optim import EMA, Adam, OneCycleLR

folder = Path(sys.argv[1])
last = folder / "last.safetensors"
seed(0)
rng = np.random.default_rng(1)
y = rng.integers(0, 3, 90)
x = rng.normal(size=(90, 1, 8, 8)).astype("float32")
x[np.arange(90), 0, 2 * y, 3] += 2


class Told:
    def on_batch_start(self, state):
        print(state.trained, flush=True)


model = Sequential(
    Conv2d(1, 4, 3, padding=1), ReLU(), MaxPool2d(2), Flatten(), Linear(64, 16), BatchNorm1d(16), ReLU(), Dropout(0.4),
    Linear(16, 3),
)
optimizer = Adam(model.parameters(), lr=0.01)
history = fit(
    model,
    (x, y),
    loss="cross_entropy",
    optimizer=optimizer,
    scheduler=OneCycleLR(optimizer, max_lr=0.02),
    metrics=["accuracy", {"type": "f1", "average": "macro"}],
    validation=(x[:30], y[:30]),
    callbacks=[Told(), EMA(0.95), Checkpoint(folder=folder, every_batches=1)],
    epochs=7,
    batch_size=7,
    accumulate=2,
    clip_norm=1.0,
    seed=3,
    resume=last if last.exists() else None,
)
columns = {f"history/{name}": np.array(history[name]) for name in history.columns if name != "seconds"}
save_file(model.state_dict() | columns, folder / "result.safetensors")
"""


def start(folder):
    folder.mkdir(exist_ok=True)
    return subprocess.Popen([sys.executable, "-c", PROGRAM, str(folder)], stdout=subprocess.PIPE, text=True)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no SIGKILL on this system")
def test_a_run_that_is_killed_again_and_again_ends_as_if_nothing_had_been(tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    process = start(whole)
    process.communicate()
    assert process.returncode == 0

    rng = np.random.default_rng(int(os.environ.get("NN_TEST_SEED", "0")))
    batches, reached = 7 * 13, []
    for _ in range(KILLS):
        process = start(killed)
        ahead = int(rng.integers(1, max(2, 2 * batches // (KILLS + 1))))
        for _ in range(ahead):  # it is killed somewhere in its batch, or while it writes the checkpoint of that
            line = process.stdout.readline()
            if not line:
                break
            reached.append(int(line))
        process.kill()
        process.communicate()
        leftovers = [path.name for path in killed.iterdir() if path.name.startswith(".")]
        assert len(leftovers) <= len(reached)
        if (killed / "last.safetensors").exists():
            load_file(killed / "last.safetensors")  # which is whole at any time
    process = start(killed)
    process.communicate()
    assert process.returncode == 0
    assert reached, "it was never killed in training"

    one, other = (load_file(folder / "result.safetensors") for folder in (whole, killed))
    assert one.keys() == other.keys()
    assert "history/val_f1" in one
    for name, array in one.items():
        np.testing.assert_array_equal(array, other[name], err_msg=name)
