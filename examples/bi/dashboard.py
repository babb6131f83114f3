"""A Superset import of the dashboard in dashboard.yaml, over the tierledger.duckdb of a book.

Belongs here: Superset's form of databases, datasets, charts and dashboards. Does not belong here: what they show (dashboard.yaml), starting Superset
(superset.sh).

    python examples/bi/dashboard.py books/demo dashboard.zip
"""

from __future__ import annotations

import sys
import uuid
import zipfile
from pathlib import Path
from typing import Any

import yaml

_VERSION = "1.0.0"
_WIDTH = 12
_TYPES = {"total": "big_number_total", "bar": "echarts_timeseries_bar", "sums": "table", "rows": "table"}


def make_import(database: Path) -> dict[str, Any]:
    """The files of the import by name."""
    wanted = yaml.safe_load(Path(__file__).with_name("dashboard.yaml").read_text(encoding="utf-8"))
    files: dict[str, Any] = {
        "metadata.yaml": {"version": _VERSION, "type": "Dashboard", "timestamp": "2026-01-01T00:00:00+00:00"},
        "databases/tierledger.yaml": {
            "database_name": "tierledger",
            "sqlalchemy_uri": f"duckdb:///{database.resolve()}",
            "extra": {"engine_params": {"connect_args": {"read_only": True}}},
            "uuid": _id("database"),
            "version": _VERSION,
        },
    }
    for name, sql in wanted["datasets"].items():
        files[f"datasets/tierledger/{name}.yaml"] = {
            "table_name": name,
            "sql": sql,
            "schema": "main",
            "main_dttm_col": "date" if name == "months" else None,
            "uuid": _id(f"dataset {name}"),
            "database_uuid": _id("database"),
            "columns": _columns(sql),
            "metrics": [],
            "version": _VERSION,
        }
    for name, chart in wanted["charts"].items():
        files[f"charts/{name}.yaml"] = {
            "slice_name": chart["title"],
            "viz_type": _TYPES[chart["kind"]],
            "params": _params(chart),
            "uuid": _id(f"chart {name}"),
            "dataset_uuid": _id(f"dataset {chart['of']}"),
            "version": _VERSION,
        }
    files["dashboards/tierledger.yaml"] = {
        "dashboard_title": wanted["title"],
        "slug": "tierledger",
        "uuid": _id("dashboard"),
        "position": _position(wanted),
        "metadata": {},
        "published": True,
        "version": _VERSION,
    }
    return files


def write_import(book: Path, target: Path) -> None:
    """Write the import as the zip that `superset import-dashboards` takes."""
    with zipfile.ZipFile(target, "w") as pack:
        for name, content in make_import(book / "published" / "tierledger.duckdb").items():
            pack.writestr(f"dashboard/{name}", yaml.safe_dump(content, sort_keys=False))


def _columns(sql: str) -> list[dict[str, Any]]:
    """The columns of a query that names each of them, in its first `select`."""
    named = sql[len("select") : sql.index("from ")]
    texts, depth = [""], 0
    for character in named:
        depth += (character == "(") - (character == ")")
        if character == "," and not depth:
            texts.append("")
        else:
            texts[-1] += character
    names = [text.split()[-1].rpartition(".")[2] for text in texts]
    return [{"column_name": name, "is_dttm": name == "date", "groupby": True, "filterable": True} for name in names]


def _params(chart: dict[str, Any]) -> dict[str, Any]:
    kind = chart["kind"]
    filters = [{"clause": "WHERE", "expressionType": "SQL", "sqlExpression": chart["where"]}] if "where" in chart else []
    found: dict[str, Any] = {"viz_type": _TYPES[kind], "adhoc_filters": filters, "number_format": ",.2f"}
    if kind == "rows":
        order = [f'["{chart["order"]}", true]']
        return found | {"query_mode": "raw", "all_columns": chart["columns"], "order_by_cols": order, "row_limit": chart["limit"]}
    summed = {"expressionType": "SQL", "sqlExpression": f"sum({chart['sum']})", "label": chart["sum"], "hasCustomLabel": True}
    if kind == "total":
        return found | {"metric": summed, "y_axis_format": ",.2f"}
    if kind == "bar":
        return found | {"metrics": [summed], "x_axis": chart["x"], "time_grain_sqla": "P1M", "groupby": [chart["by"]], "y_axis_format": ",.0f"}
    return found | {"query_mode": "aggregate", "metrics": [summed], "groupby": chart["by"], "row_limit": 20, "order_desc": True, "server_pagination": False}


def _position(wanted: dict[str, Any]) -> dict[str, Any]:
    """Where the charts stand: each row as wide as the page."""
    found: dict[str, Any] = {
        "DASHBOARD_VERSION_KEY": "v2",
        "ROOT_ID": {"type": "ROOT", "id": "ROOT_ID", "children": ["GRID_ID"]},
        "GRID_ID": {"type": "GRID", "id": "GRID_ID", "children": [], "parents": ["ROOT_ID"]},
        "HEADER_ID": {"type": "HEADER", "id": "HEADER_ID", "meta": {"text": wanted["title"]}},
    }
    number = 0
    for place, row in enumerate(wanted["rows"]):
        key = f"ROW-{place}"
        found["GRID_ID"]["children"].append(key)
        found[key] = {"type": "ROW", "id": key, "children": [], "parents": ["ROOT_ID", "GRID_ID"], "meta": {"background": "BACKGROUND_TRANSPARENT"}}
        for name in row["charts"]:
            number += 1
            meta = {"chartId": number, "uuid": _id(f"chart {name}"), "sliceName": wanted["charts"][name]["title"]}
            meta |= {"width": _WIDTH // len(row["charts"]), "height": row["height"]}
            found[key]["children"].append(f"CHART-{name}")
            found[f"CHART-{name}"] = {"type": "CHART", "id": f"CHART-{name}", "children": [], "parents": ["ROOT_ID", "GRID_ID", key], "meta": meta}
    return found


def _id(name: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"tierledger {name}"))


if __name__ == "__main__":
    write_import(Path(sys.argv[1]), Path(sys.argv[2]))
