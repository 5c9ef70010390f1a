"""Write the golden files with PyTorch: ``python tests/golden/make.py``."""

from __future__ import annotations

from pathlib import Path

from cases import TABLES
from compare import RECORDS, Torch
from safetensors.numpy import save_file

if __name__ == "__main__":
    for kind, table in TABLES.items():
        arrays = {
            f"{case.name}/{name}": array
            for case in table
            for name, array in RECORDS[kind](Torch(), case, "float64").items()
        }
        path = Path(__file__).with_name(f"{kind}.safetensors")
        save_file(arrays, path)
        print(f"{path}: {len(arrays)} arrays of {len(table)} cases, {path.stat().st_size:,} bytes")
