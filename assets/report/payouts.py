"""The pages of payouts: a list per agreement, and the explanation of each one, which a script shows for the payout that the address names.

Belongs here: cutting the explanations into scripts. Does not belong here: how they are shown (static/payout.js).

An explanation is text made by DuckDB: 70,000 payouts with their lines are too many for Python. The scripts of an agreement are cut by the first digits of the
payouts' ids, which are hashes, so that each holds about `IN_SCRIPT` of them.
"""

from __future__ import annotations

from typing import Any

import duckdb

from assets.published.explanation_view import WAYS_OUT, axis_unit, base_unit, line_unit, measure_unit, pays_note, step_unit
from assets.published.reader import Row, fetch
from assets.report.agreements import curve, payout_table
from assets.report.site import Site
from assets.report.tables import agreement_link, participant_link, slug
from models.currencies import MINOR_UNITS

IN_SCRIPT = 40
#: Lines that all explanations together show, and how many each shows at least and at most. The largest shares come first.
LINES, FEWEST, MOST = 150_000, 5, 60


def write_payouts(site: Site, con: duckdb.DuckDBPyConnection) -> None:
    """payouts/<agreement>.html with its scripts, for every agreement that has payouts."""
    counts = fetch(con, "select agreement_id, any_value(agreement_title) as title, currency, count(*) as payouts from fct_payout group by all order by all")
    together = sum(row["payouts"] for row in counts)
    _collect(con, max(FEWEST, min(MOST, LINES // max(together, 1))))
    terms = fetch(con, "from dim_benefit order by agreement_id, agreement_version, position")
    formulas = fetch(con, _FORMULAS)
    for row in counts:
        agreement, path = row["agreement_id"], f"payouts/{slug(row['agreement_id'])}.html"
        digits = next(n for n in range(8) if row["payouts"] <= IN_SCRIPT * 16**n)
        for first in "0123456789abcdef" if digits else [""]:  # a sixteenth at a time: all scripts together may be more than the engine's memory
            for shard, text in con.execute(_SCRIPTS, {"agreement": agreement, "digits": digits, "first": f"p{first}"}).fetchall():
                name = f"data/payouts/{slug(agreement)}.{shard or '0'}.js"
                site.write(name, f'tierledger("{name}",{{{text}}});\n')
        benefits = [benefit for benefit in terms if benefit["agreement_id"] == agreement]
        payouts = fetch(con, "from fct_payout where agreement_id = ? order by window_start desc, participant_id, benefit_id", [agreement])
        meta = {
            "scripts": f"data/payouts/{slug(agreement)}",
            "digits": digits,
            "decimals": MINOR_UNITS.get(row["currency"], 2),
            "minorUnits": MINOR_UNITS,
            "waysOut": WAYS_OUT,
            "benefits": {benefit["benefit_version_id"]: _meta(benefit, formulas) for benefit in benefits},
        }
        curves = {benefit["benefit_version_id"]: curve(benefit, row["currency"], []) for benefit in benefits}
        shown = site.table(path, payout_table(payouts, of_agreement=True), f"Payouts of {row['title'] or agreement}")
        site.page(
            path,
            "payouts.html.j2",
            agreement_id=agreement,
            agreement=agreement_link(agreement),
            title=row["title"] or agreement,
            shown=shown,
            meta=meta,
            curves=curves,
            count=row["payouts"],
        )


def _meta(benefit: Row, formulas: list[Row]) -> dict[str, Any]:
    """What the script needs to know of a benefit: its words, and the unit of each figure."""
    units = {
        row["formula"]: step_unit(benefit, "axis", row["formula"])
        for row in formulas
        if (row["agreement_id"], row["benefit_id"]) == (benefit["agreement_id"], benefit["benefit_id"])
    }
    names = ("measure", "target", "baseline", "base", "tier", "quantity", "multiply", "require", "prorate", "part")
    return {
        "clause": benefit["clause"],
        "quote": benefit["quote"],
        "note": pays_note(benefit),
        "axis": benefit["by_axis"],
        "base": benefit["base"],
        "measureUnit": measure_unit(benefit),
        "baseUnit": base_unit(benefit),
        "axisUnit": axis_unit(benefit),
        "lineUnit": line_unit(benefit),
        "steps": {name: step_unit(benefit, name, "") for name in names},
        "axes": units,
    }


def _collect(con: duckdb.DuckDBPyConnection, lines: int) -> None:
    """Make the explanation of every payout, as JSON text, one table after the other."""
    con.execute("create macro short(x) as rtrim(rtrim(x::varchar, '0'), '.')")
    who = [row["participant_id"] for row in fetch(con, "select distinct participant_id from fct_payout order by all")]
    con.execute(
        "create temp table pages as select unnest($who) as participant_id, unnest($pages) as page",
        {"who": who, "pages": [participant_link(w).href for w in who]},
    )
    con.execute(f"create temp table explained_lines as {_LINES}", {"count": lines})
    con.execute(f"create temp table explained as {_EXPLAINED}")
    con.execute("drop table explained_lines")


_FORMULAS = """
    select distinct agreement_id, benefit_id, formula from fct_calculation_step join fct_payout using (payout_id) where step = 'axis'
"""
_LINES = """
    with names as (select partner_id, name from dim_partner), articles as (select product_id, name from dim_product),
    ranked as (
        select *, count(*) over (partition by payout_id) as line_count from fct_payout_line
        qualify row_number() over (partition by payout_id order by abs(line_payout) desc, date, transaction_id, line, source_file, source_row, tier) <= $count
    )
    select payout_id, any_value(line_count) as line_count, list(
        [date::varchar, concat_ws('/', transaction_id, line), partner_id, names.name, product_id, articles.name, short(amount), currency, short(fx_rate),
            tier::varchar, short(credited_measure), short(line_payout), source_file, source_row::varchar, source_line::varchar]
        order by date, transaction_id, line, source_file, source_row, tier
    ) as lines
    from ranked left join names using (partner_id) left join articles using (product_id) group by payout_id
"""
_EXPLAINED = """
    with steps as (
        select payout_id, list([step, formula, inputs, short(result)] order by step_no) as steps from fct_calculation_step group by payout_id
    ),
    booked as (
        select payout_id, period, max_by(accrued_to_date, origin_period) as to_date, sum(accrual) as accrual, bool_or(is_posted) as is_posted,
            string_agg(reason || ' ' || short(accrual), ', ' order by origin_period, reason) as differences
        from fct_accrual group by all
    ),
    accruals as (
        select payout_id, list(
            [period, short(accrual), short(to_date), concat_ws(': ', if(is_posted, 'posted', 'may change'), differences)] order by period) as accruals
        from booked group by payout_id
    ),
    releases as (
        select payout_id, list([due_date::varchar, short(share), short(amount), short(settled), status] order by due_date, release_no) as releases
        from fct_release group by payout_id
    ),
    disputes as (
        select payout_id, list(
            [dispute_id, raised_on::varchar, raised_by, short(disputed_amount), concat_ws('/', transaction_id, line), component, reason, status,
                resolved_on::varchar, note] order by raised_on, dispute_id, source_file, source_row
        ) as disputes
        from fct_dispute group by payout_id
    ),
    payments as (
        select payout_id, list(
            [paid_on::varchar, reference, short(paid_amount), paid_currency, short(amount), short(exchange_difference)]
            order by paid_on, reference, source_file, source_row
        ) as payments
        from fct_payment group by payout_id
    ),
    ahead as (
        select payout_id, [days_gone::varchar, days_total::varchar, short(next_tier_from), short(gap_to_next_tier), short(projected_measure),
            tier_forecast::varchar] as ahead
        from fct_achievement qualify row_number() over (partition by payout_id order by period desc) = 1
    ),
    summed as (select payout_id, source_file, count(*) as lines, sum(line_payout) as line_payout from fct_payout_line group by all),
    files as (
        select payout_id, list([source_file, lines::varchar, short(line_payout)] order by source_file nulls last) as files from summed group by payout_id
    )
    select agreement_id, payout_id, to_json({
        b: benefit_version_id, v: agreement_version, who: participant_id, page: page, name: participant_name, dir: direction, cur: currency,
        win: [window_start::varchar, window_end::varchar, span_start::varchar], status: status, why: status_reason,
        measure: short(measure), base: short(base), quantity: short(quantity), target: short(target), baseline: short(baseline),
        incentive: short(incentive), axis: short(axis_value), tier: tier, curve: short(curve_payout), multiplier: short(multiplier),
        gate: short(gate_factor), earned: short(earned), prior: short(prior_earned), carried: short(carried), payout: short(payout),
        reporting: short(payout_reporting), adjusted: short(adjusted), payable: short(payable), held: short(held), released: short(released),
        waiting: short(waiting), settled: short(settled), writtenOff: short(written_off), open: short(open_amount), due: due_date::varchar, run: run_id,
        steps: steps, accruals: accruals, releases: releases, payments: payments, disputes: disputes, ahead: ahead, lines: lines,
        lineCount: line_count, files: files
    })::varchar as explanation
    from fct_payout left join pages using (participant_id) left join steps using (payout_id) left join accruals using (payout_id)
    left join releases using (payout_id) left join payments using (payout_id) left join disputes using (payout_id)
    left join ahead using (payout_id) left join explained_lines using (payout_id) left join files using (payout_id)
"""
_SCRIPTS = """
    select substring(payout_id, 2, $digits) as shard, string_agg('"' || payout_id || '":' || explanation, E',\\n' order by payout_id) as text
    from explained where agreement_id = $agreement and starts_with(payout_id, $first) group by shard order by shard
"""
