with

files as (
    select * from {{ source("raw", "feed_files") }}
),

typed as (
    {% for feed in var("book").feeds %}
    select '{{ feed }}' as feed, file_no, count(*) as row_count from {{ source("raw", feed) }} group by file_no
    {{ "union all" if not loop.last }}
    {% endfor %}
),

replaced as (
    select
        feed,
        file_no,
        count(*) filter (where disposition = 'duplicate') as duplicate_count,
        count(*) filter (where disposition = 'superseded') as superseded_count
    from {{ ref("int_rows_replaced") }}
    group by feed, file_no
),

unresolved as (
    select feed, file_no, count(*) as row_count
    from {{ ref("int_rows_unresolved") }}
    group by feed, file_no
),

rejected as (
    select feed, file_no, count(*) as row_count
    from {{ source("raw", "rejects") }}
    group by feed, file_no
),

ignored as (
    select feed, file_no, count(*) as row_count
    from {{ source("raw", "ignored_rows") }}
    group by feed, file_no
),

counted as (
    select
        files.* exclude (rows_read),
        files.rows_read + files.lines_outside as rows_read,
        coalesce(typed.row_count, 0) as typed_count,
        coalesce(replaced.duplicate_count, 0) as duplicate_count,
        coalesce(replaced.superseded_count, 0) as superseded_count,
        coalesce(unresolved.row_count, 0) as unresolved_count,
        coalesce(rejected.row_count, 0) as rejected_count,
        coalesce(ignored.row_count, 0) + files.lines_outside as ignored_count
    from files
    left join typed on files.feed = typed.feed and files.file_no = typed.file_no
    left join replaced on files.feed = replaced.feed and files.file_no = replaced.file_no
    left join unresolved on files.feed = unresolved.feed and files.file_no = unresolved.file_no
    left join rejected on files.feed = rejected.feed and files.file_no = rejected.file_no
    left join ignored on files.feed = ignored.feed and files.file_no = ignored.file_no
)

select
    feed,
    file_name,
    sha256,
    arrival_no,
    arrived_at,
    status,
    reason,
    rows_read,
    typed_count - duplicate_count - superseded_count - unresolved_count as rows_loaded,
    -- a file that came before is a duplicate in every row
    case when status = 'duplicate' then rows_read else duplicate_count end as rows_duplicate,
    superseded_count as rows_superseded,
    unresolved_count + rejected_count as rows_rejected,
    ignored_count as rows_ignored
from counted
