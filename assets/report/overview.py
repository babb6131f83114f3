"""The first page: what is owed in both directions, by month and against last year, what has changed since the set before, and what needs a person.

Belongs here: queries over all payouts. Does not belong here: one agreement, participant or payout (modules of that name).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import duckdb

from assets.published.explanation_view import WAYS_OUT
from assets.published.formatting import counted, money, number
from assets.published.reader import Row, fetch
from assets.report.charts import Bars, draw_bars
from assets.report.figures import bare
from assets.report.site import Site
from assets.report.tables import Cell, Column, Link, Table, agreement_link, participant_link, payout_href

DIRECTIONS = {"payable": "We pay", "receivable": "We receive"}
#: The sums over payouts, by their name in queries.
FIGURES = {
    "total": "Payout", "adjusted": "Adjusted", "accrued": "Accrued", "released": "Released", "held": "Held", "settled": "Settled", "open": "Open",
}  # fmt: skip
#: The largest changes since the run before, and the blocked payouts, that the page names.
LARGEST = 12


def write_overview(site: Site, con: duckdb.DuckDBPyConnection, currency: str, has_before: bool) -> None:
    """index.html."""
    sums = fetch(con, _SUMS)
    cards = [_card(kind, [row for row in sums if row["direction"] == kind], currency) for kind in DIRECTIONS]
    months, released = fetch(con, _MONTHS), fetch(con, _RELEASED)
    charts = [_chart(kind, [m for m in months if m["direction"] == kind], currency) for kind in DIRECTIONS if any(s["direction"] == kind for s in sums)]
    agreements = _agreements(con)
    site.page(
        "index.html",
        "overview.html.j2",
        figures_of=figures_shown(sums),
        cards=[card for card in cards if card["rows"]],
        charts=charts,
        months=site.table("index.html", _month_table(months, released, currency), "By month"),
        changes=_changes(con) if has_before else None,
        exceptions=_exceptions(con),
        agreements=site.table("index.html", Table("agreements", agreements.columns, agreements.rows[:10]), "Agreements"),
        agreement_count=len(agreements.rows),
    )
    site.page("agreements/index.html", "agreements.html.j2", shown=site.table("agreements/index.html", agreements, "Agreements"))


def figures_shown(sums: Sequence[Row]) -> dict[str, str]:
    """The figures without those that few books have, where they are 0."""
    return {name: title for name, title in FIGURES.items() if name not in ("adjusted", "held") or any(row[name] for row in sums)}


def _card(direction: str, rows: list[Row], currency: str) -> dict[str, Any]:
    """The totals of a direction: in the book's currency where every payout has a rate, and in each currency."""
    is_whole = all(row["lacks_rate"] == 0 for row in rows)
    return {
        "title": DIRECTIONS[direction],
        "kind": direction,
        "total": money(_sum(row["reporting"] for row in rows), currency) if is_whole else None,
        "lacks_rate": sum(row["lacks_rate"] for row in rows),
        "rows": rows,
    }


def _chart(direction: str, months: list[Row], currency: str) -> dict[str, str]:
    def bar(row: Row, name: str, period: str) -> tuple[Decimal, str] | None:
        return None if row[name] is None else (row[name], f"{row[period]}: {money(row[name], currency)}")

    is_any = any(m["accrued_before"] is not None for m in months)
    title = f"{DIRECTIONS[direction]}: accrued by month, in {currency}"
    drawn = Bars(
        title,
        [m["period"][-2:] for m in months],
        [bar(m, "accrued", "period") for m in months],
        [bar(m, "accrued_before", "period_before") for m in months] if is_any else (),
    )
    year = months[0]["fiscal_year"] if months else ""
    return {"title": title, "svg": draw_bars(drawn), "year": str(year), "before": str(int(year) - 1) if months and is_any else ""}


def _month_table(months: list[Row], released: list[Row], currency: str) -> Table:
    due: dict[tuple[str, str], list[str]] = {}
    for row in released:
        due.setdefault((row["period"], row["direction"]), []).append(money(row["released"], row["currency"]))
    rows: list[tuple[Cell, ...]] = []
    for m in months:
        if m["accrued"] is None and m["accrued_before"] is None:
            continue
        change = (m["accrued"] or Decimal(0)) - m["accrued_before"] if m["accrued_before"] is not None and m["accrued"] is not None else None
        others = (bare(value, currency) for value in (m["accrued_before"], change, m["earned"], m["settled"]))
        fell_due = " + ".join(due.get((m["period"], m["direction"]), [])) or "–"
        rows.append((m["period"], DIRECTIONS[m["direction"]], money(m["accrued"], currency), *others, fell_due))
    labels = ("Accrued", "Year before", "Change", "Earned", "Settled", "Fell due")
    return Table("months", (Column("Period"), Column("Direction", "day"), *(Column(label, "number") for label in labels)), rows)


