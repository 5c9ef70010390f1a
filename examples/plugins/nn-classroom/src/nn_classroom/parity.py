"""Rows of bits, and whether they have an odd number of ones."""

import numpy as np

from nn_core import ArrayDataset, ConfigError


def parity(bits=6, test_share=0.25, seed=0):
    """Return (train, test) of all rows of bits in random order, of class 1 where the number of ones is odd.

    No layer without a hidden one can learn it, and no bit tells anything alone (Minsky and Papert 1969).

    Args:
        bits: length of a row, 2 to 16.
        test_share: share of the ``2**bits`` rows that is for testing.
        seed: of the order.

    Shape: x ``(N, bits)`` float32, 0 or 1; y ``(N,)`` int64, 0 or 1.

    Raises:
        ConfigError: an option is out of its range.
    """
    if not 2 <= bits <= 16:
        raise ConfigError(f"parity: expected 2 to 16 bits, got {bits}.")
    if not 0 < test_share < 1:
        raise ConfigError(f"parity: expected a test_share between 0 and 1, got {test_share}.")
    numbers = np.random.default_rng(seed).permutation(2**bits)
    x = (numbers[:, None] >> np.arange(bits)) & 1
    y = x.sum(axis=1) % 2
    rest = round(2**bits * (1 - test_share))
    x = x.astype(np.float32)
    return ArrayDataset(x[:rest], y[:rest]), ArrayDataset(x[rest:], y[rest:])
