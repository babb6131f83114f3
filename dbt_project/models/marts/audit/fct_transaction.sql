-- conditions name columns of the line without a table: nothing joined has a column of such a name
with

replaced as (
    select file_no, row_no, disposition, replaced_by_file_no, replaced_by_row_no
    from {{ ref("int_rows_replaced") }}
    where feed = 'transactions'
),

{% if var("book").has_credits %}
credits as (
    {{ credits_to_join() }}
),

{% endif %}
unresolved as (
    select file_no, row_no, reason
    from {{ ref("int_rows_unresolved") }}
    where feed = 'transactions'
),

typed as (
    select
        transactions.file_no,
        transactions.row_no,
        case
            when replaced.file_no is not null then replaced.disposition
            when unresolved.file_no is not null then 'rejected'
            when date > settings.as_of then 'waiting'
            else 'loaded'
        end as disposition,
        unresolved.reason,
        replaced.replaced_by_file_no,
        replaced.replaced_by_row_no,
        transaction_id,
        line,
        date,
        partner_id,
        product_id,
        type,
        quantity,
        amount,
        cost,
        currency,
        original_transaction_id,
        posted_on,
        {% if var("book").has_originals %}originals.first_day{% else %}cast(null as date){% endif %} as original_date,
        case when replaced.file_no is null and unresolved.file_no is null and date <= settings.as_of
            then cast({{ conditions_as_bits() }} as varchar)
        end as conditions_held,
        {% if var("book").has_credits %}{{ credit_of_line() }}{% else %}cast(null as integer){% endif %} as credit_no
    from {{ source("raw", "transactions") }} as transactions
    cross join (select as_of from {{ source("terms", "settings") }}) as settings
    left join replaced on transactions.file_no = replaced.file_no and transactions.row_no = replaced.row_no
    left join unresolved on transactions.file_no = unresolved.file_no and transactions.row_no = unresolved.row_no
    {% if var("book").has_credits %}
    {{ join_credits("credits") }}
    {% endif %}
    {% if var("book").has_originals %}
    left join {{ ref("int_originals_dated") }} as originals on transactions.original_transaction_id = originals.original_id
    {% endif %}
    where {{ is_in_chosen_files("transactions.file_no") }}
),

-- what could not be typed shows what could be read of it
untyped as (
    select
        rejects.file_no,
        rejects.row_no,
        'rejected' as disposition,
        rejects.reason,
        json_extract_string(rejects.readable, '/transaction_id') as transaction_id,
        try_cast(json_extract_string(rejects.readable, '/line') as integer) as line,
        try_cast(json_extract_string(rejects.readable, '/date') as date) as date,
        json_extract_string(rejects.readable, '/partner_id') as partner_id,
        json_extract_string(rejects.readable, '/product_id') as product_id,
        json_extract_string(rejects.readable, '/type') as type,
        try_cast(json_extract_string(rejects.readable, '/quantity') as decimal(18, 6)) as quantity,
        try_cast(json_extract_string(rejects.readable, '/amount') as decimal(18, 6)) as amount,
        try_cast(json_extract_string(rejects.readable, '/cost') as decimal(18, 6)) as cost,
        json_extract_string(rejects.readable, '/currency') as currency,
        json_extract_string(rejects.readable, '/original_transaction_id') as original_transaction_id,
        try_cast(json_extract_string(rejects.readable, '/posted_on') as date) as posted_on
    from {{ source("raw", "rejects") }} as rejects
    where rejects.feed = 'transactions' and {{ is_in_chosen_files("rejects.file_no") }}
),

found as (
    select * from typed
    union all by name
    select * from untyped
    union all by name
    select file_no, row_no, 'ignored' as disposition
    from {{ source("raw", "ignored_rows") }}
    where feed = 'transactions' and {{ is_in_chosen_files("file_no") }}
)

select
    files.file_name as source_file,
    files.sha256 as source_sha256,
    found.row_no as source_row,
    raw.line_of_row(found.row_no, files.rows_per_row, files.lines_before, row_lines.line) as source_line,
    found.disposition,
    found.reason,
    by_files.file_name as replaced_by_file,
    found.replaced_by_row_no as replaced_by_row,
    case when found.disposition = 'waiting' then found.date end as waits_until,
    found.transaction_id,
    found.line,
    found.date,
    found.partner_id,
    found.product_id,
    found.type,
    found.quantity,
    found.amount,
    found.cost,
    found.currency,
    found.original_transaction_id,
    found.posted_on,
    found.original_date,
    found.conditions_held,
    found.credit_no
from found
inner join {{ source("raw", "feed_files") }} as files on found.file_no = files.file_no
left join {{ source("raw", "feed_files") }} as by_files on found.replaced_by_file_no = by_files.file_no
left join {{ source("raw", "row_lines") }} as row_lines on found.file_no = row_lines.file_no and found.row_no = row_lines.row_no
-- equal content is published as equal bytes
order by found.file_no, found.row_no
