with

entries as (
    select * from {{ ref("int_journal_entries_unposted") }}
),

accounts as (
    select * from {{ source("terms", "accounts") }}
),

-- which account a positive amount is booked to (debit) and from (credit)
sided as (
    select
        entries.*,
        case
            when kind = 'settlement' then case direction when 'payable' then accounts.payable_liability else accounts.cash end
            when kind = 'write_off' then case direction when 'payable' then accounts.payable_liability else accounts.write_off end
            else case direction when 'payable' then accounts.payable_expense else accounts.receivable_asset end
        end as debit_account,
        case
            when kind = 'settlement' then case direction when 'payable' then accounts.cash else accounts.receivable_asset end
            when kind = 'write_off' then case direction when 'payable' then accounts.write_off else accounts.receivable_asset end
            else case direction when 'payable' then accounts.payable_liability else accounts.receivable_income end
        end as credit_account
    from entries
    cross join accounts
),

lines as (
    select sided.*, sides.line_no, case when (sides.line_no = 1) = (amount > 0) then debit_account else credit_account end as account
    from sided
    cross join (values (1), (2)) as sides (line_no)
),

unposted as (
    select
        entry_id,
        line_no,
        date,
        period,
        origin_period,
        account,
        cast(case line_no when 1 then abs(amount) else 0 end as decimal(18, 4)) as debit,
        cast(case line_no when 2 then abs(amount) else 0 end as decimal(18, 4)) as credit,
        currency,
        kind,
        payout_id,
        agreement_id,
        benefit_id,
        participant_id,
        window_start
    from lines
),

named_partners as (
    select partner_id, name as participant_name from {{ ref("int_partners_current") }}
),

titles as (
    select agreement_id, title as agreement_title from {{ ref("int_agreements_titled") }}
),

booked as (
    select * from unposted
    {% if var("book").has_closes %}
    union all
    select
        entry_id, line_no, date, period, origin_period, account, debit, credit, currency, kind, payout_id, agreement_id, benefit_id, participant_id,
        window_start
    from {{ source("ledger", "journal") }}
    {% endif %}
)

select booked.*, named_partners.participant_name, titles.agreement_title
from booked
left join named_partners on booked.participant_id = named_partners.partner_id
left join titles on booked.agreement_id = titles.agreement_id
