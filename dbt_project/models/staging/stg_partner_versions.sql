with

named as (
    select partner_id from {{ source("raw", "transactions") }}
    union
    select partner_id from {{ source("raw", "assignments") }}
    union
    select participant_id from {{ source("raw", "assignments") }}
    union
    select payee_id from {{ source("terms", "agreements") }}
    union
    select value from {{ source("terms", "participant_rules") }} where attribute = 'partner_id'
),

versions as (
    select
        partner_id,
        name,
        parent_id,
        coalesce("from", date '0001-01-01') as first_day,
        coalesce("to", date '9999-12-31') as last_day,
        {{ carried_as_json("partners") }} as attributes,
        file_no,
        row_no
    from {{ source("raw", "partners") }} as partners
    where {{ is_configured("partners") }} and {{ is_current("partners") }}
    union all by name
    -- a book without a partners feed: who is named somewhere is a partner
    select partner_id, date '0001-01-01' as first_day, date '9999-12-31' as last_day
    from named
    where not {{ is_configured("partners") }} and partner_id is not null
)

select * from versions
