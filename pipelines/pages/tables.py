"""docs/tables.md, made from the descriptions of the published tables: `python -m pipelines.pages.tables` writes it.

Belongs here: the page. Does not belong here: what the tables hold (dbt_project/models/marts/*.yml).
"""

from __future__ import annotations

from pathlib import Path

import yaml

from pipelines.pages.line_length import break_long_lines

ROOT = Path(__file__).resolve().parents[2]
MARTS = ROOT / "dbt_project" / "models" / "marts"
PAGE = ROOT / "docs" / "tables.md"
INTRODUCTION = """\
# The published tables

What readers open: `published/current/*.parquet`, and the same tables in
`published/tierledger.duckdb` (DuckDB 1.4 or later). A run replaces both in one step each while
readers read; an open connection goes on seeing the set it opened. Names and types are a contract:
if the tables do not match it, the run publishes nothing. Rounded money is DECIMAL(18,4), every
other figure DECIMAL(38,12). A figure with more digits ends the run with a message that names it.
The lines and transactions of a large book are several Parquet files: read
`fct_payout_line*.parquet` and `fct_transaction*.parquet`.

```sql
-- duckdb published/tierledger.duckdb
select agreement_id, participant_id, window_start, payout, currency
from fct_payout where status = 'final' order by payout desc;

-- from a payout to the rows of the files it came from
select transaction_id, line, amount, line_payout, source_file, source_line
from fct_payout_line where payout_id = '…';

-- lines of the year before, where there is no view fct_prior_line (PostgreSQL, Parquet)
select p.payout_id, e.* from fct_payout as p join fct_earlier_line as e
    on e.benefit_version_id = p.benefit_version_id and e.participant_id = p.participant_id
    and coalesce(e.window_start, p.window_start) = p.window_start and e.counts_for = 'prior'
    and e.counts_as_date between p.span_start and p.window_end;
```

This page is made from the descriptions in `dbt_project/models/marts` (`make tables-page`).
"""


def render_tables_page() -> str:
    """The page as Markdown: one section per table, facts first, one row per column."""
    models = [model for file in sorted(MARTS.rglob("*.yml")) for model in yaml.safe_load(file.read_text(encoding="utf-8"))["models"]]
    kinds = ["fct", "dim", "audit", "column"]
    models.sort(key=lambda model: (kinds.index(model["name"].split("_")[0]), model["name"]))
    return break_long_lines(INTRODUCTION + "".join(map(_section, models)))


def _section(model: dict[str, object]) -> str:
    columns = model["columns"]
    assert isinstance(columns, list)
    rows = "".join(f"| `{c['name']}` | {c['data_type'].upper()} | {c['description']} |\n" for c in columns)
    return f"\n## {model['name']}\n\n{model['description']}\n\n| column | type | meaning |\n|---|---|---|\n{rows}"


if __name__ == "__main__":
    PAGE.write_text(render_tables_page(), encoding="utf-8")
