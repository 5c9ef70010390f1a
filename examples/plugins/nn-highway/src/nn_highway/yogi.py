"""The optimizer Yogi."""

import numpy as np

from nn_core import Optimizer


class Yogi(Optimizer):
    """Adam whose second moment moves by no more than ``(1 − β₂) g²`` a step (Zaheer et al. 2018).

    ``m = β₁ m + (1 − β₁) g``, ``v = v − (1 − β₂) sign(v − g²) g²``,
    ``p = p − lr · m / (1 − β₁ᵗ) / (√(v / (1 − β₂ᵗ)) + eps)``; m and v begin with 0, as in Adam.
    """

    elementwise = True  # so that it gets all parameters of a group end to end, as one

    def __init__(self, parameters, lr=0.01, betas=(0.9, 0.999), eps=1e-3):
        super().__init__(parameters, lr=lr, betas=betas, eps=eps)

    def update(self, part, state, /, *, lr, betas, eps):
        if not state:
            state.update(step=0, mean=np.zeros_like(part.data), square=np.zeros_like(part.data))
        state["step"] += 1
        mean, square = state["mean"], state["square"]
        mean += (1 - betas[0]) * (part.grad - mean)
        new = part.grad**2
        square -= (1 - betas[1]) * np.sign(square - new) * new
        corrected = np.sqrt(square / (1 - betas[1] ** state["step"])) + eps
        part.data -= lr / (1 - betas[0] ** state["step"]) * mean / corrected
