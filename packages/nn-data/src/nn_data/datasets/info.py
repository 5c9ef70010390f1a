"""What is known about a dataset beside its samples."""

from __future__ import annotations

from attrs import frozen


@frozen(kw_only=True)
class DatasetInfo:
    """Name, origin and meaning of a dataset; the attribute `info` of those that `load_dataset` returns.

    Args:
        name: as `load_dataset` takes it.
        summary: one sentence.
        shape: of one sample of x.
        feature_names: of the columns of x, for tables.
        target_names: of the columns of y, for regression.
        class_names: what the labels 0, 1, … mean, for classification.
        licence: under which the data may be used.
        citation: what to cite.
        homepage: where they come from.
    """

    name: str
    summary: str = ""
    shape: tuple[int, ...] = ()
    feature_names: tuple[str, ...] = ()
    target_names: tuple[str, ...] = ()
    class_names: tuple[str, ...] = ()
    licence: str = ""
    citation: str = ""
    homepage: str = ""
