"""The typing SQL agrees with a plain statement of the rules in Python, whatever stands in a cell."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.feeds.typing_sql import Mapped, TextFacts, select_rejects, select_rows
from models.currencies import MINOR_UNITS
from models.feeds.columns import SQL_TYPES, TRANSACTION_TYPES, Column, Kind
from models.feeds.expression_parts import Compiled


def rule(kind: Kind, text: str) -> Any:
    """The value a cell stands for. Raises ValueError for what is refused; None: the cell has no value."""
    if kind in ("text", "currency", "type"):
        trimmed = text.strip(" \t\r\n\u00a0")
        if not trimmed:
            return None
        if trimmed not in {"text": [trimmed], "currency": MINOR_UNITS, "type": TRANSACTION_TYPES}[kind]:
            raise ValueError
        return trimmed
    if text == "":
        return None
    if kind == "date":
        if not re.fullmatch("[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}", text, re.ASCII):
            raise ValueError
        return dt.date.fromisoformat(text)
    if kind == "integer":
        if not re.fullmatch("-?[0-9]{1,10}", text, re.ASCII) or not -(2**31) <= int(text) < 2**31:
            raise ValueError
        return int(text)
    if kind == "share" and re.fullmatch("[0-9]{1,6}/[1-9][0-9]{0,5}", text, re.ASCII):
        return text
    decimals = 12 if kind == "rate" else 6
    if not re.fullmatch(rf"-?[0-9]{{1,12}}(\.[0-9]{{1,{decimals}}})?", text, re.ASCII):
        raise ValueError
    return f"{Decimal(text) + 0:.6f}" if kind == "share" else Decimal(text)  # a share is text, in one form


ODD = [
    *(" 12 ", "+5", "1_000", "0x10", "1e3", "12,50", ".5", "-.5", "5.", "-0", "", " ", "NaN", "infinity", "epoch", "today", "2026-02-29", "EUR", " EUR", "eur"),
    *(
        "sale",
        "2026-02-28 (BC)",
        "20260228",
        "2147483648",
        "-2147483648",
        "return\n",
        "٣٣",
        "1.0000000",
        "-",
        "--1",
        "2026-2-28",
        "true",
        "∞",
        "1/3",
        "-1/3",
        "1/0",
        "01/3",
        "1/03",
        "1 / 3",
        "1234567/1",
    ),
]
cells = st.one_of(
    st.text(alphabet="0123456789.-+eE_ ,x٣\u00a0\tT:", max_size=20),
    st.from_regex(r"-?[0-9]{1,13}(\.[0-9]{1,13})?", fullmatch=True),
    st.from_regex(r"[0-9]{1,5}-[0-9]{1,2}-[0-9]{1,2}( [0-9:]{1,8})?", fullmatch=True),
    st.dates().map(str),
    st.from_regex(r"[0-9]{1,7}/[0-9]{1,7}", fullmatch=True),
    st.sampled_from(ODD),
)


@given(st.lists(cells, min_size=1, max_size=40), st.sampled_from(list(SQL_TYPES)), st.booleans())
def test_cells_are_taken_or_refused_as_the_rule_says(texts: list[str], kind: Kind, required: bool) -> None:
    hold_against_rule(texts, kind, required)


@pytest.mark.parametrize("required", [True, False])
@pytest.mark.parametrize("kind", SQL_TYPES)
def test_odd_cells_are_taken_or_refused_as_the_rule_says(kind: Kind, required: bool) -> None:
    hold_against_rule(ODD, kind, required)


def hold_against_rule(texts: list[str], kind: Kind, required: bool) -> None:
    mapped = [Mapped("x", Column("x", kind, required), Compiled("c0", is_column=True))]
    with duckdb.connect() as con:
        con.execute(
            "create table cells as select 1 as file_no, nullif(unnest(?::varchar[]), '') as c0, null as fault, null as fault_message, null as fault_raw",
            [texts],
        )
        rows = con.execute(select_rows(mapped, {}, TextFacts(), "from cells")).fetchall()
        rejects = con.execute(select_rejects(mapped, {}, TextFacts(), "from cells", ("x",))).fetchall()
    refused = 0
    for text, (file_no, value, _) in zip(texts, rows, strict=True):
        try:
            expected = rule(kind, text)
        except ValueError:
            is_taken = False
        else:
            is_taken = expected is not None or not required
            if is_taken:
                assert value == expected
        assert (file_no > 0) == is_taken, (kind, text)
        refused += not is_taken
    assert len(rejects) == refused
    assert all(reason not in (None, "bad_value") and message for _, reason, _, message, _, _ in rejects)
