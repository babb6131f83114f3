"""Switching readers to a new report in one step.

Belongs here: the link, and what is left over. Does not belong here: making a report (write.py), which needs more imports than a run without one should have.

    published/reports/<run_id>    one complete report; the one before stays for readers who have it open
    published/report              link to the newest one
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from assets.runtime.durable_files import flush

REPORT, REPORTS = "report", "reports"
#: Reports that stay besides the newest one.
KEPT = 1


def switch_report(published: Path, target: Path) -> None:
    """Point `report` to it in one step, and remove those that nobody needs."""
    link = published / f".{REPORT}.tmp"
    link.unlink(missing_ok=True)
    link.symlink_to(target.relative_to(published))
    os.replace(link, published / REPORT)
    flush(published)
    others = [path for path in (published / REPORTS).iterdir() if path != target]
    for path in sorted(others, key=lambda path: path.stat().st_mtime_ns, reverse=True)[KEPT:]:
        shutil.rmtree(path)


def clear_unfinished_reports(published: Path) -> None:
    """Remove what a stopped run left."""
    for path in (published / REPORTS).glob("*.tmp"):
        shutil.rmtree(path)
