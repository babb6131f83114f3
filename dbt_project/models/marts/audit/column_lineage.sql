select
    table_name,
    column_name,
    role,
    expression,
    origin,
    canonical_table,
    canonical_column,
    file_column,
    mapping,
    way
from {{ source("calc", "column_lineage") }}
