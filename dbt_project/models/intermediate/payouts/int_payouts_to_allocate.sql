{#
  Where a payout is its exact value, only rounded, its lines take their shares of that; else of the payout itself. A line's share is the payout allocated
  up to it, running × share_numerator / share_divisor rounded, minus that of the line before. `running` is the running measure, or for graduated payouts the
  running weight of the slices. The fraction is in lowest terms: a rate that stays gives the same one, however many lines follow.
#}
{% set has_groups = var("book").has_groups or var("book").has_parts %}
with

slices as (
    select
        payout_key,
        any_value(weight_total) as weight_total,
        bool_or(is_mixed) as is_mixed,
        bool_and(has_exact_weights) as has_exact_weights
    from {{ ref("int_payout_tier_slices") }}
    group by payout_key
),

{% if var("book").pays_lines %}
-- lines that are paid by themselves
pieces as (
    select
        payout_key,
        sum({{ units("weight") }}) as weight_total,
        bit_xor(hash(payout_pieces)) as digest
    from {{ source("calc", "payout_pieces") }} as payout_pieces
    group by payout_key
),

{% endif %}
{% if has_groups %}
-- groups of lines share what each of them earns, and lines of a version's days what it pays
groups as (
    select
        payout_key,
        sum({{ units("pays") }}) as weight_total,
        bit_xor(hash(payout_groups)) as digest
    from {{ source("calc", "payout_groups") }} as payout_groups
    where line_count > 0
    group by payout_key
),

{% endif %}
wholes as (
    select
        payouts.*,
        {% if has_groups %}
        groups.digest as groups_digest,
        {% endif %}
        {% if var("book").pays_lines %}
        pieces.digest as pieces_digest,
        {% endif %}
        case
            when false then null
            {% if has_groups %}
            when payouts.is_of_groups then case when payouts.window_units > 0 then groups.weight_total end
            {% endif %}
            {% if var("book").pays_lines %}
            when payouts.is_by_line then case when payouts.window_units > 0 then pieces.weight_total end
            {% endif %}
            else coalesce(slices.weight_total, payouts.window_millionths, payouts.window_units)
        end as running_total,
        coalesce(slices.has_exact_weights, true) as has_exact_weights,
        coalesce(slices.is_mixed, false) as is_mixed,
        -- a product with the running total must fit 128 bits twice
        5e37 / cast(running_total as double) as most,
        cast(floor(log2(most)) - ceil(log2(abs(cast(payouts.payout_units as double)) + 1)) as integer) - 1 as spare_bits
    from {{ ref("int_payouts_measured") }} as payouts
    left join slices on payouts.payout_key = slices.payout_key
    {% if has_groups %}
    left join groups on payouts.payout_key = groups.payout_key
    {% endif %}
    {% if var("book").pays_lines %}
    left join pieces on payouts.payout_key = pieces.payout_key
    {% endif %}
    where running_total > 0
),

-- weights of several pay forms are rounded themselves
judged as (
    select
        *,
        exact_numerator is not null and not is_mixed and spare_bits >= 2 as is_exact,
        is_exact and greatest(abs(cast(exact_numerator as double)), cast(exact_divisor as double)) > most as is_cut,
        case when is_cut then cast(power(2, least(spare_bits, 60)) as hugeint) end as cut_divisor
    from wholes
),

-- a fraction that is too long is cut as in models/calculation/earnings/exact_payouts.py: the last bit is set where something was cut off
fractions as (
    select
        *,
        abs(exact_numerator) % exact_divisor * cut_divisor as cut_rest,
        abs(exact_numerator) // exact_divisor * cut_divisor + cut_rest // exact_divisor as cut_numerator,
        case
            when is_cut then sign(payout_units) * (cut_numerator + cast(cut_numerator % 2 = 0 and cut_rest % exact_divisor <> 0 as integer))
            when is_exact then exact_numerator
            else cast(payout_units as hugeint)
        end as numerator,
        case when is_cut then cut_divisor when is_exact then exact_divisor else 1 end * running_total as divisor,
        gcd(numerator, divisor) as common
    from judged
),

shared as (
    select
        payout_key,
        is_exact,
        {% if has_groups %}
        groups_digest,
        {% endif %}
        {% if var("book").pays_lines %}
        pieces_digest,
        {% endif %}
        numerator // common as share_numerator,
        divisor // common as share_divisor,
        -- with a divisor of 62 bits, divisor × payout fits 128 bits: no share is computed from rounded numbers
        has_constant_rate and is_exact and not is_cut and has_exact_weights and share_divisor <= 4000000000000000000 as has_constant_rate
    from fractions
)

select
    payouts.* exclude (exact_numerator, exact_divisor, has_constant_rate)
    replace (
        payouts.is_of_groups and shared.payout_key is not null as is_of_groups,
        payouts.is_by_line and shared.payout_key is not null as is_by_line
    ),
    -- lines that measure nothing have 0 each, and a row of its own carries the payout
    coalesce(shared.share_numerator, 0) as share_numerator,
    coalesce(shared.share_divisor, 1) as share_divisor,
    shared.payout_key is null and payouts.payout_units <> 0 as is_unshared,
    -- up to this running measure, twice the product fits 64 bits
    case
        when coalesce(shared.share_divisor, 1) > 1000000000000000000 then -1
        else 4000000000000000000 // greatest(abs(coalesce(shared.share_numerator, 0)), 1)
    end as narrow_limit,
    try_cast(coalesce(shared.share_numerator, 0) as bigint) as narrow_numerator,
    try_cast(coalesce(shared.share_divisor, 1) as bigint) as narrow_divisor,
    {% if has_groups %}
    shared.groups_digest,
    {% endif %}
    {% if var("book").pays_lines %}
    shared.pieces_digest,
    {% endif %}
    coalesce(shared.is_exact, false) as is_exact,
    coalesce(shared.has_constant_rate, false) as has_constant_rate
from {{ ref("int_payouts_measured") }} as payouts
left join shared on payouts.payout_key = shared.payout_key
where payouts.payout_units <> 0 or payouts.line_count > 0
