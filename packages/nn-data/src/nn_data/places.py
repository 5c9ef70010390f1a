"""Places in an epoch, as `state_dict` of loaders and streams tells them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nn_core import ConfigError


def place_of(state: Mapping[str, Any], settings: Mapping[str, Any], owner: str) -> dict[str, Any]:
    """Return the place that a state tells, without its settings.

    Args:
        state: with the keys ``epoch`` and ``batch``, perhaps others, and perhaps ``settings``.
        settings: of the loader or stream that is to go on from there.
        owner: its name, for errors.

    Raises:
        ConfigError: it is no such state, or its settings are others.
    """
    if not {"epoch", "batch"} <= set(state):
        raise ConfigError(f"The position of a {owner} has an epoch and a batch, got {dict(state)!r}.")
    for name, value in dict(state.get("settings", {})).items():
        if settings.get(name) != value:
            raise ConfigError(
                f"This is the position of a {owner} with {name}={value!r}, and this one has {settings.get(name)!r}, so "
                f"that the order of the data would be another."
            )
    return {name: value for name, value in state.items() if name != "settings"}
