"""docs/reasons.md, made from the reasons of models/feeds/reject_reasons.py.

Belongs here: the page's words. Does not belong here: any reason.
"""

from __future__ import annotations

from pathlib import Path

from models.feeds.reject_reasons import REASONS
from pipelines.pages.line_length import break_long_lines

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reasons.md"

INTRODUCTION = """# Reasons: why a row or a result does not count

`tierledger rejects` shows the rejected rows of a book by reason, with an example and the remedy.
`--export DIR` writes the rows that need a correction to `DIR/<feed>.csv`. Put the corrected file
into the feed's landing folder. Its columns `corrects_file` and `corrects_row` name the rejected row
that each of its rows replaces; `audit_reject_resolved` then lists that row as corrected. With a
business key, any later row of the same key does the same. The rejected row itself stays in
`audit_reject`, because it did arrive.

## Rows (`audit_reject.reason`)

| reason | cause | remedy |
|---|---|---|
"""
END = """
Every run tries a waiting row again; nothing has to be delivered twice. This table is made from
`models/feeds/reject_reasons.py` (`make reasons-page`).

## Files

A rejected file stops the run with exit code 2 before any of it counts. The message names the file,
the line if there is one, what is wrong and what to do. [feeds.md](feeds.md#rejected-files) lists
the causes. Status `duplicate` in `audit_feed_file` means that the same bytes arrived before.

## Results (`fct_payout.status_reason`)

A result that lacks a figure is `blocked`. It pays nothing and is computed once the figure arrives
([language.md](language.md#what-is-never-guessed)).
"""


def render_reasons_page() -> str:
    """The page as Markdown: one row per reason code."""
    rows = [f"| `{code}` | {reason.cause}{' (waits)' if reason.is_waiting else ''} | {reason.remedy} |\n" for code, reason in REASONS.items()]
    return break_long_lines(INTRODUCTION + "".join(rows) + END)


if __name__ == "__main__":
    PAGE.write_text(render_reasons_page(), encoding="utf-8")
