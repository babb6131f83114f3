"""Disputes that contradict themselves: their rows are rejected.

Belongs here: rules over several columns of a dispute. Does not belong here: disputes of unknown payouts, which wait (int_rows_unresolved in dbt_project/).
"""

from __future__ import annotations

from collections.abc import Sequence

from assets.feeds.typing_sql import Mapped, RowRule
from models.feeds.columns import DISPUTE_STATES
from models.sql_text import literal

_PAYOUT = ("agreement", "benefit", "participant_id", "window_start")


def dispute_rules(mapped: Sequence[Mapped]) -> list[RowRule]:
    """What a row of the feed `disputes` must not say."""
    values = {column.name: f"v{place}" for place, column in enumerate(mapped)}
    status, raised, resolved = (values[name] for name in ("status", "raised_on", "resolved_on"))
    named = " + ".join(f"({values[name]} is not null)::int" for name in _PAYOUT)
    states = ", ".join(DISPUTE_STATES)
    return [
        RowRule(
            f"({status} not in ({', '.join(map(literal, DISPUTE_STATES))}))",
            "unknown_status", "status", f"status: is not one of {states}",
        ),
        RowRule(
            f"(({status} = 'open') <> ({resolved} is null) or {resolved} < {raised})",
            "wrong_resolution", "resolved_on", "resolved_on: a dispute that is not open has the day from which it is resolved, an open one has none",
        ),
        RowRule(
            f"({named} not in (0, {len(_PAYOUT)}) or {named} = 0 and ({values['transaction_id']} is null or {values['amount']} is not null))",
            "incomplete_payout", "agreement", "agreement: a dispute is of a payout, by agreement, benefit, participant_id and window_start, "
            "or of a transaction alone, and then without an amount",
        ),
    ]  # fmt: skip
