"""Data contracts (ODCS 3.1) of the published tables and of the feeds, from what describes them anyway.

Belongs here: the form of a contract. Does not belong here: what tables and feeds have (dbt_project/models/marts/*.yml, dbt_project/models/sources.yml,
models/feeds/columns.py), metrics (semantic_model.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from assets.published.marts import Keys, declared_keys, described_columns, described_feeds, descriptions
from models.feeds.columns import FEEDS, NUMERIC_KINDS, SQL_TYPES, TRANSACTION_TYPES, Column

Contract = dict[str, Any]
VERSION = "v3.1.0"
#: SQL types by their first word.
_LOGICAL = {"varchar": "string", "integer": "integer", "bigint": "integer", "decimal": "number", "date": "date", "boolean": "boolean", "timestamp": "timestamp"}


def list_contracts() -> Iterator[tuple[str, Contract]]:
    """File name and content of each contract: published tables, then feeds."""
    keys = declared_keys()
    for table, (description, _) in descriptions().items():
        properties = [_of_column(table, column, keys) for column in described_columns()[table]]
        yield f"{table}.odcs.yaml", _contract(table, description, "table", properties)
    for feed, (description, columns) in described_feeds().items():
        properties = [_of_feed(column, columns[column.name]) for column in FEEDS[feed].columns]
        yield f"feeds/{feed}.odcs.yaml", _contract(feed, description, "file", properties)


def logical_type(data_type: str) -> str:
    """What ODCS calls an SQL type."""
    return _LOGICAL[data_type.lower().split("(")[0]]


def _contract(name: str, description: str, kind: str, properties: list[dict[str, Any]]) -> Contract:
    text, _, grain = description.rpartition("One row per ")
    return {
        "apiVersion": VERSION,
        "kind": "DataContract",
        "id": f"tierledger-{kind}-{name}",
        "name": name,
        "version": "1.0.0",
        "status": "active",
        "description": {"purpose": text.strip() or description},
        "schema": [
            {
                "id": name,
                "name": name,
                "physicalName": name,
                "logicalType": "object",
                "physicalType": kind,
                "description": description,
                **({"dataGranularityDescription": f"One row per {grain}"} if text else {}),
                "properties": properties,
            }
        ],
    }


def _of_column(table: str, column: dict[str, Any], keys: dict[str, Keys]) -> dict[str, Any]:
    name, own = column["name"], keys[table]
    found = _property(name, column["data_type"].upper(), column["description"], name in own.not_null)
    if name in own.primary:
        found |= {"primaryKey": True, "primaryKeyPosition": own.primary.index(name) + 1}
    if own.primary == (name,):
        found["unique"] = True
    targets = [target for reference, target in own.references if reference == name]
    if targets:
        found["relationships"] = [{"type": "foreignKey", "to": f"{to}.odcs.yaml#/schema/{to}/properties/{keys[to].primary[0]}"} for to in targets]
    return found


def _of_feed(column: Column, description: str) -> dict[str, Any]:
    found = _property(column.name, SQL_TYPES[column.kind], description, column.required)
    if column.minimum is not None and column.kind in NUMERIC_KINDS:  # a share is a text, such as 1/3
        found["logicalTypeOptions"] = {"exclusiveMinimum" if column.above_minimum else "minimum": int(column.minimum)}
    if column.kind == "type":
        found["logicalTypeOptions"] = {"pattern": f"^({'|'.join(TRANSACTION_TYPES)})$"}
    if column.default is not None:
        found["customProperties"] = [{"property": "default", "value": column.default.removeprefix("=")}]
    return found


def _property(name: str, data_type: str, description: str, is_required: bool) -> dict[str, Any]:
    return {
        "id": name,
        "name": name,
        "logicalType": logical_type(data_type),
        "physicalType": data_type,
        "description": description,
        **({"required": True} if is_required else {}),
    }
