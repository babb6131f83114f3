"""Payment batches between the events of the histories: proposed by one person, approved by another, or cancelled.

Belongs here: the commands of a batch, and what must hold right after a proposal. Does not belong here: what must hold always (accounts.py).
"""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from tests.histories.accounts import SHOWN, open_tables

#: How often something happens to batches after a step in which the book ran.
CHANCE = 0.4


def play_batches(folder: Path, seed: str, as_of: dt.date) -> tuple[list[str], list[str]]:
    """What was done in this step, and what it broke."""
    from models.records.closing import LedgerRuleViolation
    from pipelines.pay import approve_payments, cancel_payments, propose_payments

    dice = random.Random(f"batches {seed}")
    if dice.random() >= CHANCE:
        return [], []
    proposal = propose_payments(folder, as_of, "J. Doe")
    findings = check_proposal(folder, proposal.waiting, as_of)
    if proposal.record is None:
        return ["nothing to pay"], findings
    number, done = proposal.record.batch, [f"batch {proposal.record.batch}"]
    again = propose_payments(folder, as_of, "J. Doe")
    findings += [f"batch {again.record.batch} was proposed right after batch {number}"] if again.record else []
    if dice.random() < 0.7:
        try:
            approve_payments(folder, number, "A. Roe")
            done.append("approved")
        except LedgerRuleViolation as refused:
            findings.append(f"what was just proposed cannot be approved: {refused}")
    if dice.random() < 0.3:
        cancel_payments(folder, number, "A. Roe", "simulated")
        done.append("cancelled")
    return done, findings


@dataclass
class Sealed:
    """Lines of batches as they were seen, by reference, and those that were cancelled."""

    lines: dict[str, tuple[object, ...]] = field(default_factory=dict)
    cancelled: set[str] = field(default_factory=set)


def count_paid(folder: Path) -> dict[str, int]:
    """How often that happened which the invariants are about: a history in which nothing is recovered or confirmed proves nothing of it."""
    with open_tables(folder) as con:
        return {name: con.sql(f"select count(*) from {query}").fetchall()[0][0] for name, query in HAPPENED.items()}


def check_sealed(folder: Path, sealed: Sealed) -> list[str]:
    """After every step: a line of a batch never changes, disappears or comes back to life. So what a proposal found in no other batch stays in one."""
    with open_tables(folder) as con:
        rows = con.execute(f"select {_LINE}, cancelled_by is not null from fct_payment_batch order by all").fetchall()
    found = {row[0]: row[1:-1] for row in rows}
    live = {row[0] for row in rows if not row[-1]}
    findings = [f"line {name} of a batch was {was}, and is {found.get(name, 'gone')}" for name, was in sealed.lines.items() if found.get(name) != was]
    findings += [f"line {name} of a batch was cancelled, and lives" for name in sealed.cancelled & live]
    sealed.lines, sealed.cancelled = found, found.keys() - live
    return findings[:SHOWN]


def check_proposal(folder: Path, waiting: list[dict[str, object]], as_of: dt.date) -> list[str]:
    """No cent is in two live batches, and none that is due is in neither a batch nor a payment: what is in both comes to what is payable.

    Of a payout with parts that wait or are held it comes to what is released, or to no more than is payable where more was paid. No part is in live
    batches with more than it released; only the last one that is due also has what payments have shifted there.
    """
    with open_tables(folder) as con:
        payees = [{"participant_id": row["participant_id"], "currency": row["currency"]} for row in waiting]
        con.register("waiting", pl.DataFrame(payees, schema={"participant_id": pl.String, "currency": pl.String}).to_arrow())
        rows = con.execute(_PROPOSED).fetchmany(SHOWN)
        parts = con.execute(_PARTS, {"as_of": as_of}).fetchmany(SHOWN)
    findings = [f"batches, payments and write-offs come to {gone}, released are {released} of {payable}: {payout}" for payout, released, payable, gone in rows]
    return findings + [f"live batches have {amount} of a part of {released}: {part}" for part, released, amount in parts]


#: What must have happened in a sample of histories: name and the rows that count.
HAPPENED = {
    "draws topped up": "fct_payout semi join (from dim_benefit where draw_recovers) using (benefit_version_id) where payout > 0",
    "draws recovered": "fct_payout semi join (from dim_benefit where draw_recovers) using (benefit_version_id) where payout < 0",
    "lines of batches confirmed": "fct_payment_batch where state = 'confirmed'",
    "lines of batches cancelled": "fct_payment_batch where cancelled_by is not null",
    "lines of batches that take back": "fct_payment_batch where amount < 0",
    "payouts of several batches": "(select payout_id from fct_payment_batch where amount <> 0 group by all having count(distinct batch_no) > 1)",
    "parts held for disputes": "fct_release where disputed > 0",
    "parts held until collected": "fct_release where held > disputed",
    "adjustments booked": "fct_adjustment where status = 'booked'",
    "payments with an exchange difference": "fct_payment where exchange_difference <> 0",
}
_LINE = "reference, batch_no, payout_id, release_no, amount, currency, proposed_by"
_PROPOSED = """
    with batched as (select payout_id, sum(pending_amount) as pending from fct_payment_batch group by all)
    select agreement_id || ' ' || payout_id, released, payable, settled + written_off + coalesce(pending, 0) as gone
    from fct_payout left join batched using (payout_id) anti join waiting using (participant_id, currency)
    where direction = 'payable'
        and (gone < least(released, payable) or (status in ('final', 'closed') and gone > greatest(released, payable)))
    order by all"""
_PARTS = """
    with batched as (
        select payout_id, release_no, sum(amount) as amount from fct_payment_batch
        where pending_amount <> 0 and batch_no = (select max(batch_no) from fct_payment_batch) group by all
    )
    select payout_id || ' part ' || release_no, released, batched.amount
    from fct_release join batched using (payout_id, release_no)
    where abs(batched.amount) > abs(released) and release_no <> (
        select last(others.release_no order by others.due_date, others.release_no) from fct_release as others
        where others.payout_id = fct_release.payout_id and others.due_date <= $as_of
    )
    order by all"""
