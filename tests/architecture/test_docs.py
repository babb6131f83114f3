"""The docs hold what they promise: links lead somewhere, and the agreements that the language's page shows are ones the program takes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from models.agreements.parse import parse_agreements
from models.calendars import CalendarSettings
from models.documents import parse_documents

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "benchmarks" / "README.md"])
LANGUAGE = (ROOT / "docs" / "language.md").read_text(encoding="utf-8")


def anchors(page: Path) -> set[str]:
    """The names under which a page's headings are reached, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith(("http:", "https:", "mailto:")):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), target
        if anchor:
            assert anchor in anchors(there), target


def test_the_agreement_on_the_language_page_is_taken() -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", LANGUAGE, re.DOTALL)
    whole = [block for block in blocks if block.startswith("agreement:")]
    assert whole
    for block in whole:
        assert parse_agreements({"language.md": block})


def test_pieces_of_yaml_on_the_language_page_are_taken() -> None:
    """What stands in backticks as {…} is YAML as the program reads it."""
    pieces = [piece for piece in re.findall(r"`(?:[a-z_]+: )?(\{[^`]*\}|\[\{[^`]*\}\])`", LANGUAGE) if "…" not in piece]
    assert len(pieces) > 10
    for piece in pieces:
        if not re.fullmatch(r"\{[a-z, ]+\}", piece):
            assert parse_documents(piece, "language.md")[0].value
    calendar = next(piece for piece in pieces if "first_days" in piece)
    assert CalendarSettings.model_validate(parse_documents(calendar, "language.md")[0].value)
