"""closes.html: the chain of closes, what restatements have booked, write-offs, and what the open periods hold.

Belongs here: the figures of periods. Does not belong here: closing (assets/closing/).
"""

from __future__ import annotations

import duckdb

from assets.published.formatting import counted, money, number
from assets.published.reader import fetch
from assets.report.figures import bare
from assets.report.overview import DIRECTIONS
from assets.report.site import Site
from assets.report.tables import Cell, Column, Link, Table, agreement_link, payout_href

#: The largest restatements on the page; the rest is in fct_accrual.
LARGEST = 1000
_PATH = "closes.html"
REASONS: dict[str, str] = {
    "late": "a line that came late",
    "return": "a return",
    "amendment": "an amendment",
    "reference": "other partners, products or targets",
    "fx": "another rate",
}


def write_closes(site: Site, con: duckdb.DuckDBPyConnection) -> None:
    """closes.html."""
    closes = fetch(con, "from audit_close order by sequence desc")
    chain: list[tuple[Cell, ...]] = [
        (
            row["period"],
            row["kind"],
            number(row["version"]),
            f"{row['closed_at']:%Y-%m-%d %H:%M}",
            row["closed_by"] or "–",
            row["approved_by"] or "–",
            row["reason"] or "–",
            row["chain_sha256"][:12],
        )
        for row in closes
    ]
    columns = (
        Column("Period", "day"),
        Column("Kind", "status"),
        Column("Version", "number"),
        Column("When (UTC)", "day"),
        Column("By"),
        Column("Approved by"),
        Column("Reason"),
        Column("Link of the chain", "code"),
    )
    restated = fetch(con, _RESTATED, {"count": LARGEST})
    last = next((row for row in closes if row["is_in_force"] and row["kind"] == "close"), None)
    site.page(
        _PATH,
        "closes.html.j2",
        lead=f"{last['period']} was the last period to be closed." if last else "No period is closed yet: every figure may still change.",
        chain=site.table(_PATH, Table("closes", columns, chain, empty="No close has been made. `tierledger close PERIOD` freezes a period."), "Closes"),
        sums=site.table(_PATH, _restated_sums(con), "Restatements"),
        restated=site.table(_PATH, _restated(restated), "Restatements"),
        restated_count=counted(restated[0]["all_rows"], "restatement") if restated else "",
        periods=site.table(_PATH, _periods(con), "Periods"),
    )


def _restated_sums(con: duckdb.DuckDBPyConnection) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (REASONS.get(row["reason"], str(row["reason"])), DIRECTIONS[row["direction"]], number(row["payouts"]), money(row["accrual"], row["currency"]))
        for row in fetch(con, _RESTATED_SUMS)
    ]
    columns = (Column("Cause"), Column("Direction", "day"), Column("Payouts", "number"), Column("Difference", "number"))
    return Table("restatements-by-cause", columns, rows, empty="Nothing has changed for a closed period.")


def _restated(rows: list[dict[str, object]]) -> Table:
    cells: list[tuple[Cell, ...]] = []
    for row in rows:
        agreement, currency = str(row["agreement_id"]), str(row["currency"])
        cells.append(
            (
                Link(str(row["participant_name"] or row["participant_id"]), payout_href(agreement, str(row["payout_id"]))),
                agreement_link(agreement, row["agreement_title"]),  # type: ignore[arg-type]
                str(row["origin_period"]),
                str(row["period"]),
                REASONS.get(str(row["reason"]), str(row["reason"])),
                money(row["accrual"], currency),  # type: ignore[arg-type]
            )
        )
    columns = (
        Column("Participant"),
        Column("Agreement"),
        Column("Belongs to", "day"),
        Column("Booked in", "day"),
        Column("Cause"),
        Column("Difference", "number"),
    )
    return Table("restatements", columns, cells)


def _periods(con: duckdb.DuckDBPyConnection) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (
            row["period"],
            "closed" if row["is_closed"] else "open",
            DIRECTIONS[row["direction"]],
            number(row["payouts"]),
            money(row["accrued"], row["currency"]),
            bare(row["restated"], row["currency"]) if row["restated"] else "–",
        )
        for row in fetch(con, _PERIODS)
    ]
    columns = (Column("Period", "day"), Column("State", "status"), Column("Direction", "day"))
    return Table("periods", (*columns, *(Column(label, "number") for label in ("Payouts", "Accrued", "Of it restated"))), rows)


_IN_FORCE = "(select period from audit_close where kind = 'close' and is_in_force)"
_OTHERS = "from fct_accrual join fct_payout using (payout_id) where fct_accrual.reason is not null"
_RESTATED_SUMS = f"""
    select reason, fct_payout.direction, fct_payout.currency, count(distinct payout_id) as payouts, sum(accrual) as accrual {_OTHERS} group by all order by all
"""
_RESTATED = f"""
    select payout_id, fct_payout.agreement_id, fct_payout.agreement_title, fct_payout.participant_id, fct_payout.participant_name, fct_payout.currency,
        period, origin_period, reason, accrual, count(*) over () as all_rows
    {_OTHERS} order by abs(accrual) desc, payout_id, period, origin_period limit $count
"""
_PERIODS = f"""
    select a.period, a.period in {_IN_FORCE} as is_closed, fct_payout.direction, fct_payout.currency, count(distinct payout_id) as payouts,
        sum(accrual) as accrued,
        sum(accrual) filter (a.reason is not null) as restated
    from fct_accrual as a join fct_payout using (payout_id) group by all order by a.period desc, fct_payout.direction, fct_payout.currency
"""
