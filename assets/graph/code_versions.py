"""Code versions of assets, as hashes: Dagster's page marks assets made by older code.

Belongs here: where a step's code is, and hashing it. Does not belong here: the version that identifies a run (assets/archive/run_identity.py).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
_CALCULATION = ("assets/transform/calculate.py", "models/calculation", "models/curves", "models/money.py")
#: Folders and modules whose code decides what a step writes.
SOURCES = {
    "ledger": ("assets/closing/load_ledger.py", "assets/ledger", "models/records"),
    "feeds": ("assets/feeds", "models/feeds"),
    "identify": ("assets/archive",),
    "agreements": ("assets/agreements", "models/agreements", "models/calendars.py"),
    "calculate": _CALCULATION,
    "net": _CALCULATION,
    "publish": ("assets/publishing",),
}


def version_of_step(name: str) -> str:
    """Hash of the step's sources."""
    places = [ROOT / place for place in SOURCES[name]]
    files = [file for place in places for file in (sorted(place.rglob("*.py")) if place.is_dir() else [place])]
    return _hash(f"{file.relative_to(ROOT)}\n{file.read_text(encoding='utf-8')}" for file in files)


def version_of_model(manifest: Mapping[str, Any], node: Mapping[str, Any]) -> str:
    """Hash of the model's SQL and of every macro of the project that it uses."""
    return _hash([node["raw_code"], *(manifest["macros"][name]["macro_sql"] for name in sorted(_macros(manifest, node)))])


def _macros(manifest: Mapping[str, Any], node: Mapping[str, Any]) -> set[str]:
    """Names of the macros that the node uses, directly or through others, without dbt's own."""
    found: set[str] = set()
    waiting = list(node["depends_on"]["macros"])
    while waiting:
        name = waiting.pop()
        if name not in found and name.startswith("macro.tierledger."):
            found.add(name)
            waiting += manifest["macros"][name]["depends_on"]["macros"]
    return found


def _hash(texts: Iterator[str] | list[str]) -> str:
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:16]
