-- depends_on: {{ ref('stg_products') }}
-- one bit per product_key: at transaction grain a scope is looked up, not joined. A join with every pair of scope and product takes twice the time
{% set last_key = run_query("select coalesce(max(product_key), 0) from " ~ ref("stg_products")).columns[0][0] if execute else 0 %}
with

packed as (
    select scope_key, bitstring_agg(product_key, 0, {{ last_key }}) as products
    from {{ ref("int_products_scoped") }}
    group by scope_key
)

select
    scopes.scope_key,
    scopes.counts_sale,
    scopes.counts_return,
    scopes.counts_credit,
    scopes.counts_adjustment,
    packed.products
from packed
inner join {{ source("terms", "scopes") }} as scopes on packed.scope_key = scopes.scope_key
