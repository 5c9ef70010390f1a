"""What is done to batches on their way to the model; `DataLoader` takes them as ``transform=``."""

from __future__ import annotations

from nn_data.transforms.base import Compose, Function, PerSample, Transform
from nn_data.transforms.geometry import RandomRotation, RandomScaling, RandomTranslation
from nn_data.transforms.images import Cutout, RandomCrop, RandomHorizontalFlip, RandomVerticalFlip
from nn_data.transforms.targets import MixUp, OneHot
from nn_data.transforms.values import FlattenSamples, GaussianNoise, Normalize, ToFloat, ToImages

__all__ = [
    "Compose",
    "Cutout",
    "FlattenSamples",
    "Function",
    "GaussianNoise",
    "MixUp",
    "Normalize",
    "OneHot",
    "PerSample",
    "RandomCrop",
    "RandomHorizontalFlip",
    "RandomRotation",
    "RandomScaling",
    "RandomTranslation",
    "RandomVerticalFlip",
    "ToFloat",
    "ToImages",
    "Transform",
]
