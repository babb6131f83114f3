"""Withdrawing a file that was delivered by mistake: from the next run on it no longer counts.

Belongs here: which arrival is meant, and the line in the manifest. Does not belong here: the manifest's format (assets/archive/manifest.py), leaving
out the file's rows (assets/feeds/load.py).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

from assets.archive.manifest import Arrival, Withdrawal, append_withdrawals, count_withdrawals, read_manifest
from models.documents import InputError, Problem

#: So many characters of a hash name a file.
_HASH_CHARACTERS = 8


def withdraw_file(
    archive: Path, file: str, feed: str | None, reason: str, by: str, at: dt.datetime, enter: Callable[[int, bytes], bool] | None = None
) -> list[Arrival]:
    """Enter in the manifest that the file no longer counts, for `feed` or for every feed that it serves. Returns the arrivals withdrawn.

    `file`: its name as `audit_feed_file` has it, its last part, or the first characters of its hash. Raises InputError when that names no file that
    counts or files of different content, or when reason or name is blank. None is withdrawn where `enter` (append_withdrawals) could not enter it.
    """
    given = {"--reason": reason, "--by": by}
    blank = [Problem("withdraw", 0, option, "is blank; it stays in the manifest, so say it") for option, text in given.items() if not text.strip()]
    if blank:
        raise InputError(blank)
    arrivals = read_manifest(archive)
    named = [each for each in arrivals if feed in (None, each.feed) and _is_named(each, file)]
    if not named:
        raise InputError(
            [Problem(file, 0, "", "is not in the archive; name it as audit_feed_file does. A file that no run has taken in can simply be removed")]
        )
    counting = [each for each in named if each.withdrawal is None]
    if not counting:
        done = named[-1].withdrawal
        message = f"was withdrawn already, on {done.withdrawn_at[:10]} by {done.by}" if done else ""
        raise InputError([Problem(file, 0, "", message)])
    if len({each.sha256 for each in counting}) > 1:
        listed = "; ".join(f"{each.sha256[:12]}: {each.file_name} of {each.feed}, arrived {each.arrived_at[:16]}" for each in counting)
        raise InputError([Problem(file, 0, "", f"names files of different content; name one by its hash ({listed})")])
    number = count_withdrawals(arrivals)
    moment = at.astimezone(dt.UTC).replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")
    lines = [Withdrawal(each.feed, each.arrival_no, each.sha256, moment, by, reason, number + i) for i, each in enumerate(counting, 1)]
    if not append_withdrawals(archive, lines, enter):
        return []
    return counting


def counting_copies(archive: Path, withdrawn: list[Arrival]) -> list[Arrival]:
    """Arrivals with the same bytes under another name: from now on the first of them counts."""
    same = {(each.feed, each.sha256) for each in withdrawn}
    return [each for each in read_manifest(archive) if (each.feed, each.sha256) in same and each.withdrawal is None]


def _is_named(arrival: Arrival, file: str) -> bool:
    is_hash = len(file) >= _HASH_CHARACTERS and arrival.sha256.startswith(file.lower())
    return is_hash or file in (arrival.file_name, arrival.file_name.rpartition("/")[2])
