"""docs/feed-columns.md, made from the columns of the feeds: `python -m pipelines.pages.feed_columns` writes it anew.

Belongs here: the page. Does not belong here: which columns a feed has (models/feeds/columns.py), what they mean (dbt_project/models/sources.yml).
"""

from __future__ import annotations

from pathlib import Path

import yaml

from models.feeds.columns import FEEDS, Column, Feed, Kind

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "dbt_project" / "models" / "sources.yml"
PAGE = ROOT / "docs" / "feed-columns.md"
INTRODUCTION = """\
# The columns of the feeds

What a feed may deliver. `columns` of book.yaml maps other names to these ([feeds.md](feeds.md)). A
file without a required column is rejected as a whole; a row without its value is rejected.

This page is made from `models/feeds/columns.py` (`make feed-columns-page`).
"""
CARRIES_ALONG = "\nFurther columns of the files are carried along as text. Agreements can use them.\n"
#: How the values of a kind are written.
WRITTEN: dict[Kind, str] = {
    "text": "text",
    "integer": "whole number",
    "date": "day, `2026-03-31`",
    "amount": "number, up to 6 decimals",
    "rate": "number, up to 12 decimals",
    "currency": "ISO 4217 code",
    "type": "`sale`, `return`, `credit` or `adjustment`",
}


def render_feed_columns_page() -> str:
    """The page as Markdown: one section per feed, one row per column."""
    raw = next(source for source in yaml.safe_load(SOURCES.read_text(encoding="utf-8"))["sources"] if source["name"] == "raw")
    meanings = {table["name"]: {c["name"]: c["description"] for c in table["columns"]} for table in raw["tables"]}
    return INTRODUCTION + "".join(_section(feed, meanings[feed.name]) for feed in FEEDS.values())


def _section(feed: Feed, meanings: dict[str, str]) -> str:
    rows = "".join(f"| `{c.name}` | {WRITTEN[c.kind]} | {_without(c)} | {meanings[c.name]} |\n" for c in feed.columns)
    return f"\n## {feed.name}\n\n| column | value | without it | meaning |\n|---|---|---|---|\n{rows}{CARRIES_ALONG if feed.attributes else ''}"


def _without(column: Column) -> str:
    """What happens to a row without a value."""
    if column.required:
        return "rejected"
    if column.default is None:
        return "empty"
    return f"the same as `{column.default[1:]}`" if column.default.startswith("=") else f"`{column.default}`"


if __name__ == "__main__":
    PAGE.write_text(render_feed_columns_page(), encoding="utf-8")
