{#
  The body of int_lines_credited: every line meets every membership of its partner, seven times as many rows as are credited; they carry keys
  alone until the scope is decided. `is_netted`: for net_of agreements alone, with what other agreements pay on a line taken off before it is shared.
#}
{% macro credited_lines(is_netted=false) -%}
{%- set parts = parts_in_use() -%}
{%- set line_columns = [
    "line_set_key", "participant_key", "file_no", "row_no", "transaction_id", "line", "date", "partner_key", "product_key", "source_amount", "day_key",
    "period_no", "prior_period_no", "is_in_term",
] -%}
with

{{ lines_and_memberships(parts, is_netted) }},

{% if parts.claims %}
{{ lines_lost(parts) }},
{% endif %}

matched as (
    {{ matched_lines("whole_spans", parts, is_netted) }}
),

matched_pieces as (
    {{ matched_lines("piece_spans", parts, is_netted) }}
),

shared as (
    {{ shared_lines("matched", line_columns, parts, is_netted) }}
),

-- members of one pool who are each assigned a part of a line: one row, the sum of their parts
pooled as (
    select
        {{ line_columns | join(", ") }},
        cast(sum(amount_millionths) as bigint) as amount_millionths,
        cast(sum(cost_millionths) as bigint) as cost_millionths,
        any_value(quantity_millionths) as quantity_millionths,
        any_value(attribute_millionths) as attribute_millionths,
        cast(sum(share_millionths) as bigint) as share_millionths
    from ({{ shared_lines("matched_pieces", line_columns, parts, is_netted) }})
    group by {{ line_columns | join(", ") }}
)

select * from shared
where is_in_term or prior_period_no is not null
union all
select * from pooled
where is_in_term or prior_period_no is not null
{%- endmacro %}

{# What lines are joined with, and the lines themselves with whatever the agreements ask of them. #}
{% macro lines_and_memberships(parts, is_netted) -%}
{%- set originals_flag = ", counts_originals" if parts.originals -%}
{%- if parts.originals %}
-- a line counts on the day of its original where an agreement says so; one whose original is not there on its own
originals as (
    select transaction_id, min(date) as first_day
    from {{ ref("stg_transactions") }}
    where transaction_id in (select original_transaction_id from {{ source("raw", "transactions") }})
    group by transaction_id
),

{% endif -%}
lines as not materialized (
    select
        transactions.*
        {%- if parts.originals %},
        coalesce(originals.first_day, transactions.date) as original_date
        {%- endif %}
    from (
        select
            *
            {%- if parts.conditions %},
            {{ conditions_as_bits(parts.conditions) }} as conditions_held
            {%- endif %}
            {%- for _, column in parts.attributes %},
            {{ number_in_text(identifier(column)) }} as measured_{{ loop.index0 }}
            {%- endfor %}
        from {{ ref("stg_transactions") }}
    ) as transactions
    {%- if parts.originals %}
    left join originals on transactions.original_transaction_id = originals.transaction_id
    {%- endif %}
),

memberships as not materialized (
    select * from {{ ref("int_memberships") }}
    {%- if is_netted %}
    where agreement_key in (select agreement_key from {{ source("terms", "nets") }})
    {%- endif %}
),

whole_spans as (
    select membership_key, scope_key, partner_key, first_day, last_day{{ originals_flag }}
    from memberships
    where not is_pool_piece and line_set_key is not null
),

piece_spans as (
    select membership_key, scope_key, partner_key, first_day, last_day{{ originals_flag }}
    from memberships
    where is_pool_piece and line_set_key is not null
),

products as not materialized (
    select * from {{ ref("int_product_scope_bits") }}
),

days as not materialized (
    select * from {{ ref("int_days_converted") }}
)
{%- endmacro %}

{# The day that decides what a line counts for. #}
{% macro counted_date(parts) -%}
    {% if parts.originals %}case when spans.counts_originals then lines.original_date else lines.date end{% else %}lines.date{% endif %}
{%- endmacro %}

{# Lines with the memberships that hold them: partner, day, products, type, condition. #}
{% macro lines_held(spans, parts) -%}
    from lines
    inner join products on lines.product_key = products.product_key
    inner join {{ spans }} as spans
        on lines.partner_key = spans.partner_key
        and {{ counted_date(parts) }} between spans.first_day and spans.last_day
        and get_bit(products.scopes, spans.scope_key) = 1
    inner join memberships on spans.membership_key = memberships.membership_key
{%- endmacro %}

{% macro is_counted(parts) -%}
    case lines.type
        when 'sale' then memberships.counts_sale
        when 'return' then memberships.counts_return
        when 'credit' then memberships.counts_credit
        else memberships.counts_adjustment
    end
    {%- if parts.conditions %}
    and (memberships.condition_key is null or get_bit(lines.conditions_held, memberships.condition_key) = 1)
    {%- endif %}
{%- endmacro %}

{% macro matched_lines(spans, parts, is_netted) -%}
    select
        memberships.line_set_key,
        memberships.participant_key,
        lines.file_no,
        lines.row_no,
        lines.transaction_id,
        lines.line,
        lines.date,
        lines.partner_key,
        lines.product_key,
        lines.amount as source_amount,
        lines.cost as source_cost,
        lines.quantity as source_quantity,
        {%- if parts.attributes %}
        case memberships.attribute
            {%- for name, _ in parts.attributes %}
            when {{ text_literal(name) }} then lines.measured_{{ loop.index0 }}
            {%- endfor %}
        end as attribute_millionths,
        {%- endif %}
        {%- if is_netted %}
        coalesce(paid.paid_ten_thousandths, 0) * 100 as paid_millionths,
        {%- endif %}
        days.day_key,
        days.from_currency = days.to_currency as has_own_currency,
        days.narrow_limit,
        days.narrow_rate,
        days.wide_rate,
        days.wide_divisor,
        days.share_divisor,
        days.minor_millionths,
        days.period_no,
        case when memberships.needs_prior_year and days.counts_as between memberships.term_from and memberships.term_to then days.prior_period_no end
            as prior_period_no,
        {{ counted_date(parts) }} between memberships.term_from and memberships.term_to
        {%- if parts.claims %} and lines_lost.agreement_key is null{% endif %} as is_in_term,
        memberships.share_from,
        memberships.share_to
    {{ lines_held(spans, parts) }}
    inner join days
        on {{ counted_date(parts) }} = days.day
        and lines.currency = days.from_currency
        and memberships.conversion_key = days.conversion_key
    {%- if parts.claims %}
    left join lines_lost
        on memberships.agreement_key = lines_lost.agreement_key
        and lines.file_no = lines_lost.file_no
        and lines.row_no = lines_lost.row_no
    {%- endif %}
    {%- if is_netted %}
    left join {{ source("calc", "lines_netted") }} as paid
        on memberships.agreement_key = paid.agreement_key
        and lines.file_no = paid.file_no
        and lines.row_no = paid.row_no
    {%- endif %}
    where {{ is_counted(parts) }}
{%- endmacro %}

{# As written, in the agreement's currency, in the participant's share: each step once per line. #}
{% macro shared_lines(matched, line_columns, parts, is_netted) -%}
    select
        {{ line_columns | join(", ") }},
        {{ share_of("amount_millionths") }} as amount_millionths,
        {{ share_of("cost_millionths") }} as cost_millionths,
        quantity_millionths,
        {{ "attribute_millionths" if parts.attributes else "cast(null as bigint) as attribute_millionths" }},
        share_to - share_from as share_millionths
    from (
        select
            * exclude (amount_millionths, cost_millionths, share_from, share_to),
            {{ convert_amount("lines.amount_millionths") }}{% if is_netted %} - lines.paid_millionths{% endif %} as amount_millionths,
            {{ convert_amount("lines.cost_millionths") }} as cost_millionths,
            {{ millionths("lines.share_from") }} as share_from,
            {{ millionths("lines.share_to") }} as share_to
        from (
            select
                *,
                {{ millionths("source_amount") }} as amount_millionths,
                {{ millionths("source_cost") }} as cost_millionths,
                {{ millionths("source_quantity") }} as quantity_millionths
            from {{ matched }}
        ) as lines
    )
{%- endmacro %}

{#
  Agreements that lose a line within their exclusive group: it is kept by the lowest priority (then id) among those whose claim holds it.
  A claim holds what the agreement's own scope, days, term and participants hold.
#}
{% macro lines_lost(parts) -%}
{%- set originals_flag = ", counts_originals" if parts.originals -%}
claims as (
    select membership_key, scope_key, partner_key, first_day, last_day{{ originals_flag }}
    from memberships
    where line_set_key is null
),

lines_claimed as (
    select distinct memberships.agreement_key, lines.file_no, lines.row_no
    {{ lines_held("claims", parts) }}
    where {{ is_counted(parts) }}
),

lines_kept as (
    select
        agreements.combine_group,
        lines_claimed.file_no,
        lines_claimed.row_no,
        arg_min(agreements.agreement_id, (agreements.priority, agreements.agreement_id)) as agreement_id
    from lines_claimed
    inner join {{ source("terms", "agreements") }} as agreements on lines_claimed.agreement_key = agreements.agreement_key
    group by agreements.combine_group, lines_claimed.file_no, lines_claimed.row_no
),

lines_lost as (
    select agreements.agreement_key, lines_kept.file_no, lines_kept.row_no
    from lines_kept
    inner join {{ source("terms", "agreements") }} as agreements on lines_kept.combine_group = agreements.combine_group
    where agreements.combine_rule = 'exclusive' and agreements.agreement_id <> lines_kept.agreement_id
)
{%- endmacro %}

{# The lines that benefits measure, and their sums: gross ones, and netted ones for agreements that are net of others. #}
{% macro measured_lines() -%}
    {{ gross_or_netted(ref("int_lines_credited"), ref("int_lines_netted")) }}
{%- endmacro %}

{% macro measured_sums() -%}
    {{ gross_or_netted(ref("int_measures_summed"), ref("int_measures_netted")) }}
{%- endmacro %}

{% macro gross_or_netted(gross, netted) -%}
    {%- if parts_in_use().nets -%}
    (
        select * from {{ gross }}
        where line_set_key not in ({{ netted_line_sets() }})
        union all
        select * from {{ netted }}
    )
    {%- else -%}
    {{ gross }}
    {%- endif -%}
{%- endmacro %}

{% macro netted_line_sets() -%}
    select line_set_key from {{ source("terms", "line_sets") }} where agreement_key in (select agreement_key from {{ source("terms", "nets") }})
{%- endmacro %}

{# The body of int_measures_summed, of gross or of netted lines. #}
{% macro summed_measures(lines) -%}
{%- set parts, days = parts_in_use(), ref("int_days_converted") -%}
with

lines as (
    select * from {{ lines }}
),

-- figures: 0 this year's, 1 the prior year's, 2 those of it that stand for a day after as_of
dated as (
    select
        line_set_key, participant_key, period_no, 0 as figures,
        amount_millionths, cost_millionths, quantity_millionths, attribute_millionths, share_millionths
    from lines
    where is_in_term
    {%- if parts.prior_years %}
    union all
    select
        lines.line_set_key, lines.participant_key, lines.prior_period_no, case when days.is_after_as_of then 2 else 1 end,
        lines.amount_millionths, lines.cost_millionths, lines.quantity_millionths, lines.attribute_millionths, lines.share_millionths
    from lines
    inner join {{ days }} as days on lines.day_key = days.day_key
    where lines.prior_period_no is not null
    {%- endif %}
)

select
    dated.line_set_key,
    dated.participant_key,
    dated.period_no,
    dated.figures > 0 as is_prior,
    dated.figures = 2 as is_after_as_of,
    {{ as_decimal("sum(dated.amount_millionths)", 6) }} as amount,
    {{ as_decimal("sum(dated.cost_millionths)", 6) }} as cost,
    {{ as_decimal("sum(cast(dated.quantity_millionths as hugeint) * dated.share_millionths)", 12) }} as quantity,
    {%- if parts.attributes %}
    {{ as_decimal("sum(cast(dated.attribute_millionths as hugeint) * dated.share_millionths)", 12) }} as attribute_value,
    {%- else %}
    cast(null as decimal(38, 12)) as attribute_value,
    {%- endif %}
    count(*) as line_count,
    count(*) filter (where dated.amount_millionths is null) as missing_rates,
    -- without a rate there is no cost either: that is one thing missing, not two
    count(*) filter (where dated.cost_millionths is null and dated.amount_millionths is not null) as missing_costs,
    count(*) filter (where dated.quantity_millionths is null) as missing_quantities,
    {%- if parts.attributes %}
    count(*) filter (where line_sets.attribute is not null and dated.attribute_millionths is null) as missing_attributes
    {%- else %}
    cast(0 as bigint) as missing_attributes
    {%- endif %}
from dated
{%- if parts.attributes %}
inner join {{ source("terms", "line_sets") }} as line_sets on dated.line_set_key = line_sets.line_set_key
{%- endif %}
group by dated.line_set_key, dated.participant_key, dated.period_no, dated.figures
{%- endmacro %}
