"""A paper: a head and sections with tables, written once and shown as text, Markdown or a page.

Belongs here: the types. Does not belong here: what a paper says (its makers), how it is shown (markdown.py, single_page.py, pipelines/cli/paper.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from assets.report.tables import Table


@dataclass(frozen=True)
class Section:
    """`lead`: sentences before the tables. `picture`: SVG of our own making, for the page."""

    title: str
    lead: Sequence[str] = ()
    tables: Sequence[Table] = ()
    picture: str = ""


@dataclass(frozen=True)
class Paper:
    """The head is the first that is read, and is never left out. `foot`: what it was made from."""

    title: str
    head: Section
    sections: Sequence[Section] = ()
    foot: str = ""
