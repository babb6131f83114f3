"""How much of the machine a run may use: memory, threads, spill folder. The engine, dbt's profile and Polars all take it from here.

Belongs here: defaults from the machine, the engine's settings. Does not belong here: checking before a run that there is enough
(assets/preflight.py), what book.yaml may say (models/book/limit_settings.py), the error when it was not enough (assets/runtime/machine_errors.py).
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from assets.runtime.context import RunContext
from models.book.limit_settings import LEAST_MEMORY

#: The engine's memory if book.yaml sets none, if its threads need no more and the machine has twice as much. Ten million lines took no longer with it
#: than with more.
_USUAL_MEMORY = 1100 * 10**6
#: What a thread of the engine needs so that it does not spill at once.
_MEMORY_PER_THREAD = 250 * 10**6
_CGROUP_MEMORY = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
_CGROUP_CPU = "/sys/fs/cgroup/cpu.max"


@dataclass(frozen=True)
class Limits:
    """`memory`: bytes the engine may use. `threads`: of the engine. `spill`: folder for what does not fit. `disk_free`: bytes that a run leaves free."""

    memory: int
    threads: int
    spill: Path
    disk_free: int

    @property
    def engine(self) -> dict[str, str | bool | int | float | list[str]]:
        """The engine's settings. It downloads nothing from the network."""
        return {
            "memory_limit": f"{self.memory // 10**6}MB",
            "threads": self.threads,
            "temp_directory": str(self.spill),
            "autoinstall_known_extensions": False,
            # else a checkpoint writes rows just loaded once more, to fill row groups that are a third empty; incremental/mode.py lets deleted rows go
            "max_vacuum_tasks": 0,
        }


def limits_of(context: RunContext) -> Limits:
    """The limits of a run: book.yaml's, else the machine's."""
    chosen = context.book.limits
    usual = max(_USUAL_MEMORY, (chosen.threads or machine_threads()) * _MEMORY_PER_THREAD)
    memory = chosen.memory or max(LEAST_MEMORY, min(usual, machine_memory() // 2))
    threads = chosen.threads or max(1, min(machine_threads(), memory // _MEMORY_PER_THREAD))
    return Limits(memory, threads, _spill(context, chosen.spill), chosen.disk_free)


def _spill(context: RunContext, parent: str | None) -> Path:
    """A folder that only this book uses, because the engine uses the same file names in every process."""
    if parent is None:
        return context.folder / "warehouse.duckdb.tmp"
    return context.folder / parent / f"tierledger-{hashlib.sha256(os.fsencode(context.folder)).hexdigest()[:12]}"


@cache
def machine_memory() -> int:
    """The most memory that this process can use, in bytes: the machine's or its container's."""
    sizes = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    sizes += [int(text) for text in map(_read, _CGROUP_MEMORY) if text.isdecimal()]
    return min(sizes)


@cache
def machine_threads() -> int:
    """Cores that this process may use: the machine's, those it is bound to, or its container's share."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota, _, period = _read(_CGROUP_CPU).partition(" ")
    return max(1, min(cores, int(quota) // int(period))) if quota.isdecimal() and period.isdecimal() else cores


def _read(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""
