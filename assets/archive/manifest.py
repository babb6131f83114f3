"""The archive's manifest: which file arrived for which feed, in which order, and which of them was withdrawn.

Belongs here: entering arrivals and withdrawals, and reading them. Does not belong here: finding and copying files (assets/feeds/landing.py),
which file may be withdrawn (assets/archive/withdrawals.py).
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from assets.runtime.durable_files import flush
from assets.runtime.errors import rejection

MANIFEST = "manifest.jsonl"


@dataclass(frozen=True)
class Withdrawal:
    """A line of the manifest: an arrival no longer counts. `withdrawn_at` is UTC. `number` counts withdrawals from 1."""

    feed: str
    arrival_no: int
    sha256: str
    withdrawn_at: str
    by: str
    reason: str
    number: int


@dataclass(frozen=True)
class Arrival:
    """One file of one feed, as the manifest has it. `arrival_no` counts per feed from 1; `arrived_at` is UTC.

    `totals`: the control totals delivered with it. `withdrawal`: the later line that withdraws it.
    """

    feed: str
    file_name: str
    sha256: str
    arrival_no: int
    arrived_at: str
    bytes: int
    suffix: str
    totals: dict[str, str] | None = None
    withdrawal: Withdrawal | None = None


def sync_archive(archive: Path, hashes: Iterable[str]) -> None:
    """Return when the archived files are safely on disk."""
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(flush, [archive / sha256 for sha256 in hashes]))
    flush(archive)


def read_manifest(archive: Path) -> list[Arrival]:
    """Every arrival, in order, each with its withdrawal. A last line that a crash cut short is ignored."""
    path = archive / MANIFEST
    if not path.exists():
        return []
    lines = path.read_bytes().splitlines(keepends=True)
    arrivals: dict[tuple[str, int, str], Arrival] = {}
    try:
        for line in lines:
            if not line.endswith(b"\n"):
                continue
            entry = json.loads(line)
            if "withdrawn_at" in entry:
                withdrawal = Withdrawal(**entry)
                key = (withdrawal.feed, withdrawal.arrival_no, withdrawal.sha256)
                arrivals[key] = replace(arrivals[key], withdrawal=withdrawal)
            else:
                arrival = Arrival(**entry)
                arrivals[arrival.feed, arrival.arrival_no, arrival.sha256] = arrival
        return list(arrivals.values())
    except (ValueError, TypeError, KeyError) as error:
        raise rejection(f"archive/{MANIFEST}", f"is damaged ({error}); restore it from a backup: it records the order of arrival") from None


def count_withdrawals(arrivals: Iterable[Arrival]) -> int:
    """How many of them are withdrawn."""
    return sum(arrival.withdrawal is not None for arrival in arrivals)


def without_later_withdrawals(arrivals: Iterable[Arrival], known: int) -> list[Arrival]:
    """The arrivals as they were when the manifest had `known` withdrawals."""
    return [replace(each, withdrawal=None) if each.withdrawal and each.withdrawal.number > known else each for each in arrivals]


def append_manifest(archive: Path, arrivals: list[Arrival], enter: Callable[[int, bytes], bool] | None = None) -> bool:
    """Append arrivals, then their withdrawals. They are on disk when this returns.

    `enter` first enters the lines, from this byte on, where other runs append too. False: it could not, and nothing was appended.
    """
    withdrawals = sorted((arrival.withdrawal for arrival in arrivals if arrival.withdrawal), key=lambda withdrawal: withdrawal.number)
    return _append(archive, [*map(_entry, arrivals), *map(asdict, withdrawals)], enter)


def append_withdrawals(archive: Path, withdrawals: list[Withdrawal], enter: Callable[[int, bytes], bool] | None = None) -> bool:
    """Append withdrawals of arrivals that are in the manifest, likewise."""
    return _append(archive, [asdict(withdrawal) for withdrawal in withdrawals], enter)


def _append(archive: Path, entries: list[dict[str, object]], enter: Callable[[int, bytes], bool] | None) -> bool:
    if not entries:
        return True
    path = archive / MANIFEST
    lines = b"".join(json.dumps(entry, ensure_ascii=False).encode() + b"\n" for entry in entries)
    if enter and not enter(path.read_bytes().rfind(b"\n") + 1 if path.exists() else 0, lines):
        return False
    with path.open("a+b") as file:
        size = file.seek(0, os.SEEK_END)
        if size:
            data = path.read_bytes()
            if not data.endswith(b"\n"):
                file.truncate(data.rfind(b"\n") + 1)
        file.write(lines)
        file.flush()
        os.fsync(file.fileno())
    flush(archive)
    return True


def _entry(arrival: Arrival) -> dict[str, object]:
    """An arrival as the manifest has it."""
    return {name: value for name, value in asdict(arrival).items() if name != "withdrawal" and (name != "totals" or value)}
