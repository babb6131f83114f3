"""The archive's manifest: which file arrived for which feed, in which order.

Belongs here: entering arrivals and reading them. Does not belong here: finding and copying files (assets/feeds/landing.py).
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from assets.runtime.durable_files import flush
from assets.runtime.errors import rejection

MANIFEST = "manifest.jsonl"


@dataclass(frozen=True)
class Arrival:
    """One file of one feed, as the manifest has it. `arrival_no` counts per feed from 1; `arrived_at` is UTC.

    `totals`: the control totals delivered with it.
    """

    feed: str
    file_name: str
    sha256: str
    arrival_no: int
    arrived_at: str
    bytes: int
    suffix: str
    totals: dict[str, str] | None = None


def sync_archive(archive: Path, hashes: Iterable[str]) -> None:
    """Return when the archived files are safely on disk."""
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(flush, [archive / sha256 for sha256 in hashes]))
    flush(archive)


def read_manifest(archive: Path) -> list[Arrival]:
    """Every arrival, in order. A last line that a crash cut short is ignored."""
    path = archive / MANIFEST
    if not path.exists():
        return []
    lines = path.read_bytes().splitlines(keepends=True)
    try:
        return [Arrival(**json.loads(line)) for line in lines if line.endswith(b"\n")]
    except (ValueError, TypeError) as error:
        raise rejection(f"archive/{MANIFEST}", f"is damaged ({error}); restore it from a backup: it records the order of arrival") from None


def append_manifest(archive: Path, arrivals: list[Arrival]) -> None:
    """Append arrivals. They are on disk when this returns."""
    if not arrivals:
        return
    path = archive / MANIFEST
    with path.open("a+b") as file:
        size = file.seek(0, os.SEEK_END)
        if size:
            data = path.read_bytes()
            if not data.endswith(b"\n"):
                file.truncate(data.rfind(b"\n") + 1)
        file.write(b"".join(json.dumps(_entry(arrival), ensure_ascii=False).encode() + b"\n" for arrival in arrivals))
        file.flush()
        os.fsync(file.fileno())
    flush(archive)


def _entry(arrival: Arrival) -> dict[str, object]:
    """An arrival as the manifest has it."""
    return {name: value for name, value in asdict(arrival).items() if name != "totals" or value}
