"""What closed periods depend on and may no longer change: agreements that were posted, their direction and currency, and the accounts of entries that
the first versions wrote without what each account is for.

Belongs here: queries over `ledger.*` and `terms.*`, and what to do instead. Does not belong here: what a close freezes (assets/closing/close.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.documents import Problem

if TYPE_CHECKING:
    import duckdb

#: At most so many of a kind are listed.
MAX_LISTED = 20

_GONE = f"""
    select agreement_id, max(period) as period, sum(accrual) as posted, any_value(currency) as currency
    from ledger.accruals where agreement_id not in (select agreement_id from terms.agreements)
    group by agreement_id having sum(accrual) <> 0
    order by all limit {MAX_LISTED}"""

_TURNED = f"""
    with posted as (select agreement_id, direction, currency, max(period) as period from ledger.accruals group by all)
    select agreements.source_file, agreements.source_line, agreements.agreement_id, agreements.direction, agreements.currency,
        posted.direction, posted.currency, posted.period
    from terms.agreements as agreements join posted using (agreement_id)
    where agreements.direction <> posted.direction or agreements.currency <> posted.currency
    order by all limit {MAX_LISTED}"""

_RENUMBERED = f"""
    with named as (from (unpivot (from terms.accounts) on * into name role value account))
    select account, max(period) as period from ledger.journal
    where account_role is null and account not in (select account from named)
    group by account order by all limit {MAX_LISTED}"""


def changed_after_close(con: duckdb.DuckDBPyConnection) -> list[Problem]:
    """One problem per agreement or account that closed periods depend on and that is gone or has changed. None when nothing is closed."""
    problems = [
        Problem(
            "agreements",
            0,
            agreement,
            f"{agreement} is no longer in any file, but {posted.normalize():f} {currency} of it are posted in closed periods, the last {period}. "
            "Put it back; to end it, give its term an earlier end",
        )
        for agreement, period, posted, currency in con.execute(_GONE).fetchall()
    ]
    for file, line, agreement, direction, currency, was_direction, was_currency, period in con.execute(_TURNED).fetchall():
        key, now, was = ("direction", direction, was_direction) if direction != was_direction else ("currency", currency, was_currency)
        message = f"is {now}, but {agreement} was posted as {was} in closed periods, the last {period}. Keep it; for other terms end it and write another"
        problems.append(Problem(file, line, key, message))
    problems += [
        Problem(
            "book.yaml",
            0,
            "accounts",
            f"account {account} is not among them, but entries of closed periods use it, the last in {period}. Keep its number here and renumber in the "
            "general ledger's import",
        )
        for account, period in con.execute(_RENUMBERED).fetchall()
    ]
    return problems
