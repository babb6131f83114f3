"""What a measurement depends on besides the book: the code, the machine, the engines, the day."""

from __future__ import annotations

import datetime as dt
import os
import platform
import re
import subprocess
from importlib.metadata import version
from pathlib import Path

from benchmarks.books import PROJECT


def read_facts() -> dict[str, str]:
    """As they are now. `code`: the commit, with `-dirty` where files differ from it."""
    described = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=PROJECT, capture_output=True, text=True, check=False)
    return {
        "day": dt.datetime.now(dt.UTC).date().isoformat(),
        "code": described.stdout.strip() or "no commit",
        "machine": f"{os.cpu_count()} × {_processor()}, {os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "engines": f"DuckDB {version('duckdb')}, Polars {version('polars')}, Python {platform.python_version()}",
    }


def _processor() -> str:
    found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
    return found[1].strip() if found else platform.machine()
