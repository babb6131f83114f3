"""The page of a participant: what it has earned under which agreement, by period, payout by payout.

Belongs here: the figures of one participant. Does not belong here: a single payout (payouts.py).
"""

from __future__ import annotations

from decimal import Decimal
from itertools import groupby
from typing import Any

import duckdb

from assets.published.formatting import money, number
from assets.published.reader import Row, fetch
from assets.report.agreements import payout_table
from assets.report.charts import Bars, draw_bars
from assets.report.overview import DIRECTIONS, FIGURES
from assets.report.site import Site
from assets.report.tables import Cell, Column, Table, participant_link, slug

PERIODS = 24
_INDEX = "participants/index.html"


def write_participants(site: Site, con: duckdb.DuckDBPyConnection) -> None:
    """participants/index.html, and a page for each participant who has payouts."""
    rows: list[tuple[Cell, ...]] = []
    sums = fetch(con, _SUMS)
    by_participant = {who: list(of) for who, of in groupby(sums, lambda row: row["participant_id"])}
    months = {who: list(of) for who, of in groupby(fetch(con, _MONTHS), lambda row: row["participant_id"])}
    partners = {row["partner_id"]: row for row in fetch(con, _PARTNERS)}
    payouts = groupby(_payouts(con), lambda row: row["participant_id"])
    for who, of in payouts:
        _write(site, who, list(of), by_participant[who], months.get(who, []), partners.get(who, {}))
    for row in sums:
        rows.append(
            (
                participant_link(row["participant_id"], row["name"]),
                DIRECTIONS[row["direction"]],
                number(row["agreements"]),
                number(row["payouts"]),
                number(row["blocked"]) if row["blocked"] else "–",
                *(money(row[name], row["currency"]) for name in ("total", "settled", "open")),
            )
        )
    labels = ("Agreements", "Payouts", "Blocked", "Payout", "Settled", "Open")
    columns = (Column("Participant"), Column("Direction", "day"), *(Column(label, "number") for label in labels))
    table = Table("participants", columns, rows, empty="No participant has a payout yet.")
    site.page(_INDEX, "participants.html.j2", shown=site.table(_INDEX, table, "Participants"), count=len(by_participant))


def _payouts(con: duckdb.DuckDBPyConnection) -> list[Row]:
    return fetch(con, f"select {_COLUMNS} from fct_payout order by participant_id, window_end desc, agreement_id, payout_id")


def _write(site: Site, who: str, payouts: list[Row], sums: list[Row], months: list[Row], partner: Row) -> None:
    path = f"participants/{slug(who)}.html"
    parent = partner.get("parent_id")
    site.page(
        path,
        "participant.html.j2",
        who=who,
        name=sums[0]["name"] or who,
        parent=participant_link(parent, partner.get("parent_name")) if parent and partner.get("is_parent_shown") else None,
        parent_name=parent,
        sums=[
            {
                "title": DIRECTIONS[row["direction"]],
                "total": money(row["total"], row["currency"]),
                "figures": [(FIGURES[name], money(row[name], row["currency"])) for name in ("released", "settled", "open")],
            }
            for row in sums
        ],
        charts=[_chart(list(of), key) for key, of in groupby(months, lambda row: (row["direction"], row["currency"]))],
        shown=site.table(path, payout_table(payouts, of_agreement=False), str(sums[0]["name"] or who)),
    )


def _chart(months: list[Row], key: tuple[str, str]) -> dict[str, Any]:
    direction, currency = key
    shown = months[-PERIODS:]
    title = f"{DIRECTIONS[direction]}: accrued by month, in {currency}"

    def bar(row: Row) -> tuple[Decimal, str]:
        return row["accrued"], f"{row['period']}: {money(row['accrued'], currency)}"

    rows: list[tuple[Cell, ...]] = [(row["period"], *(money(row[name], currency) for name in ("accrued", "earned", "settled"))) for row in shown]
    columns = (Column("Period"), *(Column(label, "number") for label in ("Accrued", "Earned", "Settled")))
    svg = draw_bars(Bars(title, [row["period"][2:] for row in shown], [bar(row) for row in shown]))
    return {"title": title, "svg": svg, "table": Table(f"months-{direction}-{currency.lower()}", columns, rows)}


_COLUMNS = """payout_id, agreement_id, agreement_title, benefit_id, clause, participant_id, participant_name, window_start, window_end, status, tier, payout,
    released, settled, open_amount, currency, due_date"""
_SUMS = """
    select participant_id, any_value(participant_name) as name, direction, currency, count(distinct agreement_id) as agreements, count(*) as payouts,
        count(*) filter (status = 'blocked') as blocked, coalesce(sum(payout), 0) as total, coalesce(sum(released), 0) as released,
        coalesce(sum(settled), 0) as settled, coalesce(sum(open_amount), 0) as open
    from fct_payout group by participant_id, direction, currency order by participant_id, direction, currency
"""
_MONTHS = """
    select participant_id, direction, currency, period, sum(accrued) as accrued, sum(earned) as earned, sum(settled) as settled
    from fct_payout_month group by all order by participant_id, direction, currency, period
"""
_PARTNERS = """
    select p.partner_id, p.parent_id, above.name as parent_name, p.parent_id in (select participant_id from fct_payout) as is_parent_shown
    from dim_partner as p left join dim_partner as above on above.partner_id = p.parent_id
    where p.partner_id in (select participant_id from fct_payout)
"""
