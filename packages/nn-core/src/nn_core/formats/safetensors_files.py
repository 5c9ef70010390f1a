"""The safetensors format, which PyTorch and others read, too."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from nn_core.errors import ModelFileError
from nn_core.typing import Array


class Safetensors:
    """Arrays in one block after a JSON header, whose metadata are the words."""

    def encode(self, arrays: Mapping[str, Array], metadata: Mapping[str, str]) -> bytes:
        from safetensors.numpy import save

        return save(
            {name: np.asarray(array, order="C") for name, array in arrays.items()}, metadata=dict(metadata) or None
        )

    def decode(self, path: Path) -> tuple[dict[str, str], dict[str, Array]]:
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(path, framework="numpy") as file:
                arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
                return file.metadata() or {}, arrays
        except (SafetensorError, OSError) as error:
            raise ModelFileError(f"{path} is not a complete safetensors file: {error}") from error
        except TypeError as error:
            raise ModelFileError(f"{path} holds an array that NumPy has no dtype for: {error}.") from error