def _agreements(con: duckdb.DuckDBPyConnection) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (
            agreement_link(row["agreement_id"], row["title"]),
            DIRECTIONS[row["direction"]],
            number(row["participants"]),
            number(row["payouts"]),
            number(row["blocked"]) if row["blocked"] else "–",
            money(row["total"], row["currency"]),
            money(row["open"], row["currency"]),
            str(row["term_to"]),
        )
        for row in fetch(con, _AGREEMENTS)
    ]
    labels = ("Participants", "Payouts", "Blocked", "Payout", "Open")
    return Table(
        "agreements", (Column("Agreement"), Column("Direction", "day"), *(Column(label, "number") for label in labels), Column("Term ends", "day")), rows
    )


def _changes(con: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """What is different from the set before: counts, sums per currency, and the largest ones."""
    counts = fetch(con, _CHANGE_COUNTS)[0]
    sums = [(DIRECTIONS[row["direction"]], _signed(row["change"], row["currency"])) for row in fetch(con, _CHANGE_SUMS)]
    rows: list[tuple[Cell, ...]] = [
        (
            Link(row["participant_name"] or row["participant_id"], payout_href(row["agreement_id"], row["payout_id"]))
            if row["is_there"]
            else row["participant_id"],
            agreement_link(row["agreement_id"], row["agreement_title"]),
            str(row["window_start"]),
            money(row["before"], row["currency"]),
            money(row["payout"], row["currency"]),
            _signed(row["change"], row["currency"]),
        )
        for row in fetch(con, _LARGEST_CHANGES, {"count": LARGEST})
    ]
    columns = (
        Column("Participant"),
        Column("Agreement"),
        Column("Window", "day"),
        Column("Before", "number"),
        Column("Now", "number"),
        Column("Change", "number"),
    )
    return {"counts": counts, "sums": sums, "table": Table("changes", columns, rows)}


def _exceptions(con: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """What waits for a person: a title, what to do, and the first ones."""
    found = []
    blocked = fetch(con, _BLOCKED, {"count": LARGEST})
    for reason in dict.fromkeys(row["status_reason"] for row in blocked):
        of = [row for row in blocked if row["status_reason"] == reason]
        title = f"{counted(of[0]['of_reason'], 'payout')} blocked: {str(reason).replace('_', ' ')}"
        links = [_payout_link(row) for row in of]
        found.append({"kind": "bad", "title": title, "way_out": WAYS_OUT.get(reason, ""), "links": links, "more": of[0]["of_reason"] - len(of)})
    for row in fetch(con, _OVERDUE):
        title = f"{counted(row['payouts'], 'payout')} due and not settled: {money(row['open'], row['currency'])}"
        way_out = f"{DIRECTIONS[row['direction']]}. The earliest fell due on {row['earliest']}."
        found.append({"kind": "warn", "title": title, "way_out": way_out, "links": [], "more": 0})
    rejects = fetch(con, "select count(*) as rows, count(distinct reason) as reasons from audit_reject")[0]
    if rejects["rows"]:
        title = f"{counted(rejects['rows'], 'row')} rejected, for {counted(rejects['reasons'], 'reason')}"
        found.append(
            {"kind": "warn", "title": title, "way_out": "They count once they are corrected.", "links": [Link("Data quality", "quality.html")], "more": 0}
        )
    for title, way_out, query in _AGREEMENT_NOTES:
        rows = fetch(con, query)
        if rows:
            links = [agreement_link(row["agreement_id"], row["title"]) for row in rows[:LARGEST]]
            found.append(
                {"kind": "hint", "title": title.format(counted(len(rows), "agreement")), "way_out": way_out, "links": links, "more": len(rows) - len(links)}
            )
    return found


def _payout_link(row: Mapping[str, Any]) -> Link:
    who = participant_link(row["participant_id"], row["participant_name"]).text
    return Link(f"{who}, {row['window_start']}", payout_href(row["agreement_id"], row["payout_id"]), row["agreement_id"])


def _signed(amount: Decimal, currency: str) -> str:
    return f"{'+' if amount > 0 else ''}{money(amount, currency)}"


def _sum(values: Iterable[Decimal | None]) -> Decimal:
    return sum((value for value in values if value is not None), Decimal(0))


_SUMS = """
    with accrued as (select direction, currency, sum(accrued) as accrued from fct_payout_month group by all)
    select direction, currency, count(*) as payouts, coalesce(sum(payout), 0) as total, sum(payout_reporting) as reporting,
        count(*) filter (payout is not null and payout_reporting is null) as lacks_rate, coalesce(any_value(accrued), 0) as accrued,
        coalesce(sum(released), 0) as released, coalesce(sum(settled), 0) as settled, coalesce(sum(open_amount), 0) as open,
        sum(adjusted) as adjusted, sum(held) as held
    from fct_payout left join accrued using (direction, currency) group by direction, currency order by direction, count(*) desc, currency
"""
_THIS_YEAR = "select fiscal_year from dim_period where (select max(as_of) from run) between first_day and last_day"
_MONTHS = f"""
    with booked as (
        select period, direction, sum(accrued_reporting) as accrued, sum(earned_reporting) as earned, sum(settled_reporting) as settled
        from fct_payout_month group by all
    ),
    kinds as (select distinct direction from fct_payout)
    select this.period, before.period as period_before, this.fiscal_year, kinds.direction, now.accrued, past.accrued as accrued_before, now.earned, now.settled
    from dim_period as this cross join kinds
    left join dim_period as before on before.fiscal_year = this.fiscal_year - 1 and before.period_number = this.period_number
    left join booked as now on now.period = this.period and now.direction = kinds.direction
    left join booked as past on past.period = before.period and past.direction = kinds.direction
    where this.fiscal_year = ({_THIS_YEAR})
    order by kinds.direction, this.period
"""
_RELEASED = """
    select p.period, fct_payout.direction, fct_payout.currency, sum(r.released) as released
    from fct_release as r join fct_payout using (payout_id) join dim_period as p on r.due_date between p.first_day and p.last_day
    where r.released <> 0 group by all order by all
"""
_AGREEMENTS = """
    with latest as (select agreement_id, max(term_to) as term_to, arg_max(title, agreement_version) as title from dim_agreement group by agreement_id)
    select agreement_id, any_value(title) as title, direction, currency, count(distinct participant_id) as participants, count(*) as payouts,
        count(*) filter (status = 'blocked') as blocked, coalesce(sum(payout), 0) as total, coalesce(sum(open_amount), 0) as open, any_value(term_to) as term_to
    from fct_payout left join latest using (agreement_id)
    group by agreement_id, direction, currency order by abs(coalesce(sum(payout_reporting), sum(payout))) desc nulls last, agreement_id
"""
_COMPARED = """
    with compared as (
        select coalesce(now.payout_id, old.payout_id) as payout_id, coalesce(now.direction, old.direction) as direction,
            coalesce(now.currency, old.currency) as currency, coalesce(now.agreement_id, old.agreement_id) as agreement_id,
            coalesce(now.agreement_title, old.agreement_title) as agreement_title, coalesce(now.participant_id, old.participant_id) as participant_id,
            coalesce(now.participant_name, old.participant_name) as participant_name, coalesce(now.window_start, old.window_start) as window_start,
            now.payout_id is not null as is_there, old.payout_id is not null as was_there, old.payout as before, now.payout,
            coalesce(now.payout, 0) - coalesce(old.payout, 0) as change
        from fct_payout as now full join before_fct_payout as old on old.payout_id = now.payout_id
    )
"""
_CHANGE_COUNTS = f"""{_COMPARED}
    select count(*) filter (is_there and was_there and change <> 0) as changed, count(*) filter (not was_there) as added,
        count(*) filter (not is_there) as removed from compared
"""
_CHANGE_SUMS = f"{_COMPARED} select direction, currency, sum(change) as change from compared group by all having sum(change) <> 0 order by all"
_LARGEST_CHANGES = f"{_COMPARED} from compared where change <> 0 order by abs(change) desc, payout_id limit $count"
_BLOCKED = """
    select *, count(*) over (partition by status_reason) as of_reason from fct_payout where status = 'blocked'
    qualify row_number() over (partition by status_reason order by window_start desc, agreement_id, payout_id) <= $count
    order by of_reason desc, status_reason, window_start desc, agreement_id, payout_id
"""
_OVERDUE = """
    select direction, currency, count(*) as payouts, sum(open_amount) as open, min(due_date) as earliest from fct_payout
    where open_amount <> 0 and due_date <= (select max(as_of) from run) group by all order by all
"""
_LATEST = "(from dim_agreement qualify agreement_version = max(agreement_version) over (partition by agreement_id))"
_AGREEMENT_NOTES = (
    (
        "{} due for review",
        "The agreement says when it is to be reviewed.",
        f"select agreement_id, title from {_LATEST} where review_by_date <= (select max(as_of) from run) order by review_by_date, agreement_id",
    ),
    (
        "{} without an approval",
        "`tierledger approve` records who approved the terms.",
        f"select agreement_id, title from {_LATEST} where approved_by is null order by agreement_id",
    ),
)
