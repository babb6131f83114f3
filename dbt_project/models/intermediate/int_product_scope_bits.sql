-- depends_on: {{ ref('int_products_scoped') }}
{#
  One bit per scope: at transaction grain a scope is looked up while lines meet memberships, not joined. A join with every pair of scope and
  product takes three times as long.
#}
{% set last_key = run_query("select coalesce(max(scope_key), 0) from " ~ source("terms", "scopes")).columns[0][0] if execute else 0 %}
select product_key, bitstring_agg(scope_key, 0, {{ last_key }}) as scopes
from {{ ref("int_products_scoped") }}
group by product_key
