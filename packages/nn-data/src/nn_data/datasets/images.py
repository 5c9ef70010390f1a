"""Datasets of images in IDX files: MNIST and those that take its place; and the digits inside the package."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import numpy as np
from attrs import evolve

from nn_core import ArrayDataset, DataError
from nn_core.typing import Array
from nn_data.datasets.downloads import RemoteFile, fetch
from nn_data.datasets.info import DatasetInfo
from nn_data.readers.idx import read_idx
from nn_data.readers.opening import check_labels
from nn_data.splits import stratified_split

PARTS = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
_DIGITS = tuple("0123456789")


def digits(test_size: float | int = 0.2, seed: int = 0) -> tuple[ArrayDataset, ArrayDataset]:
    """Return (train, test) of 1,797 handwritten digits, which are shipped inside the package.

    Args:
        test_size: share of the images in the test set, or their number.
        seed: which images those are; every class is in both sets in the same proportion.

    Shape:
        x ``(N, 1, 8, 8)`` float32 from 0 to 1; y ``(N,)`` int64 from 0 to 9.

    Source: Alpaydin and Kaynak, "Optical recognition of handwritten digits", UCI Machine Learning Repository, 1998,
    CC BY 4.0.

    >>> train, test = digits()
    >>> train.x.shape, test.x.shape
    ((1437, 1, 8, 8), (360, 1, 8, 8))
    """
    with (files("nn_data") / "files" / "digits.npz").open("rb") as file, np.load(file) as archive:
        x = archive["images"][:, None].astype(np.float32) / 16
        y = archive["labels"].astype(np.int64)
    info = DatasetInfo(
        name="digits",
        summary="Handwritten digits of 8×8 pixels.",
        shape=(1, 8, 8),
        class_names=_DIGITS,
        licence="CC BY 4.0",
        citation='E. Alpaydin and C. Kaynak, "Cascading classifiers", Kybernetika 34(4), 1998.',
        homepage="https://doi.org/10.24432/C50P49",
    )
    train, test = stratified_split(y, test_size, seed)
    return ArrayDataset(x[train], y[train], info=info), ArrayDataset(x[test], y[test], info=info)


def mnist(path: str | None = None, as_bytes: bool = False) -> tuple[ArrayDataset, ArrayDataset]:
    """Return (train, test) of MNIST, handwritten digits.

    The four files are downloaded on first use, 11 MB, to ``NN_DATA_DIR`` or the user's cache folder.

    Args:
        path: folder with the files, to read them from there instead: ``train-images-idx3-ubyte``,
            ``train-labels-idx1-ubyte``, ``t10k-images-idx3-ubyte`` and ``t10k-labels-idx1-ubyte``, each with or without
            ``.gz``.
        as_bytes: whether x holds the bytes from 0 to 255, a quarter of the memory, for a loader that converts them.

    Shape:
        x ``(N, 1, 28, 28)`` float32 from 0 to 1; y ``(N,)`` int64 from 0 to 9; N is 60,000 and 10,000.

    Raises:
        DataError: a file is missing or damaged, or images and labels do not go together.

    Source: LeCun et al., "Gradient-based learning applied to document recognition", 1998.
    """
    info = DatasetInfo(
        name="mnist",
        summary="Handwritten digits of 28×28 pixels.",
        shape=(1, 28, 28),
        class_names=_DIGITS,
        licence="CC BY-SA 3.0",
        citation='Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, "Gradient-based learning applied to document '
        'recognition", Proceedings of the IEEE 86(11), 1998.',
        homepage="http://yann.lecun.com/exdb/mnist/",
    )
    remote = _remote(
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
        "f68b3c2dcbeaaa9fbdd348bbdeb94873",
        "d53e105ee54ea40749a09fcbcd1e9432",
        "9fb629c4189551a2d022fa330f9573f3",
        "ec29112dd5afa0611ce80d1b7f02629c",
    )
    return _idx_dataset(info, remote, path, as_bytes)


def fashion_mnist(path: str | None = None, as_bytes: bool = False) -> tuple[ArrayDataset, ArrayDataset]:
    """Return (train, test) of Fashion-MNIST, photographs of clothes; files, options and shapes are those of `mnist`.

    Source: Xiao, Rasul and Vollgraf, "Fashion-MNIST: a novel image dataset for benchmarking machine learning
    algorithms", 2017.
    """
    info = DatasetInfo(
        name="fashion_mnist",
        summary="Photographs of clothes of 28×28 pixels.",
        shape=(1, 28, 28),
        class_names=(
            "T-shirt/top",
            "Trouser",
            "Pullover",
            "Dress",
            "Coat",
            "Sandal",
            "Shirt",
            "Sneaker",
            "Bag",
            "Ankle boot",
        ),
        licence="MIT",
        citation='H. Xiao, K. Rasul and R. Vollgraf, "Fashion-MNIST: a novel image dataset for benchmarking machine '
        'learning algorithms", arXiv:1708.07747, 2017.',
        homepage="https://github.com/zalandoresearch/fashion-mnist",
    )
    remote = _remote(
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
        "25c81989df183df01b3e8a0aad5dffbe",
        "bef4ecab320f06d8554ea6380940ec79",
        "bb300cfdad3c16e7a12a480ee83cd310",
    )
    return _idx_dataset(info, remote, path, as_bytes)


def kmnist(path: str | None = None, as_bytes: bool = False) -> tuple[ArrayDataset, ArrayDataset]:
    """Return (train, test) of Kuzushiji-MNIST, cursive Japanese; files, options and shapes are those of `mnist`.

    Source: Clanuwat et al., "Deep learning for classical Japanese literature", 2018.
    """
    info = DatasetInfo(
        name="kmnist",
        summary="Cursive Japanese characters of 28×28 pixels.",
        shape=(1, 28, 28),
        class_names=("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
        licence="CC BY-SA 4.0",
        citation='T. Clanuwat et al., "Deep learning for classical Japanese literature", arXiv:1812.01718, 2018.',
        homepage="https://codh.rois.ac.jp/kmnist/",
    )
    remote = _remote(
        "https://codh.rois.ac.jp/kmnist/dataset/kmnist/",
        "bdb82020997e1d708af4cf47b453dcf7",
        "e144d726b3acfaa3e44228e80efcd344",
        "5c965bf0a639b31b8f53240b1b52f4d7",
        "7320c461ea6c1c855c0b718fb2a4b134",
    )
    return _idx_dataset(info, remote, path, as_bytes)


def emnist_letters(path: str | None = None, as_bytes: bool = False) -> tuple[ArrayDataset, ArrayDataset]:
    """Return (train, test) of the letters of EMNIST, capital and small ones of the alphabet in 26 classes.

    All of EMNIST is downloaded on first use, one archive of 536 MB. The images stand upright, and the labels begin with
    0; in the files they lie on their side and begin with 1.

    Args:
        path: folder with the files ``emnist-letters-train-images-idx3-ubyte`` and so on, with or without ``.gz``, or
            the archive ``gzip.zip``.
        as_bytes: see `mnist`.

    Shape:
        x ``(N, 1, 28, 28)`` float32 from 0 to 1; y ``(N,)`` int64 from 0 to 25; N is 124,800 and 20,800.

    Raises:
        DataError: a file is missing or damaged, or images and labels do not go together.

    Source: Cohen et al., "EMNIST: an extension of MNIST to handwritten letters", 2017.
    """
    info = DatasetInfo(
        name="emnist_letters",
        summary="Handwritten letters of 28×28 pixels.",
        shape=(1, 28, 28),
        class_names=tuple("abcdefghijklmnopqrstuvwxyz"),
        licence="public domain (a work of the United States government)",
        citation='G. Cohen, S. Afshar, J. Tapson and A. van Schaik, "EMNIST: an extension of MNIST to handwritten '
        'letters", arXiv:1702.05373, 2017.',
        homepage="https://www.nist.gov/itl/products-and-services/emnist-dataset",
    )
    archive = RemoteFile(
        "gzip.zip", "https://biometrics.nist.gov/cs_links/EMNIST/gzip.zip", "md5:58c8d27c78d21e728a6bc7b3cc06412e"
    )
    source = fetch("emnist_letters", [archive])[0] if path is None else Path(path).expanduser()
    names = [f"emnist-letters-{part.replace('t10k', 'test')}" for part in PARTS]
    if source.suffix == ".zip":
        places = [f"gzip/{name}.gz in {source}" for name in names]
        arrays = [read_idx(source, f"gzip/{name}.gz") for name in names]
    else:
        places = [str(find(source, name, names)) for name in names]
        arrays = [read_idx(place) for place in places]
    for i in (1, 3):
        check_labels(arrays[i], 26, places[i], offset=8, stride=1, first=1)
        arrays[i] -= 1
    for i in (0, 2):
        arrays[i] = arrays[i].swapaxes(1, 2) if arrays[i].ndim == 3 else arrays[i]
    return _images(info, source, arrays[0], arrays[1], as_bytes), _images(info, source, arrays[2], arrays[3], as_bytes)


def _remote(base: str, *digests: str) -> list[RemoteFile]:
    return [
        RemoteFile(f"{part}.gz", f"{base}{part}.gz", f"md5:{md5}") for part, md5 in zip(PARTS, digests, strict=True)
    ]


def _idx_dataset(
    info: DatasetInfo, remote: list[RemoteFile], path: str | None, as_bytes: bool
) -> tuple[ArrayDataset, ArrayDataset]:
    if path is None:
        places = fetch(info.name, remote)
    else:
        places = [find(Path(path).expanduser(), part, PARTS) for part in PARTS]
    arrays = [read_idx(place) for place in places]
    for i in (1, 3):
        check_labels(arrays[i], len(info.class_names), str(places[i]), offset=8, stride=1)
    folder = places[0].parent
    return _images(info, folder, arrays[0], arrays[1], as_bytes), _images(info, folder, arrays[2], arrays[3], as_bytes)


def find(folder: Path, part: str, parts: Sequence[str]) -> Path:
    """Return the path of a file in a folder, gzipped or not, or under the name with a point for the hyphen.

    Raises:
        DataError: there is none; all `parts` that there must be are named.
    """
    for name in (f"{part}.gz", part, part.replace("-idx", ".idx")):
        if (folder / name).is_file():
            return folder / name
    if not folder.is_dir():
        raise DataError(f"There is no folder {folder}; path must name the one with {', '.join(parts)}.")
    raise DataError(f"{folder} holds no {part}.gz, nor the same without .gz; there must be {', '.join(parts)}.")


def _images(info: DatasetInfo, folder: Path, images: Array, labels: Array, as_bytes: bool) -> ArrayDataset:
    if images.ndim != 3 or labels.ndim != 1 or len(images) != len(labels):
        raise DataError(
            f"The files in {folder} do not go together: images of shape {images.shape}, labels of {labels.shape}."
        )
    info = evolve(info, shape=(1, *images.shape[1:]))  # files of one's own may have other sizes
    x = np.ascontiguousarray(images[:, None])
    return ArrayDataset(x if as_bytes else x.astype(np.float32) / 255, labels.astype(np.int64), info=info)
