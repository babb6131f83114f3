-- a filter over stg_transactions_keyed would come after its joins
{% set rows = source("raw", "transactions") %}
{{ with_keys("(select rows.* from " ~ rows ~ " as rows where " ~ is_changed("rows") ~ ")" if is_incremental() else rows) }}
