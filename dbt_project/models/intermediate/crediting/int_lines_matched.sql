{{ config(materialized="view") }}
{#
  A view for int_lines_credited and int_lines_to_net, which run it with its joins in the order in which they are written. Every line meets every
  membership of its partner, seven times as many rows as match: they carry keys alone until the scope is decided.
#}
{% set book = var("book") %}
with

{% if book.has_credits %}
credits as (
    {{ credits_to_join() }}
),

{% endif %}
typed as not materialized (
    select
        transactions.*,
        {% if book.has_originals %}
        -- a line counts on the day of its original where an agreement says so; one whose original is not there on its own
        coalesce(originals.first_day, transactions.date) as original_date,
        {% endif %}
        {% for _, column in book.measured %}
        {{ number_in_text(identifier(column)) }} as measured_{{ loop.index0 }},
        {% endfor %}
        {{ conditions_as_bits() }} as conditions_held
        {%- if book.has_credits %},
        {{ credit_of_line() }} as credit_key
        {%- endif %}
    from {{ ref("stg_transactions_changed") }} as transactions
    {% if book.has_credits %}
    {{ join_credits("credits") }}
    {% endif %}
    {% if book.has_originals %}
    left join {{ ref("int_originals_dated") }} as originals on transactions.original_transaction_id = originals.original_id
    {% endif %}
    where {{ line_counts("transactions") }}
),

-- the roads of a line: by its partner, and to everyone whom it is credited to by name
roads as not materialized (
    select *, partner_key as road_key{% if book.has_credits %}, cast(null as bigint) as credited_from, cast(null as bigint) as credited_to{% endif %}
    from typed
    {% if book.has_credits %}
    union all
    select typed.*, -1 - credited.participant_key, credited.share_from, credited.share_to
    from typed
    inner join {{ ref("int_credits_split") }} as credited on typed.credit_key = credited.credit_key
    where credited.share_from < credited.share_to
    {% endif %}
),

spans as not materialized (
    select
        membership_key,
        line_set_key,
        scope_key,
        coalesce(partner_key, -1 - member_key) as road_key,
        first_day,
        last_day,
        counts_originals,
        is_pool_piece,
        is_netted,
        road
    from {{ ref("int_memberships") }}
),

-- lines with the memberships that hold them: partner, day, products, type, condition
held as not materialized (
    select
        spans.line_set_key,
        spans.is_pool_piece,
        spans.is_netted,
        memberships.agreement_key,
        memberships.participant_key,
        memberships.conversion_key,
        memberships.needs_prior_year,
        memberships.is_prior_alone,
        memberships.term_from,
        memberships.term_to,
        {% if book.has_participations %}
        memberships.counts_from,
        memberships.counts_to,
        -- the same line may come more than once: by members of a pool, or by several spans of days of one participant
        memberships.is_pooled or memberships.counts_from > date '0001-01-01' as may_repeat,
        {% endif %}
        {% if book.has_credits %}
        coalesce(memberships.share_from, lines.credited_from) as share_from,
        coalesce(memberships.share_to, lines.credited_to) as share_to,
        {% else %}
        memberships.share_from,
        memberships.share_to,
        {% endif %}
        lines.file_no,
        lines.row_no,
        lines.transaction_id,
        lines.line,
        lines.date,
        {{ counted_date() }} as counted_date,
        lines.partner_key,
        lines.product_key,
        {{ number_of_type("lines.type") }} as type_no,
        lines.currency,
        lines.amount,
        lines.cost,
        lines.quantity,
        {{ measured_attribute() }} as attribute_millionths
        {%- if book.has_groups %},
        {{ group_of_line() }} as group_value
        {%- endif %}
    from roads as lines
    inner join {{ ref("int_product_scope_bits") }} as products on lines.product_key = products.product_key
    inner join spans
        on lines.road_key = spans.road_key
        and {{ counted_date() }} between spans.first_day and spans.last_day
        and get_bit(products.scopes, spans.scope_key) = 1
    inner join {{ ref("int_memberships") }} as memberships on spans.membership_key = memberships.membership_key
    {% if book.has_factors %}
    -- of the day that the line counts on
    left join {{ ref("int_attributes_numbered") }} as factors
        on memberships.attribute = factors.attribute
        and factors.id = case when starts_with(memberships.attribute, 'product.') then lines.product_id else lines.partner_id end
        and {{ counted_date() }} between factors.first_day and factors.last_day
    {% endif %}
    {% if book.has_groups %}
    left join {{ ref("int_attributes_numbered") }} as groups
        on memberships.grouped_by = groups.attribute
        and groups.id = case when starts_with(memberships.grouped_by, 'product.') then lines.product_id else lines.partner_id end
        and {{ counted_date() }} between groups.first_day and groups.last_day
    {% endif %}
    where
        case lines.type
            when 'sale' then memberships.counts_sale
            when 'return' then memberships.counts_return
            when 'credit' then memberships.counts_credit
            else memberships.counts_adjustment
        end
        and (memberships.condition_key is null or get_bit(lines.conditions_held, memberships.condition_key) = 1)
        {% if book.has_credits %}
        and (spans.road <> 'assignment' or lines.credit_key is null)
        -- who has a line already gets nothing more for it
        and (spans.road <> 'credit' or {% if book.has_participations %}memberships.is_pooled or {% endif %}not exists (
            select 1
            from {{ ref("int_memberships") }} as own
            where
                own.road = 'own'
                and own.line_set_key is not distinct from memberships.line_set_key
                and own.agreement_key = memberships.agreement_key
                and own.filled_key is not distinct from memberships.filled_key
                and own.partner_key = lines.partner_key
                and {{ counted_date() }} between own.first_day and own.last_day
        ))
        {% endif %}
),

{% if book.has_claims %}
-- in an exclusive group a line is kept by the agreement with the lowest priority (then id) among those whose claim holds it
lines_kept as (
    select
        agreements.combine_group,
        held.file_no,
        held.row_no,
        arg_min(agreements.agreement_id, (agreements.priority, agreements.agreement_id)) as agreement_id
    from held
    inner join {{ source("terms", "agreements") }} as agreements on held.agreement_key = agreements.agreement_key
    where held.line_set_key is null and {{ takes_part("held.counted_date") }}
    group by agreements.combine_group, held.file_no, held.row_no
),

lines_lost as (
    select agreements.agreement_key, lines_kept.file_no, lines_kept.row_no
    from lines_kept
    inner join {{ source("terms", "agreements") }} as agreements on lines_kept.combine_group = agreements.combine_group
    where agreements.combine_rule = 'exclusive' and agreements.agreement_id <> lines_kept.agreement_id
),

{% endif %}
dated as (
    select
        held.line_set_key,
        held.agreement_key,
        held.participant_key,
        held.is_pool_piece,
        held.is_netted,
        held.file_no,
        held.row_no,
        held.transaction_id,
        held.line,
        held.date,
        held.partner_key,
        held.product_key,
        held.type_no,
        held.amount as source_amount,
        held.cost as source_cost,
        {{ millionths("held.amount") }} as amount_millionths,
        {{ millionths("held.cost") }} as cost_millionths,
        {{ millionths("held.quantity") }} as quantity_millionths,
        held.attribute_millionths,
        {% if book.has_groups %}
        held.group_value,
        {% endif %}
        held.share_from,
        held.share_to,
        {% if book.has_participations %}
        held.may_repeat,
        {% endif %}
        days.day_key,
        days.from_currency = days.to_currency as has_own_currency,
        days.narrow_limit,
        days.narrow_rate,
        days.wide_rate,
        days.wide_divisor,
        days.share_divisor,
        days.minor_millionths,
        days.period_no,
        case when held.needs_prior_year and days.counts_as between held.term_from and held.term_to and {{ takes_part("days.counts_as") }}
            then days.prior_period_no end as prior_period_no,
        not held.is_prior_alone and held.counted_date between held.term_from and held.term_to and {{ takes_part("held.counted_date") }}
        {%- if book.has_claims %} and lines_lost.agreement_key is null{% endif %} as is_in_term
    from held
    inner join {{ ref("int_days_converted") }} as days
        on held.counted_date = days.day
        and held.currency = days.from_currency
        and held.conversion_key = days.conversion_key
    {% if book.has_claims %}
    left join lines_lost
        on held.agreement_key = lines_lost.agreement_key
        and held.file_no = lines_lost.file_no
        and held.row_no = lines_lost.row_no
    {% endif %}
    where held.line_set_key is not null
){% if book.has_participations %},

merged as (
    select * exclude (is_in_term, prior_period_no), bool_or(is_in_term) as is_in_term, max(prior_period_no) as prior_period_no
    from dated
    where may_repeat
    group by all
),

-- a member who has the line whole leaves nothing to members with a part of it; who takes part on its day may not a year later
settled as (
    select *
        replace (
            is_in_term and not (is_pool_piece and bool_or(is_in_term and not is_pool_piece) over same_line) as is_in_term,
            case when not is_pool_piece or max(case when not is_pool_piece then prior_period_no end) over same_line is null
                then prior_period_no end as prior_period_no
        )
    from merged
    window same_line as (partition by line_set_key, participant_key, file_no, row_no)
),

counted as (
    select * from dated where not may_repeat
    union all by name
    select * from settled where not is_pool_piece
    union all by name
    select * replace (null as prior_period_no) from settled where is_pool_piece
    union all by name
    select * replace (false as is_in_term) from settled where is_pool_piece
){% endif %}

select
    line_set_key,
    agreement_key,
    participant_key,
    is_pool_piece,
    is_netted,
    file_no,
    row_no,
    transaction_id,
    line,
    date,
    partner_key,
    product_key,
    type_no,
    source_amount,
    source_cost,
    day_key,
    period_no,
    prior_period_no,
    is_in_term,
    {% if book.has_groups %}
    group_value,
    {% endif %}
    {{ convert_amount("lines.amount_millionths") }} as amount_millionths,
    {{ convert_amount("lines.cost_millionths") }} as cost_millionths,
    quantity_millionths,
    attribute_millionths,
    share_from,
    share_to,
    share_divisor,
    minor_millionths
from {{ "counted" if book.has_participations else "dated" }} as lines
where is_in_term or prior_period_no is not null
