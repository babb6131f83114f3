{{ config(materialized="view") }}
-- the rate at which money of a payout is shown in the reporting currency: one for all of it, that of its last day, or of as_of before that
select
    identified.payout_key,
    identified.payout_id,
    agreements.direction,
    agreements.currency,
    agreements.currency = settings.currency as is_own_currency,
    fx_rates.rate,
    fx_rates.is_inverse,
    settings.payout_unit as reporting_unit,
    {{ narrow_rate("fx_rates.rate", "fx_rates.is_inverse", "settings.payout_unit") }},
    case agreements.direction when 'payable' then -1 else 1 end as sign
from {{ source("calc", "payouts") }} as payouts
inner join {{ ref("int_payouts_identified") }} as identified on payouts.payout_key = identified.payout_key
inner join {{ source("terms", "agreements") }} as agreements on identified.agreement_key = agreements.agreement_key
cross join {{ source("terms", "settings") }} as settings
left join {{ ref("int_fx_rates_spanned") }} as fx_rates
    on agreements.currency = fx_rates.from_currency
    and settings.currency = fx_rates.to_currency
    and least(payouts.window_end, settings.as_of) between fx_rates.first_day and fx_rates.last_day
