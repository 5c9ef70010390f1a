"""What a gradient check found."""

from __future__ import annotations

from attrs import frozen

from nn_core.typing import Shape


@frozen
class GradcheckRow:
    """What was found about the gradient of one input or parameter.

    Attributes:
        argument: ``input`` or ``input[1]``, ``pred``, or the path of a parameter.
        shape: its shape.
        checked: how many directions, or elements, were compared.
        kinks: how many elements lie where there is no derivative; they were left out of the comparison.
        error: the largest relative error.
        numeric: the derivative by finite differences where the error is largest.
        analytic: the derivative by the gradient there.
        index: the element it is the derivative of, None for a random direction.
        problem: a sentence if the gradient failed, else empty.
    """

    argument: str
    shape: Shape
    checked: int
    kinks: int = 0
    error: float = 0.0
    numeric: float = 0.0
    analytic: float = 0.0
    index: Shape | None = None
    problem: str = ""


@frozen(repr=False)
class GradcheckReport:
    """The findings of `nn_core.gradcheck`; true if all gradients agree. It prints as a table.

    Attributes:
        subject: what was checked.
        mode: ``directions`` or ``elements``.
        tolerance: the largest relative error allowed.
        rows: one finding per input with a gradient and per parameter.
    """

    subject: str
    mode: str
    tolerance: float
    rows: tuple[GradcheckRow, ...]

    @property
    def problems(self) -> list[str]:
        """What is wrong, a sentence each."""
        return [row.problem for row in self.rows if row.problem]

    @property
    def error(self) -> float:
        """The largest relative error of all."""
        return max((row.error for row in self.rows), default=0.0)

    @property
    def checked(self) -> int:
        """How many directions or elements were compared."""
        return sum(row.checked for row in self.rows)

    @property
    def kinks(self) -> int:
        """How many elements were left out because there is no derivative."""
        return sum(row.kinks for row in self.rows)

    def __bool__(self) -> bool:
        return not self.problems

    def __repr__(self) -> str:
        if self:
            verdict = f"agree with finite differences to {self.tolerance:g}"
        elif any(row.checked for row in self.rows if row.problem):
            verdict = f"DISAGREE with finite differences to {self.tolerance:g}"
        else:
            verdict = "could not all be checked"
        title = f"gradients of {self.subject} {verdict}:"
        table = [
            ("", "shape", "checked", "kinks", "relative error", "where", "analytic", "numeric"),
            *map(_cells, self.rows),
        ]
        widths = [max(len(cells[i]) for cells in table) for i in range(len(table[0]))]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) for cells in table]
        return "\n".join([title, *(line.rstrip() for line in lines)])


def _cells(row: GradcheckRow) -> tuple[str, ...]:
    unit, where = ("directions", "direction") if row.index is None else ("elements", str(row.index))
    return (
        row.argument,
        str(row.shape),
        f"{row.checked} {unit}" if row.checked else "-",
        str(row.kinks),
        f"{row.error:.1e}",
        where if row.checked else "-",
        f"{row.analytic:.6g}",
        f"{row.numeric:.6g}",
    )
