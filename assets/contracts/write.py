"""Writing data contracts and metrics into a folder.

Belongs here: which files there are. Does not belong here: what is in them (data_contracts.py, semantic_model.py).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from assets.contracts.data_contracts import list_contracts
from assets.contracts.semantic_model import METRICS, make_ossie_model


def write_contracts(folder: Path) -> list[Path]:
    """Write every file, over those that are there. Returns their paths."""
    texts = {name: _as_yaml(content) for name, content in list_contracts()}
    texts |= {"semantic_model.ossie.yaml": _as_yaml(make_ossie_model()), "dbt/metrics.yml": METRICS.read_text(encoding="utf-8")}
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return [folder / name for name in texts]


def _as_yaml(content: dict[str, Any]) -> str:
    return str(yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=120))
