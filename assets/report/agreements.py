"""The page of an agreement: its terms in words, its curves with every participant on them, achievement by period, tiers ahead, amendments, payouts.

Belongs here: the figures of one agreement. Does not belong here: sentences (words.py), a single payout (payouts.py).
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any

import duckdb

from assets.drawings.everyone import draw_everyone
from assets.drawings.svg import without_style
from assets.published.explanation_view import axis_unit, computed_in, in_unit, is_draw, measure_unit, pays_note, tier_table
from assets.published.formatting import money, number, percent
from assets.published.payout_curve import read_benefit
from assets.published.reader import Row, fetch
from assets.report.charts import Bars, draw_bars
from assets.report.figures import bare, days
from assets.report.overview import DIRECTIONS, figures_shown
from assets.report.review import review_path
from assets.report.site import Site
from assets.report.tables import Cell, Column, Table, participant_link, payout_href, slug
from assets.report.tables import Link as PageLink
from assets.report.words import describe_agreement, describe_benefit

#: Payouts and periods on the page; all payouts are on a page of their own.
RECENT, PERIODS = 20, 12
By = dict[tuple[str, ...], list[Row]]


def write_agreements(site: Site, con: duckdb.DuckDBPyConnection) -> None:
    """agreements/<agreement>.html for each one that has payouts or terms."""
    read = {table: _by(fetch(con, f"from {table} order by all"), "agreement_id") for table in ("dim_agreement", "dim_benefit")}
    of_benefit = {
        table: _by(fetch(con, query), "agreement_id", "benefit_id")
        for table, query in {**_OF_BENEFIT, "achieved": _ACHIEVED, "placed": _PLACED, "ahead": _AHEAD}.items()
    }
    sums = _by(fetch(con, _SUMS), "agreement_id")
    recent = _by(fetch(con, _RECENT, {"count": RECENT}), "agreement_id")
    for (agreement_id,), versions in read["dim_agreement"].items():
        agreement = max(versions, key=lambda row: row["agreement_version"])
        benefits = [row for row in read["dim_benefit"].get((agreement_id,), []) if row["agreement_version"] == agreement["agreement_version"]]
        shown = [_benefit(site, agreement, benefit, of_benefit) for benefit in sorted(benefits, key=lambda row: row["position"])]
        totals = next(iter(sums.get((agreement_id,), [])), None)
        path = f"agreements/{slug(agreement_id)}.html"
        site.page(
            path,
            "agreement.html.j2",
            agreement=agreement,
            direction=DIRECTIONS[agreement["direction"]],
            totals=totals,
            amounts=[(label, money(totals[name], agreement["currency"])) for name, label in figures_shown([totals]).items()] if totals else [],
            terms=describe_agreement(agreement),
            benefits=shown,
            amendments=_amendments(versions, read["dim_benefit"].get((agreement_id,), [])),
            recent=site.table(path, payout_table(recent.get((agreement_id,), []), of_agreement=True), ""),
            payouts=f"payouts/{slug(agreement_id)}.html",
            review=review_path(agreement_id),
        )


def payout_table(rows: Sequence[Row], of_agreement: bool) -> Table:
    """Payouts, each with the link to its explanation: those of an agreement name the participant, those of a participant the agreement."""
    first, labels = "Participant" if of_agreement else "Agreement", ("Payout", "Released", "Settled", "Open")
    amounts = (Column(label, "number") for label in labels)
    columns = (
        Column(first),
        Column("Benefit", "day"),
        Column("Window", "day"),
        Column("Status", "status"),
        Column("Tier", "number"),
        *amounts,
        Column("Due", "day"),
    )
    cells: list[tuple[Cell, ...]] = []
    for row in rows:
        who = (row["participant_name"], row["participant_id"]) if of_agreement else (row["agreement_title"], row["agreement_id"])
        more = who[1] if who[0] and who[0] != who[1] else ""
        others = (bare(row[name], row["currency"]) for name in ("released", "settled", "open_amount"))
        cells.append(
            (
                PageLink(who[0] or who[1], payout_href(row["agreement_id"], row["payout_id"]), more),
                f"{row['clause']} {row['benefit_id']}",
                days(row["window_start"], row["window_end"]),
                row["status"],
                "–" if row["tier"] is None else str(row["tier"]),
                money(row["payout"], row["currency"]),
                *others,
                str(row["due_date"] or "–"),
            )
        )
    return Table("payouts", columns, cells, [row["payout_id"] for row in rows], "No window has begun yet.")


def _benefit(site: Site, agreement: Row, benefit: Row, of: dict[str, By]) -> dict[str, Any]:
    """One benefit: words, tiers, curve, achievement, what is ahead."""
    key, currency = (benefit["agreement_id"], benefit["benefit_id"]), agreement["currency"]

    def latest(table: str) -> list[Row]:
        return [row for row in of[table].get(key, []) if row["agreement_version"] == benefit["agreement_version"]]

    tiers = [] if is_draw(benefit) else latest("dim_tier")
    for tier, following in zip(tiers, [*tiers[1:], None], strict=False):
        tier |= {"to_value": following and following["from_value"], "is_reached": False}
    placed, unit = of["placed"].get(key, []), axis_unit(benefit)
    placed_rows: list[tuple[Cell, ...]] = [
        (
            PageLink(row["participant_name"] or row["participant_id"], payout_href(row["agreement_id"], row["payout_id"])),
            computed_in(row["axis_value"], unit, currency),
            str(row["tier"]),
            money(row["payout"], currency),
        )
        for row in placed
    ]
    columns = (Column("Participant"), Column("Place", "number"), Column("Tier", "number"), Column("Payout", "number"))
    name = f"{slug(benefit['agreement_id'])}-{slug(benefit['benefit_id'])}"
    return {
        "id": f"benefit-{benefit['benefit_id']}",
        "benefit": benefit,
        "words": describe_benefit(benefit, latest("dim_scope"), latest("dim_gate"), latest("dim_multiplier"), currency),
        "tiers": tier_table(benefit, tiers, currency),
        "tier_note": pays_note(benefit),
        "curve": curve(benefit, currency, placed),
        "window": placed[0]["window_start"] if placed else None,
        "placed": site.table(f"agreements/{name}.places.html", Table(f"{name}-places", columns, placed_rows), "Places"),
        "achieved": _achievement(of["achieved"].get(key, []), benefit, currency),
        "ahead": _ahead(of["ahead"].get(key, []), benefit, currency),
    }


def curve(benefit: Row, currency: str, placed: Sequence[Row]) -> dict[str, Any] | None:
    """The picture, and its axis for a script that marks one place on it. None where there is no curve to draw."""
    places = [
        (Fraction(row["axis_value"]), None if row["column_value"] is None else Fraction(row["column_value"]), row["participant_name"] or row["participant_id"])
        for row in placed
    ]
    if is_draw(benefit):
        return None
    drawn = draw_everyone("What the tiers pay, and where the participants are", read_benefit(benefit["definition"]), currency, places)
    if drawn is None:
        return None
    svg, axis = drawn
    return {"svg": without_style(svg), "low": axis.low if axis else None, "high": axis.high if axis else None}


def _achievement(rows: list[Row], benefit: Row, currency: str) -> dict[str, Any] | None:
    """What was measured in each period, against the target or against the year before."""
    if not rows:
        return None
    unit = measure_unit(benefit)
    by_period = {(row["fiscal_year"], row["period_number"]): row for row in rows}
    shown = rows[-PERIODS:]
    before = [by_period.get((row["fiscal_year"] - 1, row["period_number"])) for row in shown]
    has_target = any(row["target"] is not None for row in shown)
    name = "to_date" if has_target else "measured"

    def bar(row: Row | None, key: str, label: str = "") -> tuple[Decimal, str] | None:
        return None if row is None or row[key] is None else (row[key], f"{label}{row['period']}: {computed_in(row[key], unit, currency)}")

    title = "Measured to date, against the target" if has_target else "Measured, period by period"
    chart = Bars(
        title,
        [row["period"][2:] for row in shown],
        [bar(row, name) for row in shown],
        [bar(row, name) for row in before] if any(before) and not has_target else (),
        [bar(row, "target", "target, ") for row in shown] if has_target else (),
    )
    columns: tuple[Column, ...] = (Column("Period", "day"), Column("Participants", "number"), Column("Measured", "number"))
    columns += (Column("To date", "number"), Column("Target", "number"), Column("Attainment", "number")) if has_target else ()
    cells: list[tuple[Cell, ...]] = []
    for row in shown:
        reached = None if not row["target"] or row["to_date"] is None else row["reached"]
        more = (computed_in(row["to_date"], unit, currency), computed_in(row["target"], unit, currency), percent(reached)) if has_target else ()
        cells.append((row["period"], number(row["participants"]), computed_in(row["measured"], unit, currency), *more))
    return {
        "title": title,
        "svg": draw_bars(chart),
        "table": Table("achievement", columns, cells),
        "has_before": any(before) and not has_target,
        "has_target": has_target,
    }


def _ahead(rows: list[Row], benefit: Row, currency: str) -> Table | None:
    """Who is close to the next tier while the window runs, the closest first."""
    if not rows:
        return None
    unit = axis_unit(benefit)
    cells: list[tuple[Cell, ...]] = [
        (
            participant_link(row["participant_id"], row["participant_name"]),
            str(row["tier_actual"]),
            in_unit(row["next_tier_from"], unit, currency),
            computed_in(row["gap_to_next_tier"], measure_unit(benefit), currency),
            percent(row["near"]),
            "–" if row["tier_forecast"] is None else str(row["tier_forecast"]),
            str(row["window_end"]),
        )
        for row in rows
    ]
    labels = ("Tier", "Next tier from", "Missing", "Of the way", "Forecast tier")
    return Table("ahead", (Column("Participant"), *(Column(label, "number") for label in labels), Column("Window ends", "day")), cells)


def _amendments(versions: list[Row], benefits: list[Row]) -> list[dict[str, Any]]:
    """What each version says that the one before did not, the newest first."""
    of_version: dict[int, dict[str, dict[str, str]]] = defaultdict(dict)
    for row in benefits:
        of_version[row["agreement_version"]][row["benefit_id"]] = _flat(json.loads(row["definition"]))
    ordered = sorted(versions, key=lambda row: row["agreement_version"])
    found = []
    for old, new in pairwise(ordered):
        before, after = of_version[old["agreement_version"]], of_version[new["agreement_version"]]
        rows: list[tuple[Cell, ...]] = []
        for benefit_id in sorted(before.keys() | after.keys()):
            was, now = before.get(benefit_id, {}), after.get(benefit_id, {})
            keys = [key for key in sorted(was.keys() | now.keys()) if was.get(key) != now.get(key)]
            rows += [(benefit_id, key, was.get(key, "–"), now.get(key, "–")) for key in keys]
        columns = (Column("Benefit"), Column("Key", "code"), Column("Before"), Column("From then on"))
        found.append({"version": new, "table": Table(f"amendment-{new['agreement_version']}", columns, rows, empty="The benefits are the same.")})
    return found[::-1]


def _flat(value: Any, name: str = "") -> dict[str, str]:
    """Every key of the terms with its path."""
    if isinstance(value, dict):
        return {key: text for each, inner in value.items() for key, text in _flat(inner, f"{name}.{each}" if name else each).items()}
    if isinstance(value, list) and any(isinstance(each, dict | list) for each in value):
        return {key: text for n, inner in enumerate(value, 1) for key, text in _flat(inner, f"{name} {n}").items()}
    return {name: ", ".join(map(str, value)) if isinstance(value, list) else str(value)}


def _by(rows: list[Row], *keys: str) -> By:
    found: By = defaultdict(list)
    for row in rows:
        found[tuple(row[key] for key in keys)].append(row)
    return found


_OF_BENEFIT = {
    "dim_tier": "from dim_tier order by agreement_id, agreement_version, benefit_id, tier",
    "dim_gate": "from dim_gate order by agreement_id, agreement_version, benefit_id, gate_no",
    "dim_multiplier": "from dim_multiplier order by agreement_id, agreement_version, benefit_id, tier",
    "dim_scope": "from dim_scope where not is_claim order by agreement_id, agreement_version, benefit_id, scope_no",
}
_SUMS = """
    with accrued as (select agreement_id, sum(accrued) as accrued from fct_payout_month group by all)
    select agreement_id, count(*) as payouts, count(distinct participant_id) as participants, count(*) filter (status = 'blocked') as blocked,
        coalesce(sum(payout), 0) as total, coalesce(any_value(accrued), 0) as accrued, coalesce(sum(released), 0) as released,
        coalesce(sum(settled), 0) as settled, coalesce(sum(open_amount), 0) as open,
        sum(adjusted) as adjusted, sum(held) as held
    from fct_payout left join accrued using (agreement_id) group by agreement_id
