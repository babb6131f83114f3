{#
  A view over published tables, never stored: source rows × agreements are many times the lines. Publishing makes the same view in tierledger.duckdb, and
  `why-not` asks it of single rows (assets/published/audited_lines.py), so it reads nothing but published tables, by `ref` alone.
#}
with

lines as (
    select
        source_file,
        source_sha256,
        source_row,
        disposition,
        date,
        coalesce(original_date, date) as original_date,
        partner_id,
        product_id,
        type,
        conditions_held,
        credit_no
    from {{ ref("fct_transaction") }}
),

-- agreements that the partner's lines can reach on some day
reached_by_partner as (
    select distinct agreement_id, partner_id from {{ ref("audit_road") }}
),

-- those that someone takes part in who is named for a transaction or line
reached_by_name as (
    select distinct roads.agreement_id, credits.credit_no
    from {{ ref("dim_credit") }} as credits
    inner join {{ ref("audit_named_road") }} as roads on credits.participant_id = roads.member_id
),

reached as (
    select lines.source_sha256, lines.source_row, reached_by_partner.agreement_id
    from lines
    inner join reached_by_partner on lines.partner_id = reached_by_partner.partner_id
    union all
    select lines.source_sha256, lines.source_row, reached_by_name.agreement_id
    from lines
    inner join reached_by_name on lines.credit_no = reached_by_name.credit_no
    where not exists (
        select 1
        from reached_by_partner
        where reached_by_partner.partner_id = lines.partner_id and reached_by_partner.agreement_id = reached_by_name.agreement_id
    )
),

-- the roads of a line: those of its partner, and those of whoever is named for it, instead of assignments
roads_of_lines as (
    select
        lines.*,
        roads.agreement_id,
        roads.agreement_version,
        roads.participant_id,
        roads.valid_from,
        roads.valid_to,
        roads.takes_part_from,
        roads.takes_part_to,
        case when roads.is_assigned then case when lines.credit_no is null then 'assignment' else 'replaced' end else 'own' end as road,
        roads.share_to > roads.share_from as has_share
    from lines
    inner join {{ ref("audit_road") }} as roads on lines.partner_id = roads.partner_id
    where lines.disposition = 'loaded'
    union all
    select
        lines.*,
        roads.agreement_id,
        roads.agreement_version,
        roads.participant_id,
        roads.valid_from,
        roads.valid_to,
        roads.takes_part_from,
        roads.takes_part_to,
        'named' as road,
        credits.share > 0 as has_share
    from lines
    inner join {{ ref("dim_credit") }} as credits on lines.credit_no = credits.credit_no
    inner join {{ ref("audit_named_road") }} as roads on credits.participant_id = roads.member_id
    where lines.disposition = 'loaded'
),

-- a line meets every road and everything that the version asks. Of a pair of days the first decides, the second is the line's own
met as (
    select
        lines.source_sha256,
        lines.source_row,
        agreements.agreement_id,
        agreements.agreement_version,
        agreements.combine_group,
        agreements.combine_rule,
        agreements.priority,
        scopes.benefit_id,
        scopes.scope_no,
        scopes.is_claim,
        lines.participant_id,
        lines.valid_from,
        lines.valid_to,
        lines.takes_part_from,
        lines.takes_part_to,
        lines.road,
        lines.has_share,
        case when agreements.returns = 'original' then lines.original_date else lines.date end as counted_date,
        counted_date between lines.valid_from and lines.valid_to as is_on_road,
        lines.date between lines.valid_from and lines.valid_to as is_on_road_itself,
        greatest(scopes.counts_from, lines.takes_part_from) as first_day,
        least(scopes.counts_to, lines.takes_part_to) as last_day,
        scopes.counts_to is not null and counted_date between first_day and last_day as is_in_term,
        scopes.counts_to is not null and lines.date between first_day and last_day as is_in_term_itself,
        case lines.type
            when 'sale' then scopes.counts_sale
            when 'return' then scopes.counts_return
            when 'credit' then scopes.counts_credit
            else scopes.counts_adjustment
        end as is_of_type,
        coalesce(substr(products.scopes, scopes.scope_no + 1, 1) = '1', false) as is_in_scope,
        scopes.condition_no is null or coalesce(substr(lines.conditions_held, scopes.condition_no + 1, 1) = '1', false) as is_where
    from roads_of_lines as lines
    inner join {{ ref("dim_agreement") }} as agreements
        on lines.agreement_id = agreements.agreement_id and lines.agreement_version = agreements.agreement_version
    inner join {{ ref("dim_scope") }} as scopes
        on lines.agreement_id = scopes.agreement_id and lines.agreement_version = scopes.agreement_version
    left join {{ ref("audit_product_scope") }} as products
        on coalesce(lines.product_id, '') = coalesce(products.product_id, '') and lines.date between products.valid_from and products.valid_to
),

-- how far the line comes: the number of the first thing that fails, as in `reasons`
placed as (
    select
        *,
        road <> 'replaced' and is_in_term and is_on_road and is_of_type and is_in_scope and is_where as is_held,
        case
            when road = 'replaced' then 2
            when not (is_on_road or is_on_road_itself) then case when road = 'own' then 1 else 2 end
            when not (is_in_term or is_in_term_itself) then 3
            when not is_of_type then 4
            when not is_in_scope then 5
            when not is_where then 6
            when not (is_on_road and is_in_term) then 7
            when not has_share then 9
            else 10
        end as place
    from met
),

-- in an exclusive group the line is kept by the agreement with the lowest priority, then id, among those whose claims hold it
kept as (
    select source_sha256, source_row, combine_group, arg_min(agreement_id, (priority, agreement_id)) as agreement_id
    from placed
    where is_claim and is_held and has_share and combine_group is not null
    group by source_sha256, source_row, combine_group
),

decided as (
    select
        placed.* exclude (place),
        kept.agreement_id as kept_by,
        case when placed.place >= 9 and placed.combine_rule = 'exclusive' and kept.agreement_id <> placed.agreement_id then 8 else placed.place end as place
    from placed
    left join kept
        on placed.source_sha256 = kept.source_sha256 and placed.source_row = kept.source_row and placed.combine_group = kept.combine_group
    where not placed.is_claim
),

-- of several roads, versions and benefits the one counts on which the line comes farthest
farthest as (
    select source_sha256, source_row, agreement_id, max(place) as place
    from decided
    group by source_sha256, source_row, agreement_id
),

reasons (place, reason) as (
    values (1, 'partner'), (2, 'assignment'), (3, 'term'), (4, 'type'), (5, 'product'), (6, 'where'), (7, 'original'), (8, 'exclusive'), (9, 'share 0'),
        (10, 'counted')
)

select
    lines.source_file,
    lines.source_sha256,
    lines.source_row,
    reached.agreement_id,
    case when lines.disposition <> 'loaded' then lines.disposition else coalesce(reasons.reason, 'partner') end as reason
from lines
left join reached on lines.source_sha256 = reached.source_sha256 and lines.source_row = reached.source_row
left join farthest
    on lines.source_sha256 = farthest.source_sha256 and lines.source_row = farthest.source_row and reached.agreement_id = farthest.agreement_id
left join reasons on farthest.place = reasons.place
