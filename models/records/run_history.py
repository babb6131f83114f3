"""The history of runs: what the archive keeps of every run that ended, enough to repeat it.

Belongs here: the shape of a line of archive/runs.jsonl, and parsing and checking the file's text. Does not belong here: opening the file
(assets/archive/run_history.py).
"""

from __future__ import annotations

import datetime as dt
from typing import Literal

from pydantic import ValidationError

from models.documents import InputError, Problem
from models.records.chain import NO_HASH, StoredModel, canonical_json

PLACE = "archive/runs.jsonl"


class EndedRun(StoredModel):
    """One line: a run that published or failed. Times are UTC.

    `terms_sha256` names the texts of book.yaml and agreements (archive/terms), `ledger_sha256`, `write_offs_sha256` and `payments_sha256` the heads of the
    ledger, `arrivals` the highest arrival_no of each feed, `withdrawals` how many files were withdrawn. With `as_of` and `code_version` these are all inputs of
    the run. The other fields are the columns of audit_run.
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
    withdrawals: int = 0
    payments_sha256: str = NO_HASH


def as_line(run: EndedRun) -> bytes:
    """The line in its canonical form, with its newline."""
    return canonical_json(run.model_dump(mode="json"))


def parse_runs(data: bytes) -> tuple[list[EndedRun], bytes]:
    """Every run in order, and the rest of a last line that a crash cut short (empty: none). Raises InputError for a damaged line."""
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


def last_published_before(runs: list[EndedRun], end: dt.datetime) -> int | None:
    """The index of the last run that published and had started before `end`; None when there is none. The order of lines decides, not the clock."""
    return next((place for place in range(len(runs) - 1, -1, -1) if runs[place].status == "published" and runs[place].started_at < end), None)
