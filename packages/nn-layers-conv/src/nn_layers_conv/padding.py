"""PLACEHOLDER by the founder so that imports work; the owner of padding.py replaces this whole file."""

from nn_core.functional import pad

PADDING_MODES = ("zeros", "reflect", "replicate", "circular")
_NAMES = {"zeros": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def padded(x, pads, mode):  # type: ignore
    return pad.forward(x, ((0, 0), (0, 0), *pads), _NAMES[mode])


def check_padding(layer, pads, size, mode):  # type: ignore
    pass
