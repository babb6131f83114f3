{#
  Only rows whose key occurs more than once are compared: keys are counted by hash over the whole feed (one pass),
  and told apart exactly among the few rows that remain.
#}
{% set feeds = ["transactions", "partners", "products", "targets", "metrics", "fx_rates", "payments", "assignments"] %}
{% set keys = business_keys() %}
{% set snapshots = snapshot_feeds() %}
-- depends_on: {{ source("raw", "feed_files") }}
{% for feed in feeds %}
-- depends_on: {{ source("raw", feed) }}
{% endfor %}

with

{% for feed in feeds if feed in keys %}
{% set rows = source("raw", feed) %}
{% set key = quoted(keys[feed]) %}
{% set others = raw_columns(feed) | reject("in", keys[feed] + ["file_no", "row_no"]) | list %}
{{ feed }}_repeated as (
    select hash({{ key }}) as key_hash
    from {{ rows }}
    group by 1
    having count(*) > 1
),

{{ feed }}_compared as (
    select
        file_no,
        row_no,
        dense_rank() over (order by {{ key }}) as key_no,
        lag(file_no) over arrival is not null
        {% for column in others %}
        and {{ identifier(column) }} is not distinct from lag({{ identifier(column) }}) over arrival
        {% endfor %} as is_same
    from {{ rows }}
    where hash({{ key }}) in (select key_hash from {{ feed }}_repeated)
    window arrival as (partition by {{ key }} order by file_no, row_no)
),

{% endfor %}

compared as (
    select cast(null as varchar) as feed, cast(null as integer) as file_no, cast(null as bigint) as row_no, cast(null as bigint) as key_no, false as is_same
    where false
    {% for feed in feeds if feed in keys %}
    union all
    select '{{ feed }}', file_no, row_no, key_no, is_same from {{ feed }}_compared
    {% endfor %}
),

-- a run: equal rows that follow each other; its first row stands for it
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
)

select * from duplicates
union all
select * from superseded
{% for feed in snapshots %}
{% set rows = source("raw", feed) %}
-- a newer file of a snapshot feed says what is there: what it no longer holds is gone
union all
select
    '{{ feed }}',
    rows.file_no,
    rows.row_no,
    'superseded',
    newest.file_no,
    null
from {{ rows }} as rows
cross join (select max(file_no) as file_no from {{ source("raw", "feed_files") }} where feed = '{{ feed }}' and status = 'loaded') as newest
where
    rows.file_no < newest.file_no
    {% if feed in keys %}
    and not exists (
        select 1
        from {{ rows }} as newer
        where
            newer.file_no = newest.file_no
            {% for column in keys[feed] %}
            and newer.{{ identifier(column) }} is not distinct from rows.{{ identifier(column) }}
            {% endfor %}
    )
    and not exists (
        select 1
        from (select * from duplicates union all select * from superseded) as replaced
        where replaced.feed = '{{ feed }}' and replaced.file_no = rows.file_no and replaced.row_no = rows.row_no
    )
    {% endif %}
{% endfor %}
