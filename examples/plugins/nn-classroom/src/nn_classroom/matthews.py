"""The Matthews correlation coefficient."""

import numpy as np


class Matthews:
    """Matthews correlation coefficient of any number of classes (Gorodkin 2004).

    ``(c s − Σₖ pₖ tₖ) / √((s² − Σₖ pₖ²) (s² − Σₖ tₖ²))`` with s samples, c of them right, pₖ predicted and tₖ truly of
    class k: 1 if all are right, 0 for guessing, however the classes are shared out; nan where only one class occurs.

    Shape:
        pred ``(N, classes)``, of which the largest counts; target ``(N,)``, class numbers.
    """

    def __init__(self):
        self.reset()

    def reset(self):
        self.counts = np.zeros((0, 0))  # of target and prediction

    def update(self, pred, target, weight=None):
        classes = pred.shape[1]
        if not len(self.counts):
            self.counts = np.zeros((classes, classes))
        np.add.at(self.counts, (target, pred.argmax(axis=1)), 1.0 if weight is None else weight)

    def compute(self):
        true, predicted = self.counts.sum(axis=1), self.counts.sum(axis=0)
        samples = self.counts.sum()
        spread = (samples**2 - predicted @ predicted) * (samples**2 - true @ true)
        if not spread > 0:
            return float("nan")
        return float((self.counts.trace() * samples - predicted @ true) / np.sqrt(spread))
