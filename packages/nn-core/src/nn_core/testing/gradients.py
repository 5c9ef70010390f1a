"""Gradients against finite differences, as the checks compare them."""

from __future__ import annotations

from nn_core.gradient_checking.differences import directional_error

__all__ = ["directional_error"]
