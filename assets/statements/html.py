"""A statement as one HTML file: no scripts, no requests, its own style sheet, its data as downloads.

Belongs here: filling in the template. Does not belong here: what is said (document/).
"""

from __future__ import annotations

import base64
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from assets.drawings.svg import without_style
from assets.statements.document.parts import Document, Section
from assets.statements.statement import Statement
from models.book.statement_settings import StatementSettings

_TEMPLATES = Path(__file__).parent / "templates"
_TYPES = {".svg": "image/svg+xml", ".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg"}


def write_html(statement: Statement, document: Document, settings: StatementSettings, logo: tuple[str, bytes] | None) -> bytes:
    """The page. `logo`: the name and the bytes of the picture."""
    files = [
        ("lines.csv", _address("text/csv", statement.lines_csv.encode())),
        ("calculation.json", _address("application/json", statement.calculation.encode())),
    ]
    picture = _address(_TYPES[Path(logo[0]).suffix.lower()], logo[1]) if logo else ""
    text = _template().render(d=document, css=_css(settings.colour), logo=picture, files=files, drawing=_drawing)
    return text.encode()


def _drawing(section: Section) -> str:
    """The curve in the colours of the page."""
    return without_style(section.curve)


def _address(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


@cache
def _css(colour: str) -> str:
    return (_TEMPLATES / "statement.css").read_text(encoding="utf-8").replace("BRAND", colour)


@cache
def _template() -> Template:
    """All data is escaped, and a name that the template does not know is an error."""
    environment = Environment(loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.get_template("statement.html.j2")
