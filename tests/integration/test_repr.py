"""What a model of several distributions prints."""

from __future__ import annotations

from nn_core import Linear, ReLU, Sequential
from nn_layers_conv import BatchNorm2d, Conv2d, MaxPool2d

EXPECTED = """\
Sequential(
  (0): Conv2d(in_channels=1, out_channels=32, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1), bias=False)
  (1): BatchNorm2d(num_features=32, momentum=0.1, eps=1e-05)
  (2): ReLU()
  (3): MaxPool2d(kernel_size=(2, 2), stride=(2, 2), padding=(0, 0))
  (4): Conv2d(in_channels=32, out_channels=64, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1), bias=False)
  (5): BatchNorm2d(num_features=64, momentum=0.1, eps=1e-05)
  (6): ReLU()
  (7): MaxPool2d(kernel_size=(2, 2), stride=(2, 2), padding=(0, 0))
  (8): Linear(in_features=4096, out_features=10, bias=True)
)"""


def test_a_convolutional_model_prints_its_layers_and_their_options():
    model = Sequential(
        Conv2d(1, 32, 3, padding=1, bias=False),
        BatchNorm2d(32),
        ReLU(),
        MaxPool2d(2, 2),
        Conv2d(32, 64, 3, padding=1, bias=False),
        BatchNorm2d(64),
        ReLU(),
        MaxPool2d(2, 2),
        Linear(64 * 8 * 8, 10),
    )
    assert repr(model) == EXPECTED
