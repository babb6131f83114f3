"""Numbers and tables as Markdown, as all reports of the benchmark show them."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import median


def middle(values: Iterable[float]) -> str:
    """The median with two decimals."""
    return f"{median(values):.2f}"


def growth(first: float, last: float) -> str:
    """How many times the first the last is."""
    return f"{last / first:.1f} ×" if first > 0.005 else ""


def table(header: list[str], rows: Iterable[list[str]]) -> list[str]:
    """The lines of a table; all columns but the first are aligned to the right."""
    lines = ["| " + " | ".join(header) + " |", "|---|" + "--:|" * (len(header) - 1)]
    return lines + ["| " + " | ".join(row) + " |" for row in rows]
