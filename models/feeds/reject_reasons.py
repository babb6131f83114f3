"""Why a row is rejected: every reason code with its cause and its remedy.

Belongs here: the codes of `audit_reject`. Does not belong here: how a reason is found (assets/feeds/typing_sql.py, dbt_project/).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True)
class Reason:
    """What is wrong with a row, and what to do. `is_waiting`: the row itself is correct and counts once the record that it names has arrived."""

    cause: str
    remedy: str
    is_waiting: bool = False


REASONS: dict[str, Reason] = {
    "missing_value": Reason("a required column is empty", "fill it in the source, or give it a default under `defaults`"),
    "bad_number": Reason("not a number in the declared format", "correct it; or declare `decimal`, `thousands`; or map the column with `replace`"),
    "ambiguous_number": Reason(
        "an amount such as 1.234 in a currency that does not have three decimals: it may be a thousand or a little more than one",
        'declare `decimal: "."` or `decimal: ","` for the feed',
    ),
    "too_many_decimals": Reason("more than 6 decimals (rates and metrics: 12)", "round it in the source; nothing is rounded on loading"),
    "out_of_range": Reason(
        "more than 12 digits before the point, or below what the column allows (a rate must be above 0, a share at least 0)", "correct it in the source"
    ),
    "bad_date": Reason("not a day of the calendar, or not written YYYY-MM-DD", "correct it; declare `dates`, `time_zone`; or map it with `CAST` or `strptime`"),
    "future_date": Reason("the day is more than `max_future_days` after the day on which the file arrived", "correct the day, or allow more days"),
    "unknown_currency": Reason("not an ISO 4217 code in capitals", "correct it, or map the column with `upper` or `CASE`"),
    "unknown_type": Reason("not one of sale, return, credit, adjustment", "correct it, or map the column with `CASE`"),
    "sign_mismatch": Reason("amount and quantity have different signs, and the feed has `signs: agree`", "correct the row, or remove the setting"),
    "positive_return": Reason(
        "a return with a positive amount, which would add to what is measured",
        "correct the row; or declare `signs: by_type` where the file has no signs, `signs: as_given` where a positive return is meant",
    ),
    "control_character": Reason("an invisible character in a text", "remove it in the source"),
    "wrong_field_count": Reason("more or fewer fields than the header", "quote texts that contain the delimiter; deliver the complete row"),
    "repeated_header": Reason("the header is repeated in the middle of the file", "remove the line; usually two files were joined there"),
    "key_repeated": Reason(
        "another row of the same file has the key too, with other values", "correct the file, extend `key`, or declare `repeats: last` for the feed"
    ),
    "bad_json": Reason("the line is not a JSON object", "correct the line"),
    "duplicate_key": Reason("a key appears twice in a JSON object", "correct the line"),
    "bad_value": Reason("a mapping has no value for this row, such as CAST('17850.5' AS INTEGER)", "correct the row or the expression in book.yaml"),
    "unknown_status": Reason("a dispute is not open, accepted, rejected or withdrawn", "correct it, or map the column with `CASE`"),
    "wrong_resolution": Reason(
        "a dispute is open and has a `resolved_on`, is not open and has none, or was resolved before it was raised",
        "correct `status`, `raised_on` or `resolved_on`",
    ),
    "incomplete_payout": Reason(
        "a dispute names some of `agreement`, `benefit`, `participant_id` and `window_start`; or none of them, and no transaction or an amount besides",
        "give all four, or only the transaction that is disputed",
    ),
    "unknown_partner": Reason(
        "the partner is not in the feed partners on the line's day", "deliver the partner; the row then counts automatically", is_waiting=True
    ),
    "unknown_product": Reason(
        "the product is not in the feed products on the line's day", "deliver the product; the row then counts automatically", is_waiting=True
    ),
    "overlapping_days": Reason(
        "a participation shares a day with one of the same participant and agreement that begins before it (waits)",
        "give the earlier one its `to`: with `key: [agreement, participant_id, from]` deliver it again; the row then counts automatically",
        is_waiting=True,
    ),
    "unknown_payout": Reason(
        "the agreement, benefit, participant and window of the payment, adjustment, balance or dispute match no payout",
        "correct the row, or the agreement that it is for; the row then counts automatically",
        is_waiting=True,
    ),
    "no_rate": Reason(
        "a payment names a currency that has no rate to the agreement's currency on its day or before",
        "deliver a rate in the feed fx_rates, or declare `invert: true` there where it has the reverse pair; the row then counts automatically",
        is_waiting=True,
    ),
    "outside_window": Reason(
        "the day of the opening balance is not in its window",
        "correct `date` or `window_start`; the row then counts automatically",
        is_waiting=True,
    ),
    "not_approved": Reason(
        "the book has `require_approval`, and nobody but its author has approved the adjustment",
        "deliver the row again with another person in `approved_by`",
        is_waiting=True,
    ),
}

#: Columns of a corrections file, as `tierledger rejects --export` writes it: the rejected row that each of its rows replaces, and why that was rejected.
CORRECTS_FILE, CORRECTS_ROW = "corrects_file", "corrects_row"
CORRECTION_COLUMNS = (CORRECTS_FILE, CORRECTS_ROW, "corrects_line", "reject_reason", "reject_message")


def is_correction(header: Collection[str]) -> bool:
    """Whether a file with these columns says which rejected rows its rows replace."""
    return CORRECTS_FILE in header and CORRECTS_ROW in header
