"""docs/reasons.md and models/feeds/reject_reasons.py hold every reason that the code gives, and no other."""

import re
from pathlib import Path

from models.feeds.reject_reasons import REASONS
from pipelines.pages.reasons import PAGE, render_reasons_page

ROOT = Path(__file__).resolve().parents[2]


def test_the_page_is_the_one_made_from_the_reasons() -> None:
    assert PAGE.read_text(encoding="utf-8") == render_reasons_page(), "run `make reasons-page`"


def test_every_reason_of_the_code_is_explained() -> None:
    typing = (ROOT / "assets/feeds/typing_sql.py").read_text(encoding="utf-8")
    readers = (ROOT / "assets/feeds/readers.py").read_text(encoding="utf-8")
    waiting = (ROOT / "dbt_project/models/intermediate/rows/int_rows_unresolved.sql").read_text(encoding="utf-8")
    given = set(re.findall(r'"((?:bad|missing|unknown|too_many|out_of|control|repeated|future|sign|positive|ambiguous)_[a-z]+)"', typing))
    repeated = (ROOT / "assets/feeds/checks/repeated_keys.py").read_text(encoding="utf-8")
    given |= set(re.findall(r"'(key_repeated)', null", repeated))
    given |= set(re.findall(r"[\"'](bad_json|duplicate_key|wrong_field_count)[\"']", readers)) | {"bad_value"}
    if "'unknown_' || entity" in waiting:
        given |= {"unknown_partner", "unknown_product"}
    given |= set(re.findall(r"'(\w+)' as reason", waiting))
    for model in ("staging/stg_adjustments", "staging/stg_balances", "intermediate/payouts/int_payments_converted"):
        given |= set(re.findall(r"then '(\w+)'", (ROOT / f"dbt_project/models/{model}.sql").read_text(encoding="utf-8")))
    disputes = (ROOT / "assets/feeds/checks/disputed_rows.py").read_text(encoding="utf-8")
    given |= set(re.findall(r'"(incomplete_payout|unknown_status|wrong_resolution)"', disputes))
    assert given == set(REASONS)
