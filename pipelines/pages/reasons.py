"""docs/reasons.md, made from the reasons of models/feeds/reject_reasons.py.

Belongs here: the page's words. Does not belong here: any reason.
"""

from __future__ import annotations

from pathlib import Path

from models.feeds.reject_reasons import REASONS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reasons.md"

INTRODUCTION = """# Reasons: why a row or a result does not count

`tierledger rejects` shows the rows of a book by reason, with an example and the remedy; `--export DIR` writes those that need a correction to
`DIR/<feed>.csv`. Put the corrected file into the feed's landing folder: its columns `corrects_file` and `corrects_row` say which refused row each of its
rows takes the place of, and that row is then told as corrected (`audit_reject_resolved`). With a business key, any later row of the same key does the same.
The refused row itself stays in `audit_reject`: it did arrive.

## Rows (`audit_reject.reason`)

| reason | cause | remedy |
|---|---|---|
"""
END = """
A waiting row is tried again by itself in every run; there is nothing to deliver twice. This table is made from `models/feeds/reject_reasons.py`
(`make reasons-page`).

## Files

A file that is refused stops the run with exit code 2 before anything of it counts; the message names the file, the line where there is one, what is wrong
and what to do. The causes are listed in [feeds.md](feeds.md#rejected-files). Status `duplicate` in `audit_feed_file`: the same bytes came before.

## Results (`fct_payout.status_reason`)

A result that lacks a figure is `blocked`, pays nothing and is computed once the figure arrives: [language.md](language.md#what-is-never-guessed).
"""


def render_reasons_page() -> str:
    """The page as Markdown: one row per reason code."""
    rows = [f"| `{code}` | {reason.cause}{' (waits)' if reason.is_waiting else ''} | {reason.remedy} |\n" for code, reason in REASONS.items()]
    return INTRODUCTION + "".join(rows) + END


if __name__ == "__main__":
    PAGE.write_text(render_reasons_page(), encoding="utf-8")
