"""The short form of kills and full disks, in one process: a first run is killed in the middle of a write, others have no room for one.

Belongs here: which of them. Does not belong here: what they do and what must hold (kills.py, full_disks.py, small_disks.py).
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.faults.full_disks import fill_at_call
from tests.faults.injection import Scorecard
from tests.faults.kills import kill_at_call
from tests.faults.lives import ACTS, warm_up
from tests.faults.machine import put_under
from tests.faults.small_disks import can_mount, outgrow_disk, put_apart
from tests.faults.telling import print_card


def main() -> int:
    warm_up()
    card = Scorecard()
    with tempfile.TemporaryDirectory(prefix="sample-") as place:
        kill_at_call(card, Path(place), seed=1, call=180)
        fill_at_call(card, Path(place), ACTS[0], seed=1, call=60)
        if can_mount():
            outgrow_disk(card, Path(place), ACTS[0], seed=1, room=5000)
    return print_card("sample", [], card)


if __name__ == "__main__":
    if can_mount():
        put_apart("tests.faults.sample", sys.argv[1:])
    put_under("tests.faults.sample", sys.argv[1:])
    sys.exit(main())
