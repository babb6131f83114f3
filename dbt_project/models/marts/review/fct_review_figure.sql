{#
  A view over published tables, never stored: figures for the people who review agreements, each from windows that have ended. Publishing makes the same view
  in tierledger.duckdb, and the report asks it, so it reads nothing but published tables, by `ref` alone. Statistics are rounded to six decimals; every sum
  and rank before that is exact, so that the order of rows changes nothing.
#}
with

ended as (
    select
        payouts.*,
        benefits.measure as measure_kind,
        benefits.base as base_kind,
        case when payouts.target > 0 then round(payouts.measure::double / payouts.target::double, 6)::decimal(18, 6) end as attainment,
        case when payouts.baseline > 0 then round((payouts.measure - payouts.baseline)::double / payouts.baseline::double, 6)::decimal(18, 6) end as growth
    from {{ ref("fct_payout") }} as payouts
    inner join {{ ref("dim_benefit") }} as benefits
        on
            payouts.agreement_id = benefits.agreement_id
            and payouts.agreement_version = benefits.agreement_version
            and payouts.benefit_id = benefits.benefit_id
    where payouts.status in ('final', 'closed')
),

-- of a span the last window that has ended holds measure, base and baseline to date: they count once
spans as (
    select
        agreement_id,
        benefit_id,
        participant_id,
        any_value(measure_kind) as measure_kind,
        any_value(base_kind) as base_kind,
        max(window_end) as window_end,
        sum(payout) as payout,
        arg_max_null(measure, window_end) as measure,
        arg_max_null(measure - baseline, window_end) as increment,
        arg_max_null(base, window_end) as base
    from ended
    group by agreement_id, benefit_id, participant_id, span_start
),

attained as (
    select
        *,
        case
            when attainment < 0.5 then 'below 50 %'
            when attainment < 0.8 then '50 to 80 %'
            when attainment < 1 then '80 to 100 %'
            when attainment < 1.2 then '100 to 120 %'
            when attainment < 1.5 then '120 to 150 %'
            else '150 % and more'
        end as band
    from ended
    where attainment is not null
),

compared as (
    select agreement_id, benefit_id, 'attainment_by_size' as figure, target as against, attainment from attained
    union all
    select agreement_id, benefit_id, 'attainment_by_growth' as figure, growth as against, attainment from attained where growth is not null
),

-- twice the average rank and one, which is a whole number
paired as (
    select
        agreement_id,
        benefit_id,
        figure,
        2 * rank() over (partition by agreement_id, benefit_id, figure order by against)
        + count(*) over (partition by agreement_id, benefit_id, figure, against) as x,
        2 * rank() over (partition by agreement_id, benefit_id, figure order by attainment)
        + count(*) over (partition by agreement_id, benefit_id, figure, attainment) as y
    from compared
),

ranked as (
    select
        agreement_id,
        benefit_id,
        figure,
        count(*)::hugeint as n,
        sum(x)::hugeint as sum_x,
        sum(y)::hugeint as sum_y,
        sum(x::hugeint * y) as sum_xy,
        sum(x::hugeint * x) as sum_xx,
        sum(y::hugeint * y) as sum_yy
    from paired
    group by all
),

lines as (
    select
        ended.payout_id,
        sum(lines.credited_measure) as whole,
        sum(lines.credited_measure) filter (where lines.date > ended.window_end - 5) as last_days
    from ended
    inner join {{ ref("fct_payout_line") }} as lines
        on ended.payout_id = lines.payout_id and lines.date between ended.window_start and ended.window_end
    where ended.window_end - ended.window_start >= 27
    group by ended.payout_id
    having sum(lines.credited_measure) > 0
),

timed as (
    select
        ended.agreement_id,
        ended.benefit_id,
        count(*) as counted,
        sum(lines.whole) as whole,
        sum(coalesce(lines.last_days, 0)) as last_days,
        sum(lines.whole * 5 / (ended.window_end - ended.window_start + 1)) as even
    from ended
    inner join lines on ended.payout_id = lines.payout_id
    group by ended.agreement_id, ended.benefit_id
),

-- what came back in the 30 days after a window, in the windows that follow it
returned as (
    select
        ended.agreement_id,
        ended.benefit_id,
        -sum(lines.credited_measure) as amount
    from ended
    inner join {{ ref("fct_payout") }} as later
        on
            ended.agreement_id = later.agreement_id
            and ended.benefit_id = later.benefit_id
            and ended.participant_id = later.participant_id
            and ended.window_end < later.window_end
            and later.window_start <= ended.window_end + 30
    inner join {{ ref("fct_payout_line") }} as lines
        on
            later.payout_id = lines.payout_id
            and lines.date between greatest(ended.window_end + 1, later.window_start) and least(ended.window_end + 30, later.window_end)
    where lines.credited_measure < 0
    group by ended.agreement_id, ended.benefit_id
),

-- in the last period; null on the last tier, which max_by would pass over
achieved as (
    select payout_id, arg_max_null(next_tier_from, period) as next_tier_from, arg_max_null(gap_to_next_tier, period) as gap_to_next_tier
    from {{ ref("fct_achievement") }}
    group by payout_id
),

participants as (
    select agreement_id, benefit_id, participant_id, sum(payout) as paid
    from ended
    group by all
),

placed as (
    select
        agreement_id,
        benefit_id,
        paid,
        row_number() over (partition by agreement_id, benefit_id order by paid desc, participant_id asc) as place,
        count(*) over (partition by agreement_id, benefit_id) as counted
    from participants
),

concentrated as (
    select
        agreement_id,
        benefit_id,
        any_value(counted) as counted,
        sum(paid) as paid,
        sum(paid) filter (where place <= ceil(counted / 10.0)) as paid_to_top
    from placed
    group by all
    having sum(paid) > 0
),

delivered as (
    select
        ended.agreement_id,
        ended.benefit_id,
        ended.window_end,
        metrics.metric,
        case when ended.payout > 0 then 'quality_where_paid' else 'quality_where_not_paid' end as figure,
        metrics.value
    from ended
    inner join {{ ref("dim_metric") }} as metrics
        on ended.participant_id = metrics.participant_id and metrics.date between ended.window_start and ended.window_end
),

measured as (
    select agreement_id, benefit_id, figure, metric as part, count(*) as counted, sum(value) as total
    from delivered
    group by all
    union all
    select agreement_id, benefit_id, 'quality_over_time' as figure, metric || ', ' || window_end as part, count(*) as counted, sum(value) as total
    from delivered
    group by all
),

figures as (
    select agreement_id, benefit_id, 'attainment_median' as figure, null as part, quantile_disc(attainment, 0.5)::double as value, count(*) as counted
    from attained
    group by all

    union all

    select
        agreement_id,
        benefit_id,
        'attainment_band',
        band,
        count(*) / sum(count(*)) over (partition by agreement_id, benefit_id),
        sum(count(*)) over (partition by agreement_id, benefit_id)
    from attained
    group by agreement_id, benefit_id, band

    union all

    select agreement_id, benefit_id, 'attainment_near_target', null, count(*) filter (where attainment between 0.8 and 1.2) / count(*), count(*)
    from attained
    group by all

    union all

    select
        agreement_id,
        benefit_id,
        'tier_share',
        tier::varchar,
        count(*) / sum(count(*)) over (partition by agreement_id, benefit_id),
        sum(count(*)) over (partition by agreement_id, benefit_id)
    from ended
    where tier is not null
    group by agreement_id, benefit_id, tier

    union all

    select
        agreement_id,
        benefit_id,
        figure,
        null,
        (n * sum_xy - sum_x * sum_y)::double / sqrt((n * sum_xx - sum_x * sum_x)::double * (n * sum_yy - sum_y * sum_y)::double),
        n
    from ranked
    where n * sum_xx > sum_x * sum_x and n * sum_yy > sum_y * sum_y

    union all

    select agreement_id, benefit_id, 'cost_per_incremental_unit', null, sum(payout)::double / sum(increment)::double, count(*)
    from spans
    where increment is not null
    group by all
    having sum(increment) > 0

    union all

    select agreement_id, benefit_id, 'last_days_against_even', null, last_days::double / even::double, counted
    from timed
    where even > 0

    union all

    select timed.agreement_id, timed.benefit_id, 'returns_after_end', null, coalesce(returned.amount, 0)::double / timed.whole::double, timed.counted
    from timed
    left join returned on timed.agreement_id = returned.agreement_id and timed.benefit_id = returned.benefit_id

    union all

    select
        ended.agreement_id,
        ended.benefit_id,
        'near_misses',
        null,
        count(*) filter (where achieved.gap_to_next_tier > 0 and achieved.gap_to_next_tier * 20 <= achieved.next_tier_from) / count(*),
        count(*)
    from ended
    inner join achieved on ended.payout_id = achieved.payout_id
    where achieved.next_tier_from > 0
    group by all

    union all

    select agreement_id, benefit_id, 'concentration', null, paid_to_top::double / paid::double, counted
    from concentrated

    union all

    select agreement_id, benefit_id, figure, part, total::double / counted, counted
    from measured

    union all

    select agreement_id, benefit_id, 'volume_over_time', window_end::varchar, sum(measure)::double, count(*)
    from spans
    where measure is not null
    group by agreement_id, benefit_id, window_end

    union all

    select agreement_id, benefit_id, 'effective_rate', window_end::varchar, sum(payout)::double / sum(base)::double, count(*)
    from spans
    where base_kind in ('amount', 'margin', 'cost') or (base_kind = 'measure' and measure_kind in ('amount', 'margin', 'cost'))
    group by agreement_id, benefit_id, window_end
    having sum(base) > 0

    union all

    select agreement_id, null, 'days_to_review', max(review_by_date)::varchar, max(review_by_date) - (select max(as_of) from {{ ref("audit_run") }}), 1
    from {{ ref("dim_agreement") }}
    where review_by_date is not null
    group by agreement_id
),

-- what each figure is in, from how many payouts on it says something, and how it is computed
described as (
    from (
        values
        ('attainment_median', 'share of the target', 10, 'the middle one of measure / target, of payouts of ended windows with a target above 0'),
        ('attainment_band', 'share of payouts', 10, 'payouts by measure / target'),
        ('attainment_near_target', 'share of payouts', 10, 'payouts within 20 % of their target, both ends included'),
        ('tier_share', 'share of payouts', 10, 'payouts of ended windows by the tier reached'),
        ('attainment_by_size', 'correlation', 10, 'rank correlation (Spearman) of target and attainment; fair targets show none'),
        ('attainment_by_growth', 'correlation', 10, 'rank correlation (Spearman) of growth on the baseline and attainment'),
        ('cost_per_incremental_unit', 'currency per unit', 1, 'payouts / (measure - baseline), each summed over spans with a baseline'),
        ('last_days_against_even', 'ratio', 10, 'measure of the last 5 days of windows of 4 weeks and more / that of 5 average days; above 1: early orders'),
        ('returns_after_end', 'share of the measure', 10, 'lines below 0 in the 30 days after a window / the measure of the windows'),
        ('near_misses', 'share of payouts', 10, 'payouts that missed the next tier by at most 5 % of its threshold'),
        ('concentration', 'share of the payout', 10, 'what the highest paid tenth of the participants gets'),
        ('quality_where_paid', 'unit of the metric', 10, 'average of a metric in windows that paid'),
        ('quality_where_not_paid', 'unit of the metric', 10, 'average of a metric in windows that did not pay'),
        ('quality_over_time', 'unit of the metric', 1, 'average of a metric in the windows that end on the day'),
        ('volume_over_time', 'unit of the measure', 1, 'measure of the spans whose last ended window ends on the day'),
        ('effective_rate', 'share of the base', 1, 'payouts / base of the spans whose last ended window ends on the day, where the base is money'),
        ('days_to_review', 'days', 1, 'days from as_of to the day by which the agreement is to be reviewed; below 0: overdue')
    ) as described (figure, unit, least_counted, computed_as)
)

select
    figures.agreement_id,
    figures.benefit_id,
    figures.figure,
    figures.part,
    round(figures.value, 6)::decimal(38, 6) as value,
    described.unit,
    figures.counted::bigint as counted,
    figures.counted >= described.least_counted as is_meaningful,
    described.computed_as
from figures
inner join described on figures.figure = described.figure
