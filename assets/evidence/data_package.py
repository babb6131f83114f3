"""datapackage.json: the pack's tables for any program that reads Frictionless data packages.

Belongs here: names, types, descriptions and keys of the tables, and the hash and size of every file. Does not belong here: the tables (tables.py).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from assets.evidence.tables import PackedTable
from assets.published.marts import declared_keys, descriptions

PATH = "datapackage.json"
_TYPES = {"VARCHAR": "string", "DATE": "date", "BOOLEAN": "boolean", "INTEGER": "integer", "BIGINT": "integer", "TIMESTAMP": "datetime"}
#: A name of a resource holds no capital letters.
_MEDIA = {".csv": "text/csv", ".json": "application/json", ".jsonl": "application/jsonl", ".md": "text/markdown", ".py": "text/x-python"}


def write_data_package(folder: Path, tables: Iterable[PackedTable], hashes: Mapping[str, str], about: Mapping[str, Any]) -> None:
    """Write the description of every file whose hash is given."""
    by_path = {table.path: table for table in tables}
    described, keys = descriptions(), declared_keys()
    resources = []
    for path, sha256 in sorted(hashes.items()):
        resource: dict[str, Any] = {
            "name": path.lower().replace("/", "_"), "path": path, "mediatype": _MEDIA.get(Path(path).suffix, "text/plain"), "encoding": "utf-8",
            "bytes": (folder / path).stat().st_size, "hash": f"sha256:{sha256}",
        }  # fmt: skip
        if table := by_path.get(path):
            text, columns = described.get(table.name, (table.scope, {}))
            fields = [
                {
                    "name": name,
                    "type": _TYPES.get(kind, "number" if kind.startswith("DECIMAL") else "string"),
                    "sqlType": kind,
                    "description": columns.get(name, ""),
                }
                for name, kind in table.columns
            ]
            primary = keys[table.name].primary if table.name in keys else ()
            schema = {"fields": fields, "missingValues": [""], **({"primaryKey": list(primary)} if primary else {})}
            resource |= {
                "profile": "tabular-data-resource",
                "title": table.name,
                "description": text,
                "rows": table.rows,
                "scope": table.scope,
                "schema": schema,
            }
        resources.append(resource)
    name = f"tierledger-evidence-{about['period']['name']}"
    package = {"profile": "data-package", "name": name, "title": f"Evidence of {about['period']['name']}, book {about['book']}", "resources": resources}
    (folder / PATH).write_text(json.dumps(package, indent=1, ensure_ascii=False) + "\n", encoding="utf-8", newline="")


def table_columns(package: Mapping[str, Any]) -> dict[str, list[tuple[str, str]]]:
    """By table, the names and SQL types of its columns, as a data package has them."""
    tables = [resource for resource in package["resources"] if "schema" in resource]
    return {resource["title"]: [(field["name"], field["sqlType"]) for field in resource["schema"]["fields"]] for resource in tables}
