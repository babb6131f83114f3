"""The SQL that DuckDB and PostgreSQL share: from credited lines to payouts, accruals and payout lines.

Both engines bring two functions, `rounded(numerator, denominator)` (half away from zero, whole) and `wide(number)` (an exact type of more than
64 bits), and name integer division their own way inside them. Does not belong here: reading lines and crediting them, where the engines differ.

Tables before: `credits` (agreement, participant, month, day, day_next_year, in_term, transaction_id, line, amount, cost, quantity) and those of terms.py.
"""

from __future__ import annotations

from benchmarks.rivals.curves import ONE
from benchmarks.rivals.terms import AXES, CLAWBACKS, MEASURES

_CARRY, _PAY, _NONE = (CLAWBACKS.index(rule) for rule in ("carry", "pay", "none"))
_ATTAINMENT, _GROWTH = (AXES.index(axis) for axis in ("attainment", "growth"))
#: Products up to here, doubled, still fit in 64 bits.
_NARROW = "4e18"


def _measured(source: str) -> str:
    amount, quantity = MEASURES.index("amount"), MEASURES.index("quantity")
    return f"case measured when {amount} then {source}.amount when {quantity} then {source}.quantity else {source}.amount - {source}.cost end"


SUMS = """
create table sums as
select agreement, participant, month, sum(amount)::bigint as amount, sum(cost)::bigint as cost, sum(quantity)::bigint as quantity
from credits
where in_term
group by agreement, participant, month;

create table prior_sums as
select c.agreement, c.participant, c.month + 12 as month, sum(amount)::bigint as amount, sum(cost)::bigint as cost, sum(quantity)::bigint as quantity
from credits c
join agreements a on a.agreement = c.agreement and a.needs_prior_year
where c.day_next_year between a.term_first_day and a.term_last_day
group by c.agreement, c.participant, c.month
"""

# one row per benefit × participant × window × month, with what the span holds by the end of the month
CURVES = f"""
create table results_by_month as
with measured as (
    select w.*, b.agreement, r.participant, coalesce({_measured("s")}, 0) as month_measure, coalesce(s.quantity, 0) as month_quantity
    from window_months w
    join benefits b on b.benefit = w.benefit
    join results r on r.agreement = b.agreement
    left join sums s on s.agreement = b.agreement and s.participant = r.participant and s.month = w.month
),
baselines as (
    select w.benefit, w.window_no, s.participant, sum({_measured("s")})::bigint as baseline
    from window_months w
    join benefits b on b.benefit = w.benefit and b.axis = {_GROWTH}
    join prior_sums s on s.agreement = b.agreement and s.month between w.span_first_month and w.window_last_month
    where w.is_last
    group by w.benefit, w.window_no, s.participant
)
select m.benefit, m.agreement, m.participant, m.window_no, m.window_first_day, m.span_first_day, m.month, m.is_last,
    sum(m.month_measure) over (partition by m.benefit, m.participant, m.window_no)::bigint as window_measure,
    sum(m.month_measure) over span::bigint as measure,
    sum(m.month_quantity) over span::bigint as quantity,
    t.target, t.incentive, coalesce(l.baseline, 0) as baseline
from measured m
left join targets t on t.benefit = m.benefit and t.participant = m.participant and t.window_first_day = m.window_first_day
left join baselines l on l.benefit = m.benefit and l.participant = m.participant and l.window_no = m.window_no
window span as (partition by m.benefit, m.participant, m.span_first_day order by m.month);

create table earnings as
with placed as (
    select r.*, b.clawback, b.at_most, b.at_least, b.pays_from,
        case b.axis when {_ATTAINMENT} then measure * {ONE} when {_GROWTH} then (measure - baseline) * {ONE} else measure end as position,
        case b.axis when {_ATTAINMENT} then target when {_GROWTH} then baseline else 1 end as divisor,
        case when b.is_on_increment then greatest(measure - baseline, 0) else measure end as base
    from results_by_month r
    join benefits b on b.benefit = r.benefit
    where b.axis <> {_ATTAINMENT} or incentive is not null
),
priced as (
    select p.*, c.tier,
        p.base * c.rate + p.quantity * c.per_unit + coalesce(p.incentive, 0) * c.share + c.constant as level,
        wide(coalesce(p.incentive, 0) * c.rise) * (p.position - c.start * p.divisor) as slope,
        case when c.rise = 0 then 1 else p.divisor * c.run end as scale
    from placed p
    join pieces c on c.benefit = p.benefit
        and (c.is_lowest or p.position >= c.low * p.divisor + c.low_moved)
        and (c.is_highest or p.position < c.high * p.divisor + c.high_moved)
    where p.divisor > 0
),
exact as (
    select *, wide(level) * scale + slope as numerator, wide(scale) * {ONE} as denominator
    from priced
)
select benefit, participant, window_no, window_first_day, span_first_day, month, is_last, tier, clawback,
    greatest(at_least, case when numerator < pays_from * denominator then 0 else least(at_most, rounded(numerator, denominator)) end)::bigint as earned
from exact
"""

