"""The files that go with a statement: its lines as CSV, and how everything was computed as JSON.

Belongs here: their columns and keys. Does not belong here: embedding them (html.py, pdf.py).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from assets.published.reader import Row
from assets.statements.statement import Statement

#: Left out of the lines: a file's hash, which would be most of the bytes, and the order of the rows.
NOT_OF_LINES = ("source_sha256", "line_no")
_OF_PAYOUT = (
    "payout_id", "agreement_id", "agreement_version", "agreement_title", "benefit_id", "clause", "direction", "currency", "window_start", "window_end",
    "span_start", "status", "status_reason", "measure", "base", "quantity", "target", "baseline", "incentive", "axis_value", "tier", "pool_measure",
    "curve_payout", "multiplier", "gate_factor", "earned", "prior_earned", "carried", "payout", "adjusted", "payable", "due_date",
)  # fmt: skip
#: Figures of a window that goes on after the period: the set knows them as they are today only.
_AT_THE_END = _OF_PAYOUT[_OF_PAYOUT.index("status") :]


def csv_row(columns: Mapping[str, str]) -> str:
    """SQL: one line of CSV, RFC 4180 with \\n, of columns and their types. Numbers have no zeros at their end, days are ISO 8601."""
    return f"concat_ws(',', {', '.join(_csv_cell(name, kind) for name, kind in columns.items())}) || chr(10)"


def _csv_cell(name: str, kind: str) -> str:
    if kind == "VARCHAR":
        quoted = f"""'"' || replace({name}, '"', '""') || '"'"""
        return f"""if(regexp_matches({name}, '[",\\r\\n]'), {quoted}, coalesce({name}, ''))"""
    text = f"{name}::varchar"
    if kind.startswith("DECIMAL") and not kind.endswith(",0)"):
        text = f"rtrim(rtrim({text}, '0'), '.')"
    return f"coalesce({text}, '')"


def write_calculation(statement: Statement, lines_sha256: str) -> str:
    """Terms, steps and sums as JSON. Numbers are text, so that no reader turns one into a float."""
    period = statement.period
    found = {
        "statement": statement.number,
        "book": period.book,
        "period": period.period,
        "first_day": period.first_day,
        "last_day": period.last_day,
        "as_of": period.as_of,
        "state": period.state,
        "close": period.closed["chain_sha256"] if period.closed else None,
        "run_id": period.run_id,
        "participant_id": statement.participant["partner_id"],
        "participant_name": statement.participant["name"],
        "lines_csv_sha256": lines_sha256,
        "positions": [
            {"direction": p.direction, "currency": p.currency, "now": p.now, "last_statement": p.before, "changes": dict(p.causes)}
            for p in statement.positions
        ],
        "payouts": [
            {
                **{name: d.payout[name] for name in _OF_PAYOUT if d.has_steps or name not in _AT_THE_END},
                "earned_to_date": d.earned,
                "earned_before": d.earned_before,
                "changes": d.moved,
                "achievement": _without(d.achievement, "participant_id", "participant_name", "agreement_title", "agreement_id", "benefit_id"),
                "wording": d.benefit["quote"],
                "definition": json.loads(d.benefit["definition"]),
                "tiers": [_without(row, "agreement_id", "agreement_version", "benefit_id", "benefit_version_id", "tier_id") for row in d.tiers],
                "steps": [_without(row, "payout_id") for row in d.steps] if d.has_steps else [],
                "accruals": [_without(row, "payout_id") for row in d.accruals],
                "releases": [_without(row, "payout_id") for row in d.releases],
                "counted": [_without(row, "payout_id", "place") for row in d.reasons],
                "line_count": d.totals.lines,
            }
            for d in statement.details
        ],
        "earlier": [{name: row[name] for name in ("payout_id", "agreement_id", "benefit_id", "window_start", "window_end", "open_before", "moved", "open")}
                    for row in statement.earlier],
        "adjustments": [_without(row, "source_sha256") for row in statement.adjustments],
        "disputes": [_without(row, "source_sha256") for row in statement.disputes],
        "payments": [_without(row, "source_sha256") for row in statement.payments],
    }  # fmt: skip
    return json.dumps(found, indent=1, ensure_ascii=False, default=plain) + "\n"


def plain(value: Any) -> Any:
    """A value as text that no program reads differently: decimals without zeros at their end, days as ISO 8601."""
    if isinstance(value, Decimal):
        text = f"{value:f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    if value is None or isinstance(value, str | int):
        return value
    return str(value)


def _without(row: Row, *names: str) -> Row:
    return {name: value for name, value in row.items() if name not in names}
