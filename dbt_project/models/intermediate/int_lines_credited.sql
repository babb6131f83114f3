{% set matched %}
    select
        memberships.basis_key,
        memberships.participant_key,
        lines.file_no,
        lines.row_no,
        lines.transaction_id,
        lines.line,
        lines.date,
        lines.partner_key,
        lines.product_key,
        lines.amount as source_amount,
        lines.currency,
        days.fx_rate,
        days.minor_millionths,
        days.share_divisor,
        days.period_no,
        case when memberships.looks_back and days.counts_as between memberships.term_from and memberships.term_to then days.prior_period_no end
            as prior_period_no,
        lines.date between memberships.term_from and memberships.term_to as is_in_term,
        {{ convert_amount("lines.amount") }} as amount,
        {{ convert_amount("lines.cost") }} as cost,
        lines.quantity,
        memberships.share_from,
        memberships.share_to
    from lines
    inner join memberships
        on lines.partner_key = memberships.partner_key
        and lines.date between memberships.first_day and memberships.last_day
        and case lines.type
            when 'sale' then memberships.counts_sale
            when 'return' then memberships.counts_return
            when 'credit' then memberships.counts_credit
            else memberships.counts_adjustment
        end
    inner join products_scoped on memberships.scope_key = products_scoped.scope_key and lines.product_key = products_scoped.product_key
    inner join days on lines.date = days.day and lines.currency = days.from_currency and memberships.currency = days.to_currency
{% endset %}

with

lines as (
    select * from {{ ref("stg_transactions") }}
),

products_scoped as (
    select * from {{ ref("int_products_scoped") }}
),

days as (
    select * from {{ ref("int_days_converted") }}
),

memberships as (
    select
        memberships.basis_key,
        memberships.partner_key,
        memberships.participant_key,
        memberships.share_from,
        memberships.share_to,
        memberships.is_pool_piece,
        bases.scope_key,
        bases.looks_back,
        agreements.currency,
        agreements.term_from,
        agreements.term_to,
        -- only to pass fewer lines on: a year of any calendar is shorter than 400 days
        greatest(memberships.first_day, case when bases.looks_back then agreements.term_from - 400 else agreements.term_from end) as first_day,
        least(memberships.last_day, agreements.term_to) as last_day,
        scopes.counts_sale,
        scopes.counts_return,
        scopes.counts_credit,
        scopes.counts_adjustment
    from {{ ref("int_memberships") }} as memberships
    inner join {{ source("terms", "bases") }} as bases on memberships.basis_key = bases.basis_key
    inner join {{ source("terms", "agreements") }} as agreements on bases.agreement_key = agreements.agreement_key
    inner join {{ source("terms", "scopes") }} as scopes on bases.scope_key = scopes.scope_key
),

matched as (
    {{ matched }}
    where not memberships.is_pool_piece
),

matched_pieces as (
    {{ matched }}
    where memberships.is_pool_piece
),

shared as (
    select
        * exclude (amount, cost, quantity),
        {{ share_of("amount") }} as amount,
        {{ share_of("cost") }} as cost,
        cast(quantity * (share_to - share_from) as decimal(38, 12)) as quantity
    from matched
),

shared_pieces as (
    select
        * exclude (amount, cost, quantity),
        {{ share_of("amount") }} as amount,
        {{ share_of("cost") }} as cost,
        cast(quantity * (share_to - share_from) as decimal(38, 12)) as quantity
    from matched_pieces
),

-- members of one pool who are each assigned a part of a line: one row, the sum of their parts
pooled as (
    select
        basis_key,
        participant_key,
        file_no,
        row_no,
        transaction_id,
        line,
        date,
        partner_key,
        product_key,
        source_amount,
        currency,
        fx_rate,
        period_no,
        prior_period_no,
        is_in_term,
        sum(amount) as amount,
        sum(cost) as cost,
        sum(quantity) as quantity
    from shared_pieces
    group by all
),

credited as (
    select * exclude (share_from, share_to, minor_millionths, share_divisor) from shared
    union all by name
    select * from pooled
)

select
    basis_key,
    participant_key,
    file_no,
    row_no,
    transaction_id,
    line,
    date,
    partner_key,
    product_key,
    source_amount,
    currency,
    fx_rate,
    period_no,
    prior_period_no,
    is_in_term,
    cast(amount as decimal(18, 6)) as amount,
    cast(cost as decimal(18, 6)) as cost,
    cast(quantity as decimal(38, 12)) as quantity
from credited
where is_in_term or prior_period_no is not null
