"""One book of the long run, in a process of its own, which imports this module.

Belongs here: a group's book from nothing to its line of the record. Does not belong here: which groups, and telling (__main__.py).
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

from tests.histories.simulation import Broken, live
from tests.histories.world import GROUP


def live_group(task: tuple[int, int, str]) -> dict[str, Any]:
    """Play the book of a group. `task`: group, steps, the code's version. Returns its line of the long run's record."""
    group, steps, code = task
    began = time.perf_counter()
    outcome: dict[str, Any] = {"group": group, "steps": steps, "code": code, "histories": GROUP, "told": ""}
    with tempfile.TemporaryDirectory(prefix="histories") as folder:
        try:
            life = live(Path(folder) / "book", range(group * GROUP, group * GROUP + GROUP), steps)
            kinds = [record["kind"] for record in life.kept.records]
            outcome |= {
                "posted": life.posted,
                "paid": life.paid,
                "steps_played": len(life.log),
                "closes": kinds.count("close"),
                "reopened": kinds.count("reopen"),
                "checked": life.checked,
                "killed": life.killed,
            }
        except Broken as broken:
            outcome |= {"steps_played": 0, "closes": 0, "reopened": 0, "checked": 0, "killed": 0, "posted": {}, "paid": {}, "told": str(broken)}
    return outcome | {"seconds": time.perf_counter() - began}
