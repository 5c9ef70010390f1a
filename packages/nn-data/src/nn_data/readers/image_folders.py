"""Images in folders, one folder per class."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from nn_core import ConfigError, DataError, PluginError
from nn_core.batching import Subset
from nn_core.fields import pair
from nn_core.typing import Array, IntOrPair
from nn_data.datasets.info import DatasetInfo
from nn_data.splits import split_indices

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".ppm", ".pgm", ".tif", ".tiff")
_MODES = {"RGB": 3, "L": 1}


class ImageFolder:
    """Images that are read when they are needed, from a folder with one folder per class.

    Args:
        path: the folder; its folders, in alphabetical order, are the classes 0, 1, …, and all images in and below one
            belong to it.
        size: (height, width) to which every image is scaled, or one number for both; they must all be of one size if it
            is left out.
        mode: ``RGB`` for three channels, ``L`` for one.
        as_bytes: whether x holds the bytes from 0 to 255, for a loader that converts them.

    Shape:
        x ``(N, channels, height, width)`` float32 from 0 to 1; y ``(N,)`` int64, also as the attribute `y`.

    The attributes `paths` and `info` tell the files, and the names of the classes.

    Raises:
        DataError: there are no images; later, one is damaged, or not of the size of the others.
        PluginError: Pillow is not installed (the extra ``nn-data[images]``).
    """

    def __init__(
        self, path: str | Path, size: IntOrPair | None = None, mode: str = "RGB", as_bytes: bool = False
    ) -> None:
        try:
            import PIL  # noqa: F401 - the question is whether it is there
        except ImportError:
            raise PluginError("Reading images needs Pillow: install the extra nn-data[images].") from None
        root = Path(path).expanduser()
        if mode not in _MODES:
            raise ConfigError(f"mode of ImageFolder must be RGB or L, got {mode!r}.")
        wanted = None if size is None else pair(size)
        if wanted is not None and not (len(wanted) == 2 and all(isinstance(n, int) and n > 0 for n in wanted)):
            raise ConfigError(f"size of ImageFolder must be (height, width), got {size!r}.")
        if not root.is_dir():
            raise DataError(f"There is no folder {root}.")
        classes = sorted(part for part in root.iterdir() if part.is_dir() and not part.name.startswith("."))
        if not classes:
            raise DataError(f"{root} holds no folders; every class needs one with its images.")
        self.paths: list[Path] = []
        labels: list[int] = []
        for label, folder in enumerate(classes):
            found = sorted(file for file in folder.rglob("*") if file.suffix.lower() in SUFFIXES and file.is_file())
            if not found:
                raise DataError(f"{folder} holds no images ({', '.join(SUFFIXES)}).")
            self.paths += found
            labels += [label] * len(found)
        self.y = np.array(labels, np.int64)
        self.mode = mode
        self.as_bytes = as_bytes
        self.scales = wanted is not None
        self.size = wanted if wanted is not None else self._read(self.paths[0], None).shape[1:]
        self.info = DatasetInfo(
            name=root.name,
            shape=(_MODES[mode], *self.size),
            class_names=tuple(folder.name for folder in classes),
        )

    def __len__(self) -> int:
        return len(self.paths)

    def __repr__(self) -> str:
        return f"ImageFolder({len(self)} images of {self.info.shape} in {len(self.info.class_names)} classes)"

    def take(self, indices: Any) -> tuple[Array, Array]:
        """Return (x, y) of the images at `indices`."""
        indices = np.asarray(indices, np.int64).reshape(-1)
        x = np.empty((len(indices), *self.info.shape), np.uint8)
        for place, i in enumerate(indices):
            x[place] = self._read(self.paths[i], self.size)
        return (x if self.as_bytes else x.astype(np.float32) / 255), self.y[indices]

    def _read(self, path: Path, size: tuple[int, ...] | None) -> Array:
        """Return an image as ``(channels, height, width)`` uint8, scaled if a size was asked for."""
        from PIL import Image, UnidentifiedImageError

        try:
            with Image.open(path) as file:
                image = _eight_bits(file).convert(self.mode)
                if size is not None and image.size != (size[1], size[0]):
                    if not self.scales:
                        raise DataError(
                            f"{path} has {image.size[1]}×{image.size[0]} pixels, and the first image "
                            f"{size[0]}×{size[1]}: give size=(height, width) to have all scaled."
                        )
                    image = image.resize((size[1], size[0]), Image.Resampling.BILINEAR)
                pixels = np.asarray(image, np.uint8)
        except DataError:
            raise
        except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            raise DataError(f"{path} is no image that can be read: {str(error).rstrip('.')}.") from error
        return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)


def _eight_bits(image: Any) -> Any:
    """Return a gray image of 16 bits with the upper 8; others as they are. Pillow would cut off what is above 255."""
    from PIL import Image

    if not image.mode.startswith("I"):
        return image
    return Image.fromarray((np.asarray(image).astype(np.int64) >> 8).clip(0, 255).astype(np.uint8))


def image_folder(
    path: str,
    size: IntOrPair | None = None,
    mode: str = "RGB",
    test_size: float | int = 0.2,
    seed: int = 0,
    as_bytes: bool = False,
) -> tuple[Any, Any]:
    """Return (train, test) of the images in a folder with one folder per class, read when they are needed.

    If there are the folders ``train`` and ``test``, each with one folder per class, these are the parts.

    Args:
        path: the folder.
        size: see `ImageFolder`.
        mode: likewise.
        test_size: share of the images in the test set, or their number.
        seed: which images those are; every class keeps its share.
        as_bytes: see `ImageFolder`.

    Raises:
        DataError: as for `ImageFolder`, or train and test have different classes.
        PluginError: Pillow is not installed (the extra ``nn-data[images]``).
    """
    root = Path(path).expanduser()
    if (root / "train").is_dir() and (root / "test").is_dir():
        train, test = (ImageFolder(root / part, size, mode, as_bytes) for part in ("train", "test"))
        if train.info.class_names != test.info.class_names or train.size != test.size:
            raise DataError(
                f"{root / 'train'} and {root / 'test'} differ in classes or sizes: {train.info.class_names} of "
                f"{train.size} and {test.info.class_names} of {test.size}."
            )
        return train, test
    whole = ImageFolder(root, size, mode, as_bytes)
    first, second = split_indices(len(whole), test_size=test_size, labels=whole.y, seed=seed)
    return Subset(whole, first), Subset(whole, second)
