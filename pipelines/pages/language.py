"""docs/language-reference.md, made from the types of the language: `python -m pipelines.pages.language` writes it.

Belongs here: where the page lies. Does not belong here: what it says (models/agreements/reference.py).
"""

from __future__ import annotations

from pathlib import Path

from models.agreements.reference import render_reference_page
from pipelines.pages.line_length import break_long_lines

PAGE = Path(__file__).resolve().parents[2] / "docs" / "language-reference.md"


def render_language_page() -> str:
    return break_long_lines(render_reference_page())


if __name__ == "__main__":
    PAGE.write_text(render_language_page(), encoding="utf-8")
