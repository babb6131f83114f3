select
    agreements.agreement_id,
    agreements.version as agreement_version,
    benefits.benefit_id,
    cells.tier,
    cells.column_no,
    tiers.from_value as row_from_value,
    columns_of_grid.from_value as column_from_value,
    cells.rate,
    cells.amount,
    cells.share,
    {{ benefit_version_id() }} || '/' || cells.tier as tier_id,
    {{ benefit_version_id() }} || '/' || cells.tier || '/' || cells.column_no as cell_id
from {{ source("terms", "matrix_cells") }} as cells
inner join {{ source("terms", "tiers") }} as tiers on cells.benefit_key = tiers.benefit_key and cells.tier = tiers.tier
inner join {{ source("terms", "matrix_columns") }} as columns_of_grid
    on cells.benefit_key = columns_of_grid.benefit_key and cells.column_no = columns_of_grid.column_no
inner join {{ source("terms", "benefits") }} as benefits on cells.benefit_key = benefits.benefit_key
inner join {{ source("terms", "agreements") }} as agreements on benefits.agreement_key = agreements.agreement_key
