"""A paper as Markdown and as a page: texts from data stay texts, and what does not fit is left out, never the head.

Belongs here: how a paper is shown. Does not belong here: what one says (tests/integration/differences).
"""

from __future__ import annotations

import pytest

from assets.report.markdown import to_markdown
from assets.report.papers import Paper, Section
from assets.report.single_page import to_page
from assets.report.tables import Column, Table

HOSTILE = "Two | Sons <b>@ann</b> [x](http://y) `rm`\n# a"


def paper(sections: int) -> Paper:
    table = Table("t", (Column("Name"), Column("Amount", "number")), [(HOSTILE, "1.00 EUR"), ("Plain", "–")])
    head = Section("", ["What changes."], [table])
    return Paper("Title", head, [Section(f"Part {n}", [f"Sentence {n}."], [table]) for n in range(sections)], "Made from runs.")


def test_texts_from_data_form_no_markup() -> None:
    text = to_markdown(paper(1))
    rows = [line for line in text.splitlines() if line.startswith("| Two")]
    assert len(rows) == 2
    assert rows[0] == "| Two \\| Sons \\<b\\>@\u200bann\\</b\\> \\[x\\](http:\u200b//y) \\`rm\\` \\# a | 1.00 EUR |"
    assert "|---|--:|" in text


@pytest.mark.parametrize("budget", [1, 300, 500, 700, 100_000])
def test_the_head_is_there_however_small_the_budget(budget: int) -> None:
    whole, text = to_markdown(paper(6)), to_markdown(paper(6), budget)
    head = to_markdown(paper(0)).split("\n\n<sub>")[0]
    assert text.startswith(head)
    named = [f"Part {n}" for n in range(6) if f"Part {n}" in text]
    assert len(named) == 6, "what is left out is named"
    assert len(text) <= max(budget, len(to_markdown(paper(6), 1)))
    assert (text == whole) == (budget >= len(whole))


def test_a_page_needs_nothing_else() -> None:
    page = to_page(paper(2))
    assert "Two | Sons &lt;b&gt;@ann" in page
    assert "<script" not in page
    assert 'rel="stylesheet"' not in page
    assert page.count("<table>") == 3
