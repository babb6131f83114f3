{{ config(materialized="incremental", pre_hook="{{ delete_where(is_replaced_anew()) }}") }}
{#
  Only rows whose key occurs more than once are compared: keys are counted by hash over the whole feed (one pass), and compared exactly among the few
  rows that remain.
#}
{% set feeds = var("book").feeds %}
{% set replacing = feeds.items() | selectattr("1.replaces_files") | map("first") | list %}
{% set losing = feeds.items() | selectattr("1.loses_corrections") | map("first") | list %}
with {{ "recursive" if losing }}

-- a later file of the same name, where the feed says that it replaces all rows: they never meet others of their keys
named_files as (
    select feed, file_no, max(file_no) over (partition by feed, file_name) as replaced_by_file_no
    from {{ source("raw", "feed_files") }}
    where status = 'loaded' and feed in ({{ text_literals(replacing or [""]) }})
),

replaced_files as (
    select * from named_files where file_no < replaced_by_file_no
),

{% if losing %}
-- a row that corrects one of a file goes with the file, where it was withdrawn or a later one replaced it
corrected_files as (
    select
        files.feed,
        files.sha256,
        max(replaced.replaced_by_file_no) as replaced_by_file_no,
        bool_and(files.status = 'withdrawn' or replaced.file_no is not null) as is_gone
    from {{ source("raw", "feed_files") }} as files
    left join replaced_files as replaced on files.feed = replaced.feed and files.file_no = replaced.file_no
    where files.status in ('loaded', 'withdrawn')
    group by 1, 2
),

-- a correction that was rejected itself is corrected by a later one, which so corrects the first file too
corrections_followed as (
    select feed, file_no, row_no, corrects_file, corrects_row from {{ source("raw", "corrections") }}
    union all
    select
        later.feed,
        later.file_no,
        later.row_no,
        json_extract_string(rejects.raw, '/corrects_file') as corrects_file,
        try_cast(json_extract_string(rejects.raw, '/corrects_row') as bigint) as corrects_row
    from corrections_followed as later
    inner join {{ source("raw", "feed_files") }} as files on later.feed = files.feed and later.corrects_file = files.sha256
    inner join {{ source("raw", "rejects") }} as rejects
        on files.feed = rejects.feed and files.file_no = rejects.file_no and later.corrects_row = rejects.row_no
    where json_extract_string(rejects.raw, '/corrects_file') is not null
),

lost_corrections as (
    select followed.feed, followed.file_no, followed.row_no, max(files.replaced_by_file_no) as replaced_by_file_no
    from corrections_followed as followed
    inner join corrected_files as files on followed.feed = files.feed and followed.corrects_file = files.sha256
    where files.is_gone and followed.file_no not in (select file_no from replaced_files)
    group by 1, 2, 3
),

{% endif %}
{% for feed, made_of in feeds.items() if made_of.key %}
{% set rows = rows_to_compare(feed) %}
{% set key = identifiers(made_of.key) %}
{{ feed }}_repeated as (
    select hash({{ key }}) as key_hash
    from {{ rows }} as to_compare
    where true
        {% if made_of.replaces_files %}
        and file_no not in (select file_no from replaced_files)
        {% endif %}
        {% if made_of.loses_corrections %}
        and (file_no, row_no) not in (select (file_no, row_no) from lost_corrections)
        {% endif %}
    group by 1
    having count(*) > 1
),

{{ feed }}_compared as (
    select
        file_no,
        row_no,
        dense_rank() over (order by {{ key }}) as key_no,
        (
            lag(file_no) over arrival is not null
            {% for column in made_of.columns + made_of.carried | map("last") | list if column not in made_of.key %}
            and {{ identifier(column) }} is not distinct from lag({{ identifier(column) }}) over arrival
            {% endfor %}
            {% if made_of.has_deletions %}
            and is_deleted = lag(is_deleted) over arrival
            {% endif %}
        ) as is_same
    from {{ rows }} as to_compare
    where
        hash({{ key }}) in (select key_hash from {{ feed }}_repeated)
        {% if made_of.replaces_files %}
        and file_no not in (select file_no from replaced_files)
        {% endif %}
        {% if made_of.loses_corrections %}
        and (file_no, row_no) not in (select (file_no, row_no) from lost_corrections)
        {% endif %}
    window arrival as (partition by {{ key }} order by file_no, row_no)
),

{% endfor %}

compared as (
    select cast(null as varchar) as feed, cast(null as integer) as file_no, cast(null as bigint) as row_no, cast(null as bigint) as key_no, false as is_same
    where false
    {% for feed, made_of in feeds.items() if made_of.key %}
    union all
    select '{{ feed }}', file_no, row_no, key_no, is_same from {{ feed }}_compared
    {% endfor %}
),

-- a run: equal rows that follow each other; its first row counts
runs as (
    select *, count(*) filter (where not is_same) over (partition by feed, key_no order by file_no, row_no) as run_no
    from compared
),

heads as (
    select
        feed,
        key_no,
        run_no,
        file_no,
        row_no,
        lead(file_no) over (partition by feed, key_no order by run_no) as next_file_no,
        lead(row_no) over (partition by feed, key_no order by run_no) as next_row_no
    from runs
    where not is_same
),

duplicates as (
    select
        runs.feed,
        runs.file_no,
        runs.row_no,
        'duplicate' as disposition,
        heads.file_no as replaced_by_file_no,
        heads.row_no as replaced_by_row_no
    from runs
    inner join heads on runs.feed = heads.feed and runs.key_no = heads.key_no and runs.run_no = heads.run_no
    where runs.is_same
),

superseded as (
    select
        feed,
        file_no,
        row_no,
        'superseded' as disposition,
        next_file_no as replaced_by_file_no,
        next_row_no as replaced_by_row_no
    from heads
    where next_file_no is not null
),

replaced_by_key as (
    select * from duplicates
    union all
    select * from superseded
)

select * from replaced_by_key
{% for feed, made_of in feeds.items() if made_of.snapshot_per %}
{% set rows = source("raw", feed) %}
{% set is_whole = made_of.snapshot_per == "whole" %}
-- the newest file with rows of a span is complete: what it no longer holds of that span is gone; a file of corrections says nothing of other rows
union all
select
    '{{ feed }}',
    rows.file_no,
    rows.row_no,
    'superseded' as disposition,
    newest.file_no as replaced_by_file_no,
    null as replaced_by_row_no
from {{ rows }} as rows
{% if is_whole %}
cross join (
    select max(file_no) as file_no
    from {{ source("raw", "feed_files") }}
    where feed = '{{ feed }}' and status = 'loaded' and file_no not in (select file_no from {{ source("raw", "corrections") }})
) as newest
{% else %}
inner join (
    select date_trunc('{{ made_of.snapshot_per }}', {{ identifier(made_of.day) }}) as first_day, max(file_no) as file_no
    from {{ rows }}
    where file_no not in (select file_no from {{ source("raw", "corrections") }})
    group by 1
) as newest
    on date_trunc('{{ made_of.snapshot_per }}', rows.{{ identifier(made_of.day) }}) = newest.first_day
{% endif %}
where
    rows.file_no < newest.file_no
    {% if made_of.has_deletions %}
    and not rows.is_deleted
    {% endif %}
    {% if made_of.loses_corrections %}
    and (rows.file_no, rows.row_no) not in (select (file_no, row_no) from lost_corrections)
    {% endif %}
    {% if made_of.key %}
    and not exists (
        select 1
        from {{ rows }} as newer
        where
            newer.file_no = newest.file_no
            {% for column in made_of.key %}
            and newer.{{ identifier(column) }} is not distinct from rows.{{ identifier(column) }}
            {% endfor %}
    )
    and not exists (
        select 1
        from replaced_by_key as replaced
        where replaced.feed = '{{ feed }}' and replaced.file_no = rows.file_no and replaced.row_no = rows.row_no
    )
    {% endif %}
{% endfor %}

{% for feed, made_of in feeds.items() if made_of.has_deletions %}
-- a row that takes its key back: the row before it is superseded by it, and it never counts itself
union all
select
    '{{ feed }}',
    rows.file_no,
    rows.row_no,
    'superseded' as disposition,
    rows.file_no as replaced_by_file_no,
    rows.row_no as replaced_by_row_no
from {{ rows_to_compare(feed) }} as rows
where
    rows.is_deleted
    {% if made_of.replaces_files %}
    and rows.file_no not in (select file_no from replaced_files)
    {% endif %}
    {% if made_of.loses_corrections %}
    and (rows.file_no, rows.row_no) not in (select (file_no, row_no) from lost_corrections)
    {% endif %}
    and not exists (
        select 1
        from replaced_by_key as replaced
        where replaced.feed = '{{ feed }}' and replaced.file_no = rows.file_no and replaced.row_no = rows.row_no
    )
{% endfor %}

{% for feed in replacing %}
union all
select
    '{{ feed }}',
    rows.file_no,
    rows.row_no,
    'superseded' as disposition,
    files.replaced_by_file_no,
    null as replaced_by_row_no
from {{ source("raw", feed) }} as rows
inner join replaced_files as files on files.feed = '{{ feed }}' and rows.file_no = files.file_no
{% endfor %}
{% for feed in losing %}
union all
select
    feed,
    file_no,
    row_no,
    'superseded' as disposition,
    replaced_by_file_no,
    null as replaced_by_row_no
from lost_corrections
where feed = '{{ feed }}'
{% endfor %}
