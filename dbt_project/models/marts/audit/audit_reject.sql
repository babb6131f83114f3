with

files as (
    select * from {{ source("raw", "feed_files") }}
),

rejects as (
    select feed, file_no, row_no, reason, column_name, message, raw from {{ source("raw", "rejects") }}
    {%- for feed in ["transactions", "payments", "adjustments", "balances", "disputes", "participations"] %}
    union all
    select
        unresolved.feed,
        unresolved.file_no,
        unresolved.row_no,
        unresolved.reason,
        unresolved.column_name,
        unresolved.message,
        {{ row_as_json(feed) }}
    from {{ ref("int_rows_unresolved") }} as unresolved
    inner join {{ source("raw", feed) }} as feed_rows on unresolved.file_no = feed_rows.file_no and unresolved.row_no = feed_rows.row_no
    where unresolved.feed = '{{ feed }}'
    {%- endfor %}
)

select
    rejects.feed,
    files.file_name,
    files.sha256,
    (rejects.row_no - 1) // files.rows_per_row + 1 as row_number,
    raw.line_of_row(rejects.row_no, files.rows_per_row, files.lines_before, row_lines.line) as line_number,
    rejects.reason,
    rejects.column_name,
    rejects.message,
    rejects.raw
from rejects
inner join files on rejects.feed = files.feed and rejects.file_no = files.file_no
left join {{ source("raw", "row_lines") }} as row_lines on rejects.file_no = row_lines.file_no and rejects.row_no = row_lines.row_no
