"""docs/feed-columns.md, made from the columns of the feeds: `python -m pipelines.pages.feed_columns` writes it.

Belongs here: the page. Does not belong here: which columns a feed has (models/feeds/columns.py), what they mean (dbt_project/models/sources.yml).
"""

from __future__ import annotations

from pathlib import Path

import yaml

from models.feeds.columns import FEEDS, Column, Feed, Kind
from pipelines.pages.line_length import break_long_lines

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "dbt_project" / "models" / "sources.yml"
PAGE = ROOT / "docs" / "feed-columns.md"
INTRODUCTION = """\
# The columns of the feeds

What each feed can hold. `columns` in book.yaml maps the columns of your files to these
([feeds.md](feeds.md)).

- **required**: a file that lacks the column stops the run; a row that lacks a value is rejected.
- **default**: what a row without a value gets; empty means null. `defaults` in book.yaml can set
  one for any column.
- **key**: no feed has a key of its own. `key` in book.yaml names the columns that identify a row,
  such as `[transaction_id, line]`. Without it, every row of every file is a row of its own.

This page is made from `models/feeds/columns.py` (`make feed-columns-page`).
"""
CARRIES_ALONG = "\nFurther columns of the files are carried along as text. Agreements can use them.\n"
#: How the values of a kind are written.
WRITTEN: dict[Kind, str] = {
    "text": "text",
    "integer": "whole number",
    "date": "day",
    "amount": "number, up to 6 decimals",
    "rate": "number, up to 12 decimals",
    "share": "number, up to 6 decimals, or a fraction such as `1/3`",
    "currency": "ISO 4217 code",
    "type": "`sale`, `return`, `credit` or `adjustment`",
}


def render_feed_columns_page() -> str:
    """The page as Markdown: one section per feed, one row per column."""
    raw = next(source for source in yaml.safe_load(SOURCES.read_text(encoding="utf-8"))["sources"] if source["name"] == "raw")
    tables = {table["name"]: table for table in raw["tables"]}
    return break_long_lines(INTRODUCTION + "".join(_section(feed, tables[feed.name]["columns"]) for feed in FEEDS.values()))


def _section(feed: Feed, described: list[dict[str, str]]) -> str:
    meanings = {column["name"]: column["description"] for column in described}
    rows = "".join(f"| `{c.name}` | {_type(c)} | {'yes' if c.required else ''} | {_default(c)} | {meanings[c.name]} |\n" for c in feed.columns)
    header = "| column | type | required | default | meaning |\n|---|---|---|---|---|\n"
    return f"\n## {feed.name}\n\n{header}{rows}{CARRIES_ALONG if feed.attributes else ''}"


def _type(column: Column) -> str:
    bound = "" if column.minimum is None else f", {'above' if column.above_minimum else 'from'} {column.minimum}"
    return WRITTEN[column.kind] + bound


def _default(column: Column) -> str:
    if column.default is None:
        return ""
    return f"the same as `{column.default[1:]}`" if column.default.startswith("=") else f"`{column.default}`"


if __name__ == "__main__":
    PAGE.write_text(render_feed_columns_page(), encoding="utf-8")
