"""The metrics for BI tools: as they are for dbt, and as a semantic model of Apache Ossie (formerly OSI).

Belongs here: turning metrics.yml and the descriptions of the tables into the second form. Does not belong here: which metrics there are (metrics.yml).
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml

from assets.published.marts import declared_keys, described_columns, descriptions

METRICS = Path(__file__).with_name("metrics.yml")
#: The version of its core specification that the model follows.
OSSIE = "0.2.0.dev0"
_DATATYPES = {
    "varchar": "String",
    "integer": "Integer",
    "bigint": "Integer",
    "decimal": "Decimal",
    "date": "Date",
    "boolean": "Boolean",
    "timestamp": "DateTimeTz",
}
#: Tables that the metrics are looked at by, besides those that they come from.
_MORE = ("fct_payout_line", "fct_achievement", "dim_date", "dim_period", "dim_product")
_AI = (
    "Amounts are in the currency of their agreement and positive in both directions: "
    "add up columns that end in _signed, or one currency and one direction at a time."
)


def make_ossie_model() -> dict[str, Any]:
    """Datasets with their fields and keys, relationships by the keys that the tables declare, and the metrics as SQL."""
    metrics, keys, described = _read_metrics(), declared_keys(), descriptions()
    tables = list(dict.fromkeys([*(_table(each) for each in metrics["semantic_models"]), *_MORE]))
    relationships = [
        {"name": f"{table}_{column}", "from": table, "to": to, "from_columns": [column], "to_columns": list(keys[to].primary)}
        for table in tables
        for column, to in keys[table].references
        if to in tables and to != table
    ]
    model = {
        "name": "tierledger",
        "description": "Rebates, bonuses and commissions: payouts, accruals and what they come from.",
        "ai_context": {"instructions": _AI},
        "datasets": [_dataset(table, described[table][0]) for table in tables],
        "relationships": relationships,
        "metrics": [
            {"name": m["name"], "description": m["description"], "datatype": "Decimal", "expression": _sql(_expression(m["name"]))} for m in metrics["metrics"]
        ],
    }
    return {"version": OSSIE, "semantic_model": [model]}


def _dataset(table: str, description: str) -> dict[str, Any]:
    primary = list(declared_keys()[table].primary)
    fields = [
        {
            "name": column["name"],
            "description": column["description"],
            "datatype": _DATATYPES[column["data_type"].lower().split("(")[0]],
            "expression": _sql(column["name"]),
            **({"dimension": {}} if _is_dimension(column) else {}),
        }
        for column in described_columns()[table]
    ]
    return {"name": table, "source": f"tierledger.{table}", "description": description, **({"primary_key": primary} if primary else {}), "fields": fields}


def _is_dimension(column: dict[str, Any]) -> bool:
    """Whether one groups by the column: by all but amounts and quantities."""
    return not column["data_type"].lower().startswith("decimal")


def _expression(metric: str) -> str:
    """A metric in SQL."""
    found = next(each for each in _read_metrics()["metrics"] if each["name"] == metric)
    parameters = found["type_params"]
    if found["type"] == "ratio":
        return f"{_expression(parameters['numerator'])} / NULLIF({_expression(parameters['denominator'])}, 0)"
    of, measure = next(
        (model, each) for model in _read_metrics()["semantic_models"] for each in model.get("measures", []) if each["name"] == parameters["measure"]
    )
    inner = measure.get("expr", measure["name"])
    columns = {column["name"] for column in described_columns()[_table(of)]}
    named = " ".join(f"{_table(of)}.{word}" if word in columns else word for word in inner.split())
    return f"{measure['agg'].upper()}({named})"


def _table(semantic_model: dict[str, Any]) -> str:
    return str(semantic_model["model"]).removeprefix("ref('").removesuffix("')")


def _sql(expression: str) -> dict[str, Any]:
    return {"dialects": [{"dialect": "ANSI_SQL", "expression": expression}]}


@cache
def _read_metrics() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(METRICS.read_bytes())
    return content
