"""A paper as Markdown, for comments on changes of agreements.

Belongs here: Markdown, and how much of a paper fits. Does not belong here: what a paper says.

Texts from data cannot form markup: no table ends early, nobody is mentioned, no link is made.
"""

from __future__ import annotations

import re

from assets.report.papers import Paper, Section
from assets.report.tables import Cell, Link, Table

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~$])")


def to_markdown(paper: Paper, budget: int | None = None) -> str:
    """The paper in at most `budget` characters. Sections that do not fit are named and left out; the head is there however small the budget is."""
    head = "\n\n".join([f"## {plain(paper.title)}", *_parts(paper.head)])
    foot = f"\n\n<sub>{plain(paper.foot)}</sub>\n" if paper.foot else "\n"
    parts, left_out = [head], list[str]()
    for section in paper.sections:
        text = "\n\n".join([f"### {plain(section.title)}", *_parts(section)])
        later = [*left_out, *(each.title for each in paper.sections)]
        if budget is None or sum(map(len, parts)) + 2 * len(parts) + len(text) + len(_left_out(later)) + len(foot) <= budget:
            parts.append(text)
        else:
            left_out.append(section.title)
    return "\n\n".join([*parts, *([_left_out(left_out)] if left_out else [])]) + foot


def plain(text: str) -> str:
    """A text that is shown as it is."""
    text = _SPECIAL.sub(r"\\\1", " ".join(text.split()))
    return text.replace("@", "@\u200b").replace("://", ":\u200b//")


def _left_out(titles: list[str]) -> str:
    return f"_Left out for length: {', '.join(map(plain, titles))}._" if titles else ""


def _parts(section: Section) -> list[str]:
    return [*map(plain, section.lead), *(text for table in section.tables if (text := _table(table)))]


def _table(table: Table) -> str:
    if not table.rows:
        return ""
    lines = [_row(tuple(column.label for column in table.columns)), "|" + "|".join("--:" if c.kind == "number" else "---" for c in table.columns) + "|"]
    return "\n".join([*lines, *map(_row, table.rows)])


def _row(cells: tuple[Cell, ...]) -> str:
    return "| " + " | ".join(plain(cell.text if isinstance(cell, Link) else cell) for cell in cells) + " |"
