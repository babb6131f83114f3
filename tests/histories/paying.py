"""Payment batches between the events of the histories: proposed by one person, approved by another, or cancelled.

Belongs here: the commands of a batch, and what must hold right after a proposal. Does not belong here: what must hold always (accounts.py).
"""

from __future__ import annotations

import datetime as dt
import random
from pathlib import Path

import polars as pl

from tests.histories.accounts import SHOWN, open_tables

#: How often something happens to batches after a step in which the book ran.
CHANCE = 0.3


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


def check_proposal(folder: Path, waiting: list[dict[str, object]], as_of: dt.date) -> list[str]:
    """No cent is in two live batches, and none that is due is in neither a batch nor a payment: what is in both comes to what is payable."""
    with open_tables(folder) as con:
        payees = [{"participant_id": row["participant_id"], "currency": row["currency"]} for row in waiting]
        con.register("waiting", pl.DataFrame(payees, schema={"participant_id": pl.String, "currency": pl.String}).to_arrow())
        rows = con.execute(_PROPOSED, {"as_of": as_of}).fetchmany(SHOWN)
    return [f"batches, payments and write-offs come to {gone}, payable are {payable}: {payout}" for payout, payable, gone in rows]


_PROPOSED = """
    with batched as (select payout_id, sum(pending_amount) as pending from fct_payment_batch group by all),
    due as (select payout_id, max(due_date) as due_date, count(*) = count(due_date) as is_due from fct_release group by all)
    select agreement_id || ' ' || payout_id, payable, settled + written_off + coalesce(pending, 0) as gone
    from fct_payout left join batched using (payout_id) left join due using (payout_id) anti join waiting using (participant_id, currency)
    where direction = 'payable' and status in ('final', 'closed') and released = payable and is_due and due.due_date <= $as_of and payable <> gone
    order by all"""
