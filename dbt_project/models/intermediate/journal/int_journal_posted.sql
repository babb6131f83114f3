{{ config(materialized="view") }}
{% set roles = ["cash", "write_off", "payable_expense", "payable_liability", "receivable_asset", "receivable_income"] %}
-- what closes have booked. The first versions did not write what an account is for: then the book's accounts say it
select
    journal.* exclude (account_role),
    coalesce(
        journal.account_role,
        case
            {%- for role in roles %}
            when journal.account = accounts.{{ role }} then '{{ role }}'
            {%- endfor %}
        end
    ) as account_role
from {{ source("ledger", "journal") }} as journal
cross join {{ source("terms", "accounts") }} as accounts
