{% if is_incremental() %}
select line_set_key, participant_key, period_no, min(cause_no) as cause_no
from (
    select line_set_key, participant_key, period_no, cause_no from {{ source("changes", "measures_before") }}
    union all
    select credited.line_set_key, credited.participant_key, unnest([credited.period_no, credited.prior_period_no]) as period_no, changed.cause_no
    from {{ ref("int_lines_credited") }} as credited
    inner join {{ source("changes", "lines") }} as changed on credited.file_no = changed.file_no and credited.row_no = changed.row_no
) as changed
where period_no is not null
group by line_set_key, participant_key, period_no
{% else %}
select line_set_key, participant_key, period_no, cast(null as integer) as cause_no
from {{ ref("int_lines_credited") }}
where false
{% endif %}
