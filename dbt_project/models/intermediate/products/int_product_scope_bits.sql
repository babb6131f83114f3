{#
  One bit per scope: at transaction grain a scope is looked up while lines meet memberships, not joined. A join with every pair of scope and
  product takes three times as long.
#}
select product_key, bitstring_agg(scope_key, 0, {{ var("book").last_scope_key }}) as scopes
from {{ ref("int_products_scoped") }}
group by product_key
