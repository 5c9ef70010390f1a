"""nn-core and nn-layers-conv alone make a working network: nothing else need be on the machine."""

from __future__ import annotations

import os
import subprocess
import sys

PROGRAM = """
import sys

absent = ("pandas", "pyarrow", "pooch", "click", "cattrs", "tomli_w", "tqdm", "threadpoolctl",
          "nn_optim", "nn_data", "nn_cli")
for name in absent:
    sys.modules[name] = None  # importing it raises ImportError

import numpy as np

import nn_core
from nn_core import CrossEntropyLoss, Flatten, Linear, ReLU, Sequential
from nn_layers_conv import BatchNorm2d, Conv2d, MaxPool2d

rng = np.random.default_rng(0)
x, y = rng.standard_normal((16, 1, 8, 8)).astype(np.float32), np.arange(16) % 2
x += y[:, None, None, None]
nn_core.seed(0)
model = Sequential(Conv2d(1, 4, 3), BatchNorm2d(), ReLU(), MaxPool2d(2), Flatten(), Linear(out_features=2))
loss_fn = CrossEntropyLoss()
losses = []
for _ in range(5):
    loss, gradient = loss_fn(model(x), y)
    model.backward(gradient)
    for parameter in model.parameters():
        parameter.data -= 0.1 * parameter.grad
        parameter.zero_grad()
    losses.append(loss)
assert losses[-1] < 0.7 * losses[0], losses

model.eval()
outputs = model(x)
assert outputs.shape == (16, 2) and outputs.dtype == np.float32
assert (outputs.argmax(1) == y).mean() > 0.8
np.testing.assert_allclose(model.infer(x), outputs)

nn_core.save(model, sys.argv[1])
np.testing.assert_array_equal(nn_core.load(sys.argv[1])(x), outputs)

assert nn_core.build("layer", {"type": "conv2d", "out_channels": 2, "kernel_size": 3})(x).shape == (16, 2, 6, 6)
assert {"conv2d", "linear"} <= {part.name for part in nn_core.components("layer")}
statuses = {record.distribution: record.status for record in nn_core.plugin_records()}
assert statuses["nn-core"] == statuses["nn-layers-conv"] == "ok", statuses
assert all(sys.modules[name] is None for name in absent)
print("worked")
"""


def test_a_network_trains_infers_and_is_saved_with_two_distributions_only(tmp_path):
    clean = {name: value for name, value in os.environ.items() if not name.startswith("NN_")}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM, str(tmp_path / "model.safetensors")],
        env=clean,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "worked\n", "")
