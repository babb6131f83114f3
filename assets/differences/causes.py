"""What each cause adds to the accruals of closed periods: the book as the last close knew it, then with one kind of change more at a time.

Belongs here: which changes a state has, running the states, subtracting them. Does not belong here: what is posted when (int_accruals_posted), a difference
between two books (ladder.py).
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from assets.agreements.load import load_agreements
from assets.agreements.texts import read_agreement_texts
from assets.archive.manifest import Arrival, read_manifest, without_later_withdrawals
from assets.archive.run_history import read_runs, read_terms
from assets.archive.run_identity import identify_run
from assets.closing.load_ledger import load_ledger
from assets.differences.scratch import place_state
from assets.differences.states import BOOK, State
from assets.feeds.load import load_feeds
from assets.ledger.folder import Ledger, read_ledger
from assets.runtime.context import CheckFailed, RunContext, silent
from assets.runtime.errors import SqlError
from assets.runtime.limits import limits_of
from assets.runtime.warehouse import memory_given_back, open_warehouse, transaction
from assets.transform.calculate import calculate, calculate_net
from assets.transform.dbt import prepare
from models.documents import InputError
from models.records.chain import Record
from models.records.run_history import EndedRun

if TYPE_CHECKING:
    import duckdb
    import polars as pl

#: In the order in which they are added.
LATE, RETURN, FX, REFERENCE, AMENDMENT = REASONS = ("late", "return", "fx", "reference", "amendment")
_OF_FEEDS = {"transactions": {LATE, RETURN}, "fx_rates": {FX}}
_IS_NEW_RETURN = "type = 'return' and file_no in (select file_no from raw.feed_files where feed = 'transactions' and arrival_no > ?)"
#: What names a payout and the period of its accrual.
_SUBJECT = "agreement_id, benefit_id, participant_id, window_start, origin_period"
_TABLE = """
    create or replace table calc.differences_by_cause (
        agreement_id varchar, benefit_id varchar, participant_id varchar, window_start date, origin_period varchar, reason varchar, accrual decimal(18, 4)
    )"""
#: The accruals of a state in periods up to the last closed one.
_ACCRUED = """
    select agreement_id, benefit_id, participant_id, window_start, period as origin_period, sum(accrual)::decimal(18, 4) as accrual
    from calc.accruals
    join calc.payouts using (payout_key)
    join terms.benefits using (benefit_key)
    join terms.agreements using (agreement_key)
    join intermediate.int_participants using (agreement_key, participant_key)
    join terms.periods using (period_no)
    where period <= ?
    group by all"""
_CLOSED = "select max(period) from ledger.closes where is_in_force"
_HAS_NEW_LINES = """
    select coalesce(bool_or(type <> 'return'), false), coalesce(bool_or(type = 'return'), false)
    from raw.transactions where file_no in (select file_no from raw.feed_files where feed = 'transactions' and arrival_no > ?)"""
#: What is due now, less what the closes have posted, and between them each state with the reason that leads to it, less with the one that leads on.
_SPLIT = f"""
    insert into calc.differences_by_cause
    with summands as (
        select {_SUBJECT}, reason, accrual from states
        union all
        select {_SUBJECT}, next_reason, -accrual from states
        union all
        select {_SUBJECT}, $2 as reason, -accrual as accrual from ledger.accruals where origin_period <= $1
        union all
        select {_SUBJECT}, $3, accrual from ({_ACCRUED.replace("?", "$1")})
    ),
    added as (
        select {_SUBJECT}, reason, sum(accrual) as accrual from summands group by all
    )
    select * from added where accrual <> 0
    qualify sum(accrual) over (partition by {_SUBJECT}) <> 0
    order by all"""


@dataclass(frozen=True)
class _Known:
    """What the last close knew: the highest arrival of each feed, the run that it froze, and the texts of that run's agreements."""

    arrivals: Mapping[str, int]
    run: EndedRun
    texts: Mapping[str, str]

    def has(self, arrival: Arrival) -> bool:
        return arrival.arrival_no <= self.arrivals.get(arrival.feed, 0)

    def arrivals_of(self, arrivals: Sequence[Arrival], changes: Sequence[str]) -> list[Arrival]:
        """The files that it knew, with those of the changes."""
        if REFERENCE in changes:
            return list(arrivals)
        feeds = {feed for feed, reasons in _OF_FEEDS.items() if reasons & {*changes}}
        return without_later_withdrawals((each for each in arrivals if self.has(each) or each.feed in feeds), self.run.withdrawals)


def find_causes(context: RunContext) -> None:
    """Write calc.differences_by_cause. It is empty unless book.yaml asks for it and more than one kind of change has come since the last close.

    A state that the program cannot compute is left out: its change is part of the next one.
    """
    with open_warehouse(context) as con:
        con.execute(_TABLE)
        known = _read_known(context) if context.book.close.by_cause else None
        closed = con.execute(_CLOSED).fetchall()[0][0]
        if known is None or closed is None:
            return
        arrivals, texts = read_manifest(context.archive), read_agreement_texts(context.folder)
        reasons = _changes(con, known, arrivals, texts)
        if len(reasons) > 1:
            _split(con, closed, reasons[-1], _compute_states(context, con, known, arrivals, reasons, closed))


