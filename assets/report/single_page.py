"""A paper as one HTML file in the look of the report, which opens from a disk and needs nothing else.

Belongs here: the page. Does not belong here: what a paper says, the report's own pages (site.py).
"""

from __future__ import annotations

from pathlib import Path

from markupsafe import Markup

from assets.report.papers import Paper
from assets.report.site import Shown, Site

_STYLE = Path(__file__).parent / "static" / "report.css"


def to_page(paper: Paper) -> str:
    """The page with its style in it. Everything from data is escaped."""
    template = Site(Path(), {}).templates.get_template("paper.html.j2")
    sections = [
        {"title": s.title, "lead": s.lead, "tables": [Shown(t, rows=len(t.rows)) for t in s.tables], "picture": Markup(s.picture)}
        for s in (paper.head, *paper.sections)
    ]
    return template.render(root="", title=paper.title, sections=sections, foot=paper.foot, style=Markup(_STYLE.read_text(encoding="utf-8")))
