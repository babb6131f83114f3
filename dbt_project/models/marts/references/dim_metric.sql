select participant_id, metric, date, value
from {{ ref("stg_metrics") }}
