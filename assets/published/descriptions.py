"""Descriptions of the published tables and columns.

Belongs here: reading the descriptions of the marts. Does not belong here: where they are shown (assets/publishing/parquet_set.py,
assets/publishing/postgres/publish.py).
"""

from __future__ import annotations

from pathlib import Path

import yaml

_DESCRIPTIONS = Path(__file__).resolve().parents[2] / "dbt_project" / "models" / "marts"


def descriptions() -> dict[str, tuple[str, dict[str, str]]]:
    """Descriptions from the marts' yml files: table to (description, column to description)."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    found = {}
    for path in sorted(_DESCRIPTIONS.rglob("*.yml")):
        for model in yaml.load(path.read_bytes(), Loader=loader).get("models", []):
            columns = {c["name"]: _one_line(c.get("description", "")) for c in model.get("columns", [])}
            found[model["name"]] = (_one_line(model.get("description", "")), columns)
    return found


def _one_line(text: str) -> str:
    return " ".join(text.split())
