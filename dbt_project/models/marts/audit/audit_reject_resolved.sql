{#
  A rejected row is resolved where a row that names it as corrected was taken in, or, with a business key that could be read, where a row of that
  key came after it. Nothing else is taken for a correction.
#}
{% set feeds = var("book").feeds %}
with

named as (
    select
        rejects.feed,
        rejects.file_no,
        rejects.row_no,
        corrections.file_no as by_file_no,
        corrections.row_no as by_row_no,
        'named' as how
    from {{ source("raw", "rejects") }} as rejects
    inner join {{ source("raw", "feed_files") }} as files on rejects.feed = files.feed and rejects.file_no = files.file_no
    inner join {{ source("raw", "corrections") }} as corrections
        on rejects.feed = corrections.feed and files.sha256 = corrections.corrects_file and rejects.row_no = corrections.corrects_row and files.rows_per_row = 1
),

{% for feed, made_of in feeds.items() if made_of.key %}
{{ feed }}_keyed as (
    select
        rejects.feed,
        rejects.file_no,
        rejects.row_no,
        later.file_no as by_file_no,
        later.row_no as by_row_no,
        'key' as how
    from {{ source("raw", feed) }} as later
    inner join {{ source("raw", "rejects") }} as rejects
        on rejects.feed = '{{ feed }}'
        {% for column in made_of.key %}
        and cast(later.{{ identifier(column) }} as varchar) = json_extract_string(rejects.readable, '{{ json_pointer(column) }}')
        {% endfor %}
    where later.file_no > rejects.file_no or (later.file_no = rejects.file_no and later.row_no > rejects.row_no)
),

{% endfor %}

found as (
    select * from named
    {% for feed, made_of in feeds.items() if made_of.key %}
    union all
    select * from {{ feed }}_keyed
    {% endfor %}
),

first_found as (
    select * from found
    qualify row_number() over (partition by feed, file_no, row_no order by how desc, by_file_no asc, by_row_no asc) = 1
)

select
    first_found.feed,
    files.file_name,
    files.sha256,
    first_found.row_no as row_number,
    raw.line_of_row(first_found.row_no, files.rows_per_row, files.lines_before, row_lines.line) as line_number,
    by_files.file_name as resolved_by_file,
    first_found.by_row_no as resolved_by_row,
    raw.line_of_row(first_found.by_row_no, by_files.rows_per_row, by_files.lines_before, by_lines.line) as resolved_by_line,
    first_found.how
from first_found
inner join {{ source("raw", "feed_files") }} as files on first_found.feed = files.feed and first_found.file_no = files.file_no
inner join {{ source("raw", "feed_files") }} as by_files on first_found.feed = by_files.feed and first_found.by_file_no = by_files.file_no
left join {{ source("raw", "row_lines") }} as row_lines on first_found.file_no = row_lines.file_no and first_found.row_no = row_lines.row_no
left join {{ source("raw", "row_lines") }} as by_lines on first_found.by_file_no = by_lines.file_no and first_found.by_row_no = by_lines.row_no
