"""Payments that say the same twice, or that take the place of a payment for something else.

Belongs here: these warnings. Does not belong here: payments that name no payout (int_rows_unresolved in dbt_project/), what a payment settles.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import duckdb


def describe_odd_payments(con: duckdb.DuckDBPyConnection, key: Sequence[str], names: Mapping[int, str]) -> list[str]:
    """One sentence per file and kind. `names`: the files that arrived, by file_no."""
    warnings = []
    for file_no, rows, reference, other in con.execute(_REPEATED, [list(names)]).fetchall():
        alike = f"{rows:,} payments are equal to others but for their" if rows > 1 else "1 payment is equal to another but for its"
        what = f"{alike} reference, such as {reference} and {other}, and both settle"
        warnings.append(f"{names[file_no]}: {what}; if they were paid once, `tierledger withdraw` the file or correct it")
    for file_no, rows, reference in con.execute(_MOVED, [list(names)]).fetchall() if list(key) == ["reference"] else []:
        moved = f"{rows:,} payments replace" if rows > 1 else "1 payment replaces"
        what = f"{moved} one of another payout that an earlier file has under the same reference, such as {reference}"
        way_out = "if one transfer pays several payouts, set key: [reference, agreement, benefit, participant_id, window_start] for feeds.payments"
        warnings.append(f"{names[file_no]}: {what}; {way_out}")
    return warnings


_PAYOUT = "agreement, benefit, participant_id, window_start"
_REPEATED = f"""
    select later.file_no, count(distinct later.row_no), min(later.reference), arg_min(earlier.reference, later.reference)
    from raw.payments as later join raw.payments as earlier using ({_PAYOUT}, amount, paid_on)
    where (earlier.file_no, earlier.row_no) < (later.file_no, later.row_no) and earlier.file_no > 0 and earlier.reference <> later.reference
        and not later.is_deleted and not earlier.is_deleted and list_contains(?::integer[], later.file_no)
    group by later.file_no order by later.file_no"""
_MOVED = f"""
    select later.file_no, count(distinct later.row_no), min(later.reference)
    from raw.payments as later join raw.payments as earlier using (reference)
    where earlier.file_no < later.file_no and earlier.file_no > 0 and not later.is_deleted and list_contains(?::integer[], later.file_no)
        and ({", ".join(f"earlier.{column}" for column in _PAYOUT.split(", "))}) <> ({", ".join(f"later.{column}" for column in _PAYOUT.split(", "))})
    group by later.file_no order by later.file_no"""
