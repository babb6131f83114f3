"""Lines of the documentation stay short enough to read and to compare.

Belongs here: the length of lines. Does not belong here: what the pages say (test_docs.py and its neighbours).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.pages.line_length import LONGEST

ROOT = Path(__file__).resolve().parents[2]
PAGES = [page for place in ("*.md", "docs/**/*.md", "benchmarks/*.md", "tests/**/*.md") for page in sorted(ROOT.glob(place))]
#: A line that is one link, alone or as a list item, cannot be broken.
_ONE_LINK = re.compile(r"(?:[-*] |\d+\. )?(?:!?\[[^\]]*\]\([^)]*\)|<?https?://\S+)")


def long_lines(text: str) -> Iterator[tuple[int, str]]:
    """Number and text of every line that could be shorter: no row of a table, no link alone, nothing between fences."""
    is_code = False
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("```"):
            is_code = not is_code
        elif not is_code and len(line) > LONGEST and not line.startswith("|") and not _ONE_LINK.fullmatch(line.strip()):
            yield number, line


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_no_line_is_longer_than_a_reader_likes(page: Path) -> None:
    assert list(long_lines(page.read_text(encoding="utf-8"))) == []


def test_what_counts_as_a_long_line() -> None:
    long = "word " * 20 + "word"
    link = "[page](" + "x" * LONGEST + ")"
    text = "\n".join(["# Title", long, "", "| " + long + " |", "```", long, "```", link, f"- {link}", f"see {link}", "- " + long])
    assert [number for number, _ in long_lines(text)] == [2, 10, 11]
