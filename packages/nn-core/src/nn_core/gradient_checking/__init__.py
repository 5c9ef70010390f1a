"""Gradients against finite differences: of layers, losses, operations and functions."""

from __future__ import annotations

from nn_core.gradient_checking.check import gradcheck
from nn_core.gradient_checking.differences import (
    directional_error,
    numeric_grad_elementwise,
    numeric_grad_scalar_from_softmax,
    numeric_grad_scalar_wrt_x,
    numeric_grad_wrt_param,
    numeric_gradient,
)
from nn_core.gradient_checking.report import GradcheckReport, GradcheckRow

__all__ = [
    "GradcheckReport",
    "GradcheckRow",
    "directional_error",
    "gradcheck",
    "numeric_grad_elementwise",
    "numeric_grad_scalar_from_softmax",
    "numeric_grad_scalar_wrt_x",
    "numeric_grad_wrt_param",
    "numeric_gradient",
]
