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

#: The history and the page of the growth.
_WRITTEN = (":!benchmarks/history.jsonl", ":!benchmarks/growth*")


def read_facts() -> dict[str, str]:
    """As they are now. `code`: the commit, with `-dirty` where files differ from it. What measuring writes does not count."""
    described = subprocess.run(["git", "describe", "--always"], cwd=PROJECT, capture_output=True, text=True, check=False)
    changed = subprocess.run(["git", "diff", "--quiet", "HEAD", "--", ".", *_WRITTEN], cwd=PROJECT, capture_output=True, check=False)
    return {
        "day": dt.datetime.now(dt.UTC).date().isoformat(),
        "code": f"{described.stdout.strip()}{'-dirty' if changed.returncode else ''}" if described.returncode == 0 else "no commit",
        "machine": f"{os.cpu_count()} × {_processor()}, {os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "engines": f"DuckDB {version('duckdb')}, Polars {version('polars')}, Python {platform.python_version()}",
    }


def _processor() -> str:
    found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
    return found[1].strip() if found else platform.machine()
