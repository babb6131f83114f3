{% set roles = ["payable_expense", "payable_liability", "receivable_asset", "receivable_income", "cash", "write_off", "exchange_difference"] %}
{% set own = "booked.currency = settings.currency" %}
{% set of_entry = [
    "entry_id", "line_no", "date", "period", "origin_period", "account", "debit", "credit", "currency", "kind", "payout_id", "agreement_id", "benefit_id",
    "participant_id", "window_start", "account_role", "cost_centre", "document_no", "text",
] %}
with

entries as (
    select * from {{ ref("int_journal_entries_unposted") }}
),

accounts as (
    select * from {{ source("terms", "accounts") }}
),

named_partners as (
    select partner_id, name as participant_name from {{ ref("int_partners_current") }}
),

titles as (
    select agreement_id, title as agreement_title from {{ ref("int_agreements_titled") }}
),

-- which account a positive amount is booked to (debit) and from (credit)
sided as (
    select
        *,
        case
            when kind = 'settlement' then case direction when 'payable' then 'payable_liability' else 'cash' end
            when kind = 'exchange_difference' then case direction when 'payable' then 'exchange_difference' else 'cash' end
            when kind = 'write_off' then case direction when 'payable' then 'payable_liability' else 'write_off' end
            else case direction when 'payable' then 'payable_expense' else 'receivable_asset' end
        end as debit_role,
        case
            when kind = 'settlement' then case direction when 'payable' then 'cash' else 'receivable_asset' end
            when kind = 'exchange_difference' then case direction when 'payable' then 'cash' else 'exchange_difference' end
            when kind = 'write_off' then case direction when 'payable' then 'write_off' else 'receivable_asset' end
            else case direction when 'payable' then 'payable_liability' else 'receivable_income' end
        end as credit_role
    from entries
),

lines as (
    select
        sided.*,
        sides.line_no,
        case when (sides.line_no = 1) = (amount > 0) then debit_role else credit_role end as account_role
    from sided
    cross join (values (1), (2)) as sides (line_no)
),

unposted as (
    select
        lines.*,
        {#- an account that no mapping names is the book's own #}
        coalesce(
            {% if var("book").has_account_rules or var("book").has_closes %}mapped.account,{% endif %}
            case lines.account_role
                {%- for role in roles %}
                when '{{ role }}' then accounts.{{ role }}
                {%- endfor %}
            end
        ) as account,
        cast(case line_no when 1 then abs(amount) else 0 end as decimal(18, 4)) as debit,
        cast(case line_no when 2 then abs(amount) else 0 end as decimal(18, 4)) as credit,
        case when lines.account_role in ('payable_expense', 'receivable_income', 'write_off', 'exchange_difference') then
            coalesce({% if var("book").has_account_rules or var("book").has_closes %}centres.account, {% endif %}accounts.cost_centre)
        end as cost_centre
    from lines
    cross join accounts
    {%- if var("book").has_account_rules or var("book").has_closes %}
    left join {{ ref("int_accounts_mapped") }} as mapped on lines.payout_id = mapped.payout_id and lines.account_role = mapped.account_role
    left join {{ ref("int_accounts_mapped") }} as centres on lines.payout_id = centres.payout_id and centres.account_role = 'cost_centre'
    {%- endif %}
),

-- what it is and of whom, as it stands when it is booked
described as (
    select
        unposted.* exclude (document_no),
        coalesce(unposted.document_no, substr(unposted.payout_id, 1, 12)) as document_no,
        concat_ws(
            ', ',
            case unposted.kind
                when 'accrual' then 'Accrual'
                when 'true_up' then 'True-up'
                when 'settlement' then 'Payment'
                when 'adjustment' then 'Adjustment'
                when 'write_off' then 'Write-off'
                when 'exchange_difference' then 'Exchange difference'
                else concat('Restatement of ', unposted.origin_period)
            end,
            concat(unposted.agreement_id, ' ', unposted.benefit_id),
            coalesce(named_partners.participant_name, unposted.participant_id),
            concat('from ', cast(unposted.window_start as varchar)),
            unposted.note
        ) as text
    from unposted
    left join named_partners on unposted.participant_id = named_partners.partner_id
),

booked as (
    select {{ of_entry | join(", ") }} from described
    {% if var("book").has_closes %}
    union all
    select {{ of_entry | join(", ") }} from {{ ref("int_journal_posted") }}
    {% endif %}
)

select
    booked.* exclude (account_role, cost_centre, document_no, text),
    named_partners.participant_name,
    titles.agreement_title,
    booked.account_role,
    booked.cost_centre,
    booked.document_no,
    booked.text,
    {{ in_reporting("booked.debit", own) }} as debit_reporting,
    {{ in_reporting("booked.credit", own) }} as credit_reporting
from booked
left join named_partners on booked.participant_id = named_partners.partner_id
left join titles on booked.agreement_id = titles.agreement_id
left join {{ ref("int_payouts_rated") }} as rates on booked.payout_id = rates.payout_id
cross join {{ source("terms", "settings") }} as settings
