"""docs/internal-tables.md, made from the descriptions of the tables below the marts: `python -m pipelines.pages.internal_tables` writes it.

Belongs here: the page. Does not belong here: what the tables hold (dbt_project/models), the published tables (pages/tables.py).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from pipelines.pages.line_length import break_long_lines

ROOT = Path(__file__).resolve().parents[2]
MODELS = ROOT / "dbt_project" / "models"
PAGE = ROOT / "docs" / "internal-tables.md"
#: The schemas in the order of the data: sources that a step loads, layers that dbt makes, the source that Polars computes.
LOADED = ("ledger", "raw", "terms")
LAYERS = {"staging": "Current rows, typed and named.", "intermediate": "All work on single transactions."}
COMPUTED = "calc"
INTRODUCTION = """\
# The internal tables

What `warehouse.duckdb` holds below the [published tables](tables.md). Only the program reads these
tables, and any version may change their names and types. To look at them, open the file read-only
while no run is in progress: `duckdb -readonly books/demo/warehouse.duckdb`.

- All of them are derived. `tierledger run --rebuild` makes them again from archive, agreements and
  ledger.
- A `*_key` is a small integer, new with every rebuild and never published. Ids are the users' own.
- Rounded money is DECIMAL(18,4). Measures, targets, axis values, rates and unrounded results are
  DECIMAL(38,12).
- For staging and intermediate tables, this page lists the columns that need an explanation. The
  linked SQL has them all.

This page is made from the descriptions in `dbt_project/models` (`make internal-tables-page`).
"""


def render_internal_tables_page() -> str:
    """The page as Markdown: one section per schema, one table per table."""
    sources = {source["name"]: source for source in _read("sources.yml", "sources")}
    published = {model["name"]: {c["name"]: c["description"] for c in model["columns"]} for model in _read("marts/**/*.yml", "models")}
    sections = [_source(sources[name], published) for name in LOADED]
    sections += [_layer(name, text) for name, text in LAYERS.items()]
    return break_long_lines(INTRODUCTION + "".join([*sections, _source(sources[COMPUTED], published)]))


def _read(pattern: str, key: str) -> list[dict[str, Any]]:
    files = sorted(MODELS.glob(pattern))
    return [entry for file in files for entry in yaml.safe_load(file.read_text(encoding="utf-8")).get(key, [])]


def _source(source: dict[str, Any], published: dict[str, dict[str, str]]) -> str:
    """Tables that dbt reads but does not make. A column without a description has that of the mart that publishes it."""
    tables = "".join(_table(table, published.get(_mart(table), {})) for table in source["tables"])
    return f"\n## {source['name']}\n\n{source['description']}\n{tables}"


def _mart(table: dict[str, Any]) -> str:
    """The mart that publishes the table's columns under their own names, if there is one."""
    return str(table.get("config", {}).get("meta", {}).get("published_as"))


def _layer(name: str, text: str) -> str:
    models = sorted(_read(f"{name}/**/*.yml", "models"), key=lambda model: model["name"])
    return f"\n## {name}\n\n{text}\n" + "".join(_table(model, {}, _sql(model["name"])) for model in models)


def _sql(model: str) -> str:
    file = next(MODELS.glob(f"**/{model}.sql")).relative_to(ROOT)
    return f"\n[{file.name}](../{file.as_posix()})\n"


def _table(table: dict[str, Any], published: dict[str, str], link: str = "") -> str:
    columns = table.get("columns", ())
    meanings = [c.get("description") or published[c["name"]] for c in columns]
    cells = {"column": [f"`{c['name']}`" for c in columns], "type": [c.get("data_type", "").upper() for c in columns], "meaning": meanings}
    if not any(cells["type"]):  # models of dbt declare a type only where a contract holds it
        del cells["type"]
    lines = [list(cells), ["---"] * len(cells), *zip(*cells.values(), strict=True)] if columns else []
    return f"\n### {table['name']}\n\n{table['description']}\n{link}" + ("\n" if lines else "") + "".join(f"| {' | '.join(line)} |\n" for line in lines)


if __name__ == "__main__":
    PAGE.write_text(render_internal_tables_page(), encoding="utf-8")
