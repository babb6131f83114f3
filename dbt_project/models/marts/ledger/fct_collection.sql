select
    collections.transaction_id,
    collections.line,
    collections.collected_on,
    collections.share,
    files.file_name as source_file,
    files.sha256 as source_sha256,
    collections.row_no as source_row
from {{ ref("stg_collections") }} as collections
inner join {{ source("raw", "feed_files") }} as files on collections.file_no = files.file_no
