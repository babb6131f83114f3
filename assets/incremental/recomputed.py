"""What a run computed anew, and why, for its summary and its log.

Belongs here: counting lines and payouts by cause. Does not belong here: finding them (changed_lines.py, changed_participants.py), showing the counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from assets.incremental.changed_lines import CAUSES
from assets.incremental.mode import why_full
from assets.runtime.sql import count_rows

if TYPE_CHECKING:
    import duckdb

#: payout_key and cause_no of every payout that was computed anew: the cause of its participant, else what its agreement is net of, else as_of.
COMPUTED_ANEW = f"""
    select
        payouts.payout_key,
        coalesce(participants.cause_no, if(agreements.net_level > 0, {CAUSES.index("what they are net of")}, {CAUSES.index("as_of")})) as cause_no
    from calc.payouts as payouts
    join terms.benefits as benefits using (benefit_key)
    join terms.agreements as agreements using (agreement_key)
    left join changes.participants as participants using (participant_key)
    where payouts.payout_key >= (select payout_key from changes.first_payout)"""


@dataclass(frozen=True)
class Recomputed:
    """Payouts and transaction lines that a run computed anew. `causes`: payouts by cause, each by its first; `line_causes`: lines likewise.

    `why_full`: why the run computed everything; None where it did not.
    """

    payouts: int
    all_payouts: int
    causes: dict[str, int]
    lines: int
    all_lines: int
    line_causes: dict[str, int]
    why_full: str | None

    def __str__(self) -> str:
        if self.why_full is not None:
            return f"Computed all {self.all_payouts:,} payouts: {self.why_full}"
        causes = ", ".join(f"{cause} {count:,}" for cause, count in self.causes.items())
        return f"Computed {self.payouts:,} of {self.all_payouts:,} payouts anew{': ' if causes else ''}{causes}"


def read_recomputed(con: duckdb.DuckDBPyConnection) -> Recomputed:
    """What the run in the warehouse computed anew."""
    all_payouts, all_lines = (count_rows(con, table) for table in ("calc.payouts", "raw.transactions"))
    why = why_full(con)
    if why is not None:
        return Recomputed(all_payouts, all_payouts, {}, all_lines, all_lines, {}, why)
    causes, line_causes = _by_cause(con, COMPUTED_ANEW), _by_cause(con, "from changes.lines")
    return Recomputed(sum(causes.values()), all_payouts, causes, sum(line_causes.values()), all_lines, line_causes, None)


def _by_cause(con: duckdb.DuckDBPyConnection, query: str) -> dict[str, int]:
    counted = con.execute(f"select cause_no, count(*) from ({query}) group by cause_no order by cause_no").fetchall()
    return {CAUSES[cause_no]: count for cause_no, count in counted}
