"""The history of runs: what the archive keeps of a run that ended, enough to make it again.

Belongs here: the shape of a line of archive/runs.jsonl, reading and checking the file's text. Does not belong here: opening it (assets/archive/run_history.py).
"""

from __future__ import annotations

import datetime as dt
from typing import Literal

from pydantic import ValidationError

from models.documents import InputError, Problem
from models.records.chain import Written, canonical_json

PLACE = "archive/runs.jsonl"


class EndedRun(Written):
    """One line: a run that published or failed. Times are UTC.

    `terms_sha256` names the texts of book.yaml and agreements (archive/terms), `ledger_sha256` and `write_offs_sha256` the heads of the ledger,
    `arrivals` the highest arrival_no of each feed: with `as_of` and `code_version` all that the run was made of. The others are the columns of audit_run.
    """

    run_id: str
    started_at: dt.datetime
    finished_at: dt.datetime
    as_of: dt.date
    code_version: str
    agreements_sha256: str
    inputs_sha256: str
    settings_sha256: str
    engine_versions: str
    rows: int
    payouts: int
    payout_total: str
    status: Literal["published", "failed"]
    terms_sha256: str
    ledger_sha256: str
    write_offs_sha256: str
    arrivals: dict[str, int]


def as_line(run: EndedRun) -> bytes:
    """The line in its one form, with its end."""
    return canonical_json(run.model_dump(mode="json"))


def parse_runs(data: bytes) -> tuple[list[EndedRun], bytes]:
    """Every run in order, and what is left of a last line that a crash cut short (empty: none). Raises InputError for a damaged line."""
    runs: list[EndedRun] = []
    for number, line in enumerate(data.splitlines(keepends=True), 1):
        if not line.endswith(b"\n"):
            return runs, line
        try:
            runs.append(EndedRun.model_validate_json(line))
        except ValidationError as error:
            finding = error.errors(include_url=False)[0]
            key = ".".join(map(str, finding["loc"]))
            message = f"{finding['msg'].lower()}: the line was changed, or a later version of the program wrote it; restore the file from a backup"
            raise InputError([Problem(PLACE, number, key, message)]) from None
    return runs, b""


def last_by(runs: list[EndedRun], end: dt.datetime) -> int | None:
    """The place of the last run that published and had started before `end`; None when there is none. Order is that of the lines, not of the clock."""
    return next((place for place in range(len(runs) - 1, -1, -1) if runs[place].status == "published" and runs[place].started_at < end), None)