"""
_RECENT = """
    from fct_payout qualify row_number() over (partition by agreement_id order by window_start desc, abs(coalesce(payout, 0)) desc, payout_id) <= $count
    order by agreement_id, window_start desc, abs(coalesce(payout, 0)) desc, payout_id
"""
_ACHIEVED = """
    select agreement_id, benefit_id, period, any_value(fiscal_year) as fiscal_year, any_value(period_number) as period_number,
        count(distinct participant_id) as participants, sum(measure_period) as measured, sum(measure_to_date) as to_date, sum(target) as target,
        round(sum(measure_to_date)::double / nullif(sum(target), 0)::double, 4)::decimal(18, 4) as reached
    from fct_achievement join dim_period using (period) group by agreement_id, benefit_id, period order by agreement_id, benefit_id, period
"""
_PLACED = """
    with columns as (
        select payout_id, any_value(result) as column_value from fct_calculation_step
        where step = 'axis' and starts_with(formula, 'columns: ') group by payout_id
    )
    select payout_id, agreement_id, benefit_id, participant_id, participant_name, window_start, axis_value, column_value, tier, payout
    from fct_payout left join columns using (payout_id) where axis_value is not null
    qualify window_start = max(window_start) over (partition by agreement_id, benefit_id)
    order by agreement_id, benefit_id, axis_value desc, payout_id
"""
_AHEAD = """
    select a.*, p.window_end, round(1 - a.gap_to_next_tier::double / nullif(a.gap_to_next_tier + a.measure_to_date, 0)::double, 4)::decimal(18, 4) as near
    from fct_achievement as a join fct_payout as p using (payout_id)
    where p.status = 'open' and a.gap_to_next_tier > 0
    qualify a.period = max(a.period) over (partition by payout_id)
        and row_number() over (partition by a.agreement_id, a.benefit_id order by near desc nulls last, payout_id) <= 20
    order by a.agreement_id, a.benefit_id, near desc nulls last, payout_id
"""