def _read_known(context: RunContext) -> _Known | None:
    """None where nothing was closed, or the terms of the close are not in the archive any more."""
    closes = [record for record in read_ledger(context.ledger).records if record.kind == "close" and (record.as_of or context.as_of) <= context.as_of]
    return _find_terms(context, closes[-1]) if closes else None


def _find_terms(context: RunContext, record: Record) -> _Known | None:
    for archive in (context.archive, *(folder / "archive" for folder in context.made_from)):
        run = next((run for run in reversed(read_runs(archive)) if run.run_id == record.run_id and run.status == "published"), None)
        with suppress(InputError):
            if run is not None:
                texts = {name: text for name, text in read_terms(archive, run.terms_sha256).items() if name != BOOK}
                return _Known(record.arrivals, run, texts)
    return None


def _changes(con: duckdb.DuckDBPyConnection, known: _Known, arrivals: Sequence[Arrival], texts: Mapping[str, str]) -> list[str]:
    """The kinds of change since the last close, in order."""
    has_lines, has_returns = con.execute(_HAS_NEW_LINES, [known.arrivals.get("transactions", 0)]).fetchall()[0]
    feeds = {each.feed for each in arrivals if not known.has(each)}
    withdrawn = list(arrivals) != without_later_withdrawals(arrivals, known.run.withdrawals)
    has_come = (has_lines, has_returns, "fx_rates" in feeds, bool(feeds - {*_OF_FEEDS}) or withdrawn, known.texts != texts)
    return [reason for reason, has in zip(REASONS, has_come, strict=True) if has]


def _compute_states(
    context: RunContext, con: duckdb.DuckDBPyConnection, known: _Known, arrivals: Sequence[Arrival], reasons: Sequence[str], closed: str
) -> list[tuple[str, pl.DataFrame]]:
    """What the states before the last change accrue, with its reason. The first is what the close knew: what was posted otherwise is no change of a file."""
    found = []
    texts = {**known.texts, BOOK: (context.folder / BOOK).read_bytes().decode("utf-8-sig")}
    spill = limits_of(context).spill
    with memory_given_back(con, context), tempfile.TemporaryDirectory(dir=spill.parent, prefix=f"{spill.name}.causes.") as folder:
        for count in range(len(reasons)):
            there = known.arrivals_of(arrivals, reasons[:count])
            state = State("", context.folder, context.book, texts, there, context.archive, Ledger([], [], []), context.as_of)
            with suppress(InputError, SqlError, CheckFailed):
                found.append((reasons[count - 1] if count else REFERENCE, _compute(context, Path(folder), state, known, RETURN in reasons[count:], closed)))
    return found


def _compute(context: RunContext, folder: Path, state: State, known: _Known, hides_returns: bool, closed: str) -> pl.DataFrame:
    """What the state accrues in closed periods, without the returns that came after the close if they are no part of it."""
    placed = place_state(folder, state, [state], silent, frozenset())
    scratch = replace(placed, made_from=(*placed.made_from, *context.made_from))
    load_ledger(scratch)
    load_feeds(scratch)
    with open_warehouse(scratch) as con:
        con.execute("create table if not exists raw.returns as from raw.transactions limit 0")
        if hides_returns:
            con.execute(f"insert into raw.returns from raw.transactions where {_IS_NEW_RETURN}", [known.arrivals.get("transactions", 0)])
            con.execute(f"delete from raw.transactions where {_IS_NEW_RETURN}", [known.arrivals.get("transactions", 0)])
        identify_run(scratch)
        load_agreements(scratch)
        prepare(scratch)
        calculate(scratch)
        calculate_net(scratch)
        con.execute("insert into raw.transactions from raw.returns")
        con.execute("delete from raw.returns")
        return con.sql(_ACCRUED, params=[closed]).pl()


def _split(con: duckdb.DuckDBPyConnection, closed: str, last: str, states: Sequence[tuple[str, pl.DataFrame]]) -> None:
    """Write what each change adds. The last one leads to what the run itself has computed."""
    if not states:
        return
    reasons = [*(reason for reason, _ in states), last]
    with transaction(con):
        con.execute(f"create or replace temp table states as select {_SUBJECT}, accrual, '' as reason, '' as next_reason from ({_ACCRUED}) limit 0", [closed])
        for (_, frame), reason, following in zip(states, reasons, reasons[1:], strict=False):
            con.register("state", frame)
            con.execute(f"insert into states select {_SUBJECT}, accrual, ?, ? from state", [reason, following])
            con.unregister("state")
        con.execute(_SPLIT, [closed, reasons[0], last])
        con.execute("drop table states")