# what earlier windows leave to pay: with carry over all of them, with none inside the span
PAYOUTS = f"""
create table settled as
with changes as (
    select *, earned - coalesce(lag(earned) over (partition by benefit, participant, span_first_day order by window_no), 0) as change
    from earnings
    where is_last
),
totals as (
    select *,
        case when clawback = {_CARRY} then sum(change) over (partition by benefit, participant order by window_no) else earned end as total,
        case when clawback = {_NONE} then span_first_day else 0 end as begins_anew
    from changes
),
highest as (
    select *, coalesce(max(total) over (
        partition by benefit, participant, begins_anew order by window_no rows between unbounded preceding and 1 preceding
    ), 0) as highest_before
    from totals
)
select benefit, participant, window_no, tier,
    (case when clawback = {_PAY} then change else greatest(total - greatest(highest_before, 0), 0) end)::bigint as payout,
    (case when clawback = {_PAY} then earned - change else greatest(highest_before, 0) - total + earned end)::bigint as paid_before
from highest;

create table payouts as
select row_number() over (order by r.benefit, r.participant, r.window_no) as payout_id, r.benefit, r.agreement, r.participant, r.window_no, r.window_first_day,
    r.measure, r.window_measure, coalesce(s.tier, 0) as tier, coalesce(s.payout, 0) as payout, s.tier is null as is_blocked
from results_by_month r
left join settled s on s.benefit = r.benefit and s.participant = r.participant and s.window_no = r.window_no
where r.is_last;

create table accruals as
with paths as (
    select e.benefit, e.participant, e.window_first_day, e.month,
        case when e.clawback = {_PAY} then e.earned - s.paid_before else greatest(e.earned - s.paid_before, 0) end as to_date
    from earnings e
    join settled s on s.benefit = e.benefit and s.participant = e.participant and s.window_no = e.window_no
)
select *, to_date - coalesce(lag(to_date) over (partition by benefit, participant, window_first_day order by month), 0) as accrual
from paths
"""

# a line's part: the running share of the payout, rounded, minus the one before it
LINES = f"""
create table payout_lines as
with due as (
    select p.payout_id, p.agreement, p.participant, p.tier, p.payout, p.window_measure, w.month, b.measured
    from payouts p
    join window_months w on w.benefit = p.benefit and w.window_no = p.window_no
    join benefits b on b.benefit = p.benefit
    where p.payout <> 0 and p.window_measure > 0
),
credited as (
    select d.payout_id, d.tier, d.payout, d.window_measure, c.day, c.transaction_id, c.line, {_measured("c")} as measure
    from credits c
    join due d on d.agreement = c.agreement and d.participant = c.participant and d.month = c.month
    where c.in_term
),
running as (
    select *, sum(measure) over (partition by payout_id order by day, transaction_id, line)::bigint as so_far
    from credited
)
select payout_id, transaction_id, line, tier, measure,
    case when abs(payout)::double precision * (abs(so_far) + abs(measure)) < {_NARROW}
        then rounded(payout * so_far, window_measure) - rounded(payout * (so_far - measure), window_measure)
        else (rounded(wide(payout) * so_far, window_measure) - rounded(wide(payout) * (so_far - measure), window_measure))::bigint
    end as line_payout
from running
union all
select payout_id, null, null, tier, null, payout
from payouts
where payout <> 0 and window_measure <= 0
"""

_NAMES = """
join benefits b on b.benefit = r.benefit
join agreement_ids a on a.key = b.agreement
join benefit_ids n on n.key = r.benefit
join partner_ids p on p.key = r.participant
"""
_FIRST_DAY = "date '1970-01-01' + r.window_first_day"


def _money(cents: str) -> str:
    return f"cast({cents} * cast(0.01 as decimal(3, 2)) as decimal(18, 2))"


#: The published tables, as queries.
TABLES = {
    "fct_payout": f"""
        select payout_id, a.id as agreement_id, n.id as benefit_id, p.id as participant_id, {_FIRST_DAY} as window_start,
            case when is_blocked then 'blocked' else 'ok' end as status, {_money("measure")} as measure, tier, {_money("payout")} as payout
        from payouts r {_NAMES}""",
    "fct_accrual": f"""
        select a.id as agreement_id, n.id as benefit_id, p.id as participant_id, {_FIRST_DAY} as window_start, m.period,
            {_money("to_date")} as accrued_to_date, {_money("accrual")} as accrual
        from accruals r {_NAMES} join periods m on m.key = r.month""",
    "fct_payout_line": f"""
        select payout_id, transaction_id, line, tier, {_money("measure")} as credited_measure, {_money("line_payout")} as line_payout
        from payout_lines""",
}
#: Payouts whose lines do not add up to them.
UNBALANCED = """
select count(*)
from (select payout_id, sum(line_payout) as shared from payout_lines group by payout_id) s
full join (select payout_id, payout from payouts where payout <> 0) p on p.payout_id = s.payout_id
where s.shared is distinct from p.payout
"""
#: The counts that a rival reports.
COUNTS = {
    "lines_credited": "select count(*) from credits where in_term",
    "payouts": "select count(*) from payouts",
    "payout_cents": "select sum(payout) from payouts",
    "payout_lines": "select count(*) from payout_lines",
    "accruals": "select count(*) from accruals",
}
