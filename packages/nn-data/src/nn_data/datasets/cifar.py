"""CIFAR-10 and CIFAR-100: small photographs in color."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nn_core import ArrayDataset, DataError
from nn_core.typing import Array
from nn_data.datasets.downloads import RemoteFile, fetch
from nn_data.datasets.info import DatasetInfo
from nn_data.readers.cifar_records import read_cifar

_CITATION = 'A. Krizhevsky, "Learning multiple layers of features from tiny images", 2009.'
_HOMEPAGE = "https://www.cs.toronto.edu/~kriz/cifar.html"
_LICENCE = "none stated; the authors ask for a citation"


def cifar10(path: str | None = None, as_bytes: bool = False) -> tuple[ArrayDataset, ArrayDataset]:
    """Return (train, test) of CIFAR-10.

    One archive of 170 MB is downloaded on first use, to ``NN_DATA_DIR`` or the user's cache folder.

    Args:
        path: folder with the files of the binary version, ``data_batch_1.bin`` to ``data_batch_5.bin`` (or some of
            them) and ``test_batch.bin``, each with or without ``.gz``; or the archive ``cifar-10-binary.tar.gz``.
        as_bytes: whether x holds the bytes from 0 to 255, a quarter of the memory, for a loader that converts them.

    Shape:
        x ``(N, 3, 32, 32)`` float32 from 0 to 1; y ``(N,)`` int64 from 0 to 9; N is 50,000 and 10,000.

    Raises:
        DataError: a file is missing or damaged, or a label is out of range.

    Source: Krizhevsky, "Learning multiple layers of features from tiny images", 2009.
    """
    info = DatasetInfo(
        name="cifar10",
        summary="Photographs of 32×32 pixels.",
        shape=(3, 32, 32),
        class_names=("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
        licence=_LICENCE,
        citation=_CITATION,
        homepage=_HOMEPAGE,
    )
    remote = RemoteFile(
        "cifar-10-binary.tar.gz",
        "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
        "md5:c32a1d4ab5d03f1284b67883e8d87530",
    )
    source = fetch("cifar10", [remote])[0] if path is None else Path(path).expanduser()
    if source.is_dir():
        train = [read_cifar(file) for file in _matching(source, "data_batch_*.bin*")]
        test = [read_cifar(file) for file in _matching(source, "test_batch*.bin*")]
    else:
        names = [f"cifar-10-batches-bin/data_batch_{i}.bin" for i in range(1, 6)]
        train = [read_cifar(source, member=name) for name in names]
        test = [read_cifar(source, member="cifar-10-batches-bin/test_batch.bin")]
    return _photographs(info, train, 0, as_bytes), _photographs(info, test, 0, as_bytes)


def cifar100(
    path: str | None = None, coarse: bool = False, as_bytes: bool = False
) -> tuple[ArrayDataset, ArrayDataset]:
    """Return (train, test) of CIFAR-100.

    One archive of 169 MB is downloaded on first use, to ``NN_DATA_DIR`` or the user's cache folder.

    Args:
        path: folder with the files of the binary version, ``train.bin`` and ``test.bin``, each with or without
            ``.gz``; or the archive ``cifar-100-binary.tar.gz``.
        coarse: whether the labels are the 20 superclasses, not the 100 classes.
        as_bytes: see `cifar10`.

    Shape:
        x ``(N, 3, 32, 32)`` float32 from 0 to 1; y ``(N,)`` int64; N is 50,000 and 10,000.

    Raises:
        DataError: a file is missing or damaged, or a label is out of range.

    Source: Krizhevsky, "Learning multiple layers of features from tiny images", 2009.
    """
    info = DatasetInfo(
        name="cifar100",
        summary="Photographs of 32×32 pixels.",
        shape=(3, 32, 32),
        class_names=_COARSE if coarse else _FINE,
        licence=_LICENCE,
        citation=_CITATION,
        homepage=_HOMEPAGE,
    )
    remote = RemoteFile(
        "cifar-100-binary.tar.gz",
        "https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz",
        "md5:03b5dce01913d631647c71ecec9e9cb8",
    )
    source = fetch("cifar100", [remote])[0] if path is None else Path(path).expanduser()
    parts = []
    for part in ("train", "test"):
        if source.is_dir():
            read = [read_cifar(file, (20, 100)) for file in _matching(source, f"{part}.bin*")]
        else:
            read = [read_cifar(source, (20, 100), member=f"cifar-100-binary/{part}.bin")]
        parts.append(_photographs(info, read, 0 if coarse else 1, as_bytes))
    return parts[0], parts[1]


def _matching(folder: Path, pattern: str) -> list[Path]:
    """Return the files of a folder, each once: gzipped or not."""
    found = {path.name.removesuffix(".gz"): path for path in sorted(folder.glob(pattern)) if path.is_file()}
    if not found:
        raise DataError(f"{folder} holds no {pattern.rstrip('*')}, nor the same with .gz.")
    return list(found.values())


def _photographs(info: DatasetInfo, parts: list[tuple[Array, Array]], label: int, as_bytes: bool) -> ArrayDataset:
    x = np.concatenate([images for images, _ in parts])
    y = np.concatenate([labels[:, label] for _, labels in parts]).astype(np.int64)
    return ArrayDataset(x if as_bytes else x.astype(np.float32) / 255, y, info=info)


_COARSE_NAMES = """
    aquatic_mammals fish flowers food_containers fruit_and_vegetables household_electrical_devices household_furniture
    insects large_carnivores large_man-made_outdoor_things large_natural_outdoor_scenes large_omnivores_and_herbivores
    medium_mammals non-insect_invertebrates people reptiles small_mammals trees vehicles_1 vehicles_2
"""
_FINE_NAMES = """
    apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly camel can castle
    caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur dolphin elephant
    flatfish forest fox girl hamster house kangaroo keyboard lamp lawn_mower leopard lion lizard lobster man maple_tree
    motorcycle mountain mouse mushroom oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree plain plate
    poppy porcupine possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk skyscraper snail snake spider
    squirrel streetcar sunflower sweet_pepper table tank telephone television tiger tractor train trout tulip turtle
    wardrobe whale willow_tree wolf woman worm
"""
_COARSE, _FINE = tuple(_COARSE_NAMES.split()), tuple(_FINE_NAMES.split())
