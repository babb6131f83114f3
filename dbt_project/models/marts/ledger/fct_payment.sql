select
    identified.payout_id,
    payments.agreement as agreement_id,
    payments.benefit as benefit_id,
    payments.participant_id,
    payments.window_start,
    payments.paid_on,
    payments.reference,
    cast(payments.amount as decimal(18, 4)) as amount,
    currencies.currency,
    files.file_name as source_file,
    files.sha256 as source_sha256,
    payments.row_no as source_row,
    cast(payments.paid_amount as decimal(18, 4)) as paid_amount,
    coalesce(payments.paid_currency, currencies.currency) as paid_currency,
    {%- if var("book").has_paid_currencies %}
    {{ exchange_difference("payments") }} as exchange_difference,
    cast({{ exchange_difference("payments") }} * rates.sign as decimal(18, 4)) as exchange_difference_signed
    {%- else %}
    cast(null as decimal(18, 4)) as exchange_difference,
    cast(null as decimal(18, 4)) as exchange_difference_signed
    {%- endif %}
from {{ ref("int_payments_converted") }} as payments
{{ join_payouts("payments") }}
{%- if var("book").has_paid_currencies %}
left join {{ ref("int_payouts_rated") }} as rates on identified.payout_key = rates.payout_key
where payments.waits_for is null
{%- endif %}
