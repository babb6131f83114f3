"""docs/language-reference.md, made from the types of the language: `python -m pipelines.pages.language` writes it anew.

Belongs here: where the page lies. Does not belong here: what it says (models/agreements/reference.py).
"""

from __future__ import annotations

from pathlib import Path

from models.agreements.reference import render_reference_page

PAGE = Path(__file__).resolve().parents[2] / "docs" / "language-reference.md"

if __name__ == "__main__":
    PAGE.write_text(render_reference_page(), encoding="utf-8")
