"""What a run may take of the machine: memory, threads, the folder it spills to. The one place for it; the engine, dbt's profile and Polars follow.

Belongs here: defaults from the machine, the engine's settings. Does not belong here: looking whether there is enough before a run
(assets/preflight.py), what book.yaml may say (models/book/limit_settings.py), what is told when it was not enough (assets/runtime/machine_errors.py).
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from assets.runtime.context import RunContext
from models.book.limit_settings import LEAST_MEMORY

#: The engine's memory where book.yaml does not say: half of the machine's, but no more than this. With it ten million lines stay below 2.5 GB in all.
_USUAL_MEMORY = 1500 * 10**6
#: A thread of the engine needs about so much to work without spilling at once.
_MEMORY_PER_THREAD = 250 * 10**6
_CGROUP_MEMORY = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
_CGROUP_CPU = "/sys/fs/cgroup/cpu.max"


@dataclass(frozen=True)
class Limits:
    """`memory`: bytes the engine may hold; `threads` it works with; `spill`: folder for what does not fit; `disk_free`: bytes that a run leaves free."""

    memory: int
    threads: int
    spill: Path
    disk_free: int

    @property
    def engine(self) -> dict[str, str | bool | int | float | list[str]]:
        """The engine's settings; it fetches nothing from the network."""
        return {
            "memory_limit": f"{self.memory // 10**6}MB",
            "threads": self.threads,
            "temp_directory": str(self.spill),
            "autoinstall_known_extensions": False,
        }


def limits_of(context: RunContext) -> Limits:
    """The limits of a run: book.yaml's, else the machine's."""
    said = context.book.limits
    memory = said.memory or max(LEAST_MEMORY, min(_USUAL_MEMORY, machine_memory() // 2))
    threads = said.threads or max(1, min(machine_threads(), memory // _MEMORY_PER_THREAD))
    return Limits(memory, threads, _spill(context, said.spill), said.disk_free)


def _spill(context: RunContext, said: str | None) -> Path:
    """A folder of this book alone: the engine names its files alike in every process."""
    if said is None:
        return context.folder / "warehouse.duckdb.tmp"
    return context.folder / said / f"tierledger-{hashlib.sha256(os.fsencode(context.folder)).hexdigest()[:12]}"


@cache
def machine_memory() -> int:
    """Bytes of memory that this process can have at most: the machine's or its container's."""
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
