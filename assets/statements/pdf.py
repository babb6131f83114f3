"""A statement as a PDF: A4, PDF/A-3, with its lines and its calculation attached.

Belongs here: typesetting. Does not belong here: what is said (document/).

Fonts come with the program, nothing is looked up on the machine or the network. The same statement gives the same bytes.
"""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import asdict
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import typst

from assets.statements.document.parts import Document, Section
from assets.statements.statement import Statement
from models.book.statement_settings import StatementSettings

_TEMPLATE = Path(__file__).parent / "templates" / "statement.typ"
_FONTS = ["Inter", "Noto Sans CJK JP"]
#: The colours of the curve on paper.
_CURVE = {"ink": "#16181d", "dim": "#6f7681", "grid": "#e2e4e7", "paper": "#ffffff"}
_FORMATS = {".svg": "svg", ".png": "png", ".jpg": "jpg", ".jpeg": "jpg"}


def write_pdf(statement: Statement, document: Document, settings: StatementSettings, logo: tuple[str, bytes] | None) -> bytes:
    """The file. `logo`: the name and the bytes of the picture."""
    told: dict[str, Any] = _plain(asdict(document))
    for section, source in zip(told["sections"], document.sections, strict=True):
        section["curve"] = _curve(source, settings.colour)
    told |= {
        "colour": settings.colour,
        "fonts": _FONTS,
        "logo": None if logo is None else list(logo[1]),
        "logo_format": None if logo is None else _FORMATS[Path(logo[0]).suffix.lower()],
        "lines_description": document.labels["lines"],
        "calculation_description": document.labels["steps"],
    }
    inputs = {"document": json.dumps(told, ensure_ascii=False), "lines": statement.lines_csv, "calculation": statement.calculation}
    moment = dt.datetime.combine(statement.period.until, dt.time(), dt.UTC)
    made = _compiler().compile(_TEMPLATE.read_bytes(), format="pdf", sys_inputs=inputs, pdf_standards=["a-3b"], timestamp=moment)
    assert isinstance(made, bytes)
    return made


@cache
def _compiler() -> typst.Compiler:
    folders = [str(files("fontpkg_inter").joinpath("files")), str(files("noto_cjk_sans_jp_regular"))]
    fonts = typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=folders)
    return typst.Compiler(font_paths=fonts, ignore_system_fonts=True)


def _curve(section: Section, colour: str) -> str:
    """The curve with a style of its own: on paper there is no dark."""
    if not section.curve:
        return ""
    start, end = section.curve.index("<style>"), section.curve.index("</style>")
    classes = "".join(f".{name}{{stroke:{each};fill:{each}}}" for name, each in {**_CURVE, "c0": colour}.items())
    style = f"<style>text{{font-family:Inter,'Noto Sans CJK JP';font-size:13px;stroke:none !important}}.b{{font-weight:600}}{classes}</style>"
    return section.curve[:start] + style + section.curve[end + len("</style>") :]


def _plain(value: Any) -> Any:
    """Sets as lists, which JSON knows."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, frozenset):
        return sorted(value)
    return [_plain(each) for each in value] if isinstance(value, list | tuple) else value
