"""Numbers as a table: medians, because one disturbed round says nothing, with the least and the most beside them."""

from collections.abc import Sequence
from statistics import median


def spread(values: Sequence[float], form: str = "{:,.0f}") -> str:
    """`median (least-most)`."""
    return f"{form.format(median(values))} ({form.format(min(values))}-{form.format(max(values))})"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as what is in them; the first is text, the others are figures."""
    widths = [max(len(row[column]) for row in [header, *rows]) for column in range(len(header))]
    return "\n".join(_line(row, widths) for row in [header, ["-" * width for width in widths], *rows])


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    first = row[0].ljust(widths[0])
    return "  ".join([first, *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))])
