"""The pictures of docs/curves.md, drawn from the YAML below each. `python -m pipelines.pages.curves` draws them again.

Belongs here: which text becomes which picture. Does not belong here: drawing (drawings/).
"""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from typing import Any

from assets.drawings.benefits import draw_benefits, draw_gate, draw_multiplier
from models.agreements.rules.rules import problems_within
from models.agreements.schema import Agreement, Benefit
from models.documents import Document, InputError, parse_documents

PAGE = Path(__file__).resolve().parents[2] / "docs" / "curves.md"
PICTURES = PAGE.parent / "images" / "curves"
CURRENCY = "EUR"
#: A picture and its YAML: one or more documents, each a benefit without the keys in _DEFAULTS.
_DRAWN = re.compile(r"!\[(?P<title>[^\]]+)\]\(images/curves/(?P<name>[a-z-]+\.svg)\)\n+```yaml\n(?P<text>.*?)```", re.DOTALL)
_DEFAULTS: dict[str, Any] = {"id": "benefit", "clause": "1", "window": "year"}


def draw_pictures(page: str) -> dict[str, str]:
    """File name → SVG of every picture of the page. Raises InputError if its YAML is not a benefit."""
    titles = {match["name"]: match["title"] for match in _DRAWN.finditer(page)}
    return {name: _draw(titles[name], benefits) for name, benefits in read_benefits(page).items()}


def read_benefits(page: str) -> dict[str, list[Benefit]]:
    """File name → the benefits below the picture."""
    return {match["name"]: [_benefit(document) for document in parse_documents(match["text"], match["name"])] for match in _DRAWN.finditer(page)}


def _draw(title: str, benefits: list[Benefit]) -> str:
    first = benefits[0]
    if first.multiply:
        return draw_multiplier(title, first.multiply)
    return draw_gate(title, first.requires[0]) if first.requires else draw_benefits(title, benefits, CURRENCY)


def _benefit(document: Document) -> Benefit:
    """The benefit, checked as the program checks it."""
    pays = {} if "matrix" in document.value else {"tiers": [{"from": 0, "rate": 0}]}
    benefit = {**_DEFAULTS, **pays, **document.value}
    term = {"from": dt.date(2025, 1, 1), "to": dt.date(2025, 12, 31)}
    agreement = Agreement.model_validate({"agreement": "A", "currency": CURRENCY, "term": term, "participants": ["P"], "benefits": [benefit]})
    if problems := problems_within(agreement, document, approval_day=None):
        raise InputError(problems)
    return agreement.benefits[0]


def write_pictures() -> None:
    """Draw every picture of the page, and delete those it no longer shows."""
    drawn = draw_pictures(PAGE.read_text(encoding="utf-8"))
    PICTURES.mkdir(parents=True, exist_ok=True)
    for old in PICTURES.glob("*.svg"):
        if old.name not in drawn:
            old.unlink()
    for name, svg in drawn.items():
        (PICTURES / name).write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    write_pictures()
