"""The files of an approved batch: CSV for the ERP system, XLSX for people, ISO 20022 pain.001 for the bank.

Belongs here: reading what they hold, CSV and XLSX. Does not belong here: the XML (pain001.py), which columns the CSV has (models/book/payment_settings.py).
"""

from __future__ import annotations

import datetime as dt
import io
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import duckdb
import polars as pl

from assets.payments.pain001 import Transfer, write_pain001
from assets.published.reader import Row
from assets.runtime.context import RunContext
from models.bank_accounts import compact, is_bic, is_iban
from models.currencies import MINOR_UNITS
from models.documents import InputError, Problem
from models.spreadsheet_text import neutralize_texts
from models.sql_text import identifier

#: A number of a worksheet is a double.
_SHEET_DIGITS = 15
#: Decimals of every amount.
_SCALE = 4


@dataclass(frozen=True)
class Export:
    """The files by name. `totals`: one row per currency. `without_bank`: why payments are not in the file for the bank, with their number; empty: all are."""

    files: dict[str, bytes]
    totals: list[Row]
    without_bank: dict[str, int]


def write_exports(con: duckdb.DuckDBPyConnection, number: int, context: RunContext) -> Export:
    """The files of a batch. Raises InputError where a payee's iban or bic cannot be one."""
    settings = context.book.payments
    parts = _read_parts(con, number, context.as_of)
    payees = _sum_payees(parts)
    _check_accounts(payees)
    debtor = settings.debtor
    rows = payees if settings.rows == "payee" else parts
    files = {f"payments-{number}.csv": _as_csv(rows, settings.exported), f"payments-{number}.xlsx": _as_xlsx(payees, parts, number, context.as_of)}
    without = {}
    banked = payees.filter(pl.col("iban").is_not_null())
    if debtor is None:
        without["book.yaml names no debtor (payments: {debtor: {name: …, iban: …}})"] = payees.height
    else:
        if banked.height < payees.height:
            without["the payee has no iban in the partners feed"] = payees.height - banked.height
        if banked.height:
            transfers = [Transfer(**row) for row in banked.select(*Transfer.__dataclass_fields__).iter_rows(named=True)]
            message = f"TL-{number:04d}-{context.started_at:%Y%m%d%H%M%S}"
            files[f"pain.001-{number}.xml"] = write_pain001(transfers, debtor, message, context.started_at)
    totals = payees.group_by("currency").agg(pl.col("amount").sum(), pl.len().alias("payments")).sort("currency").to_dicts()
    return Export(files, totals, without)


def _read_parts(con: duckdb.DuckDBPyConnection, number: int, as_of: dt.date) -> pl.DataFrame:
    """One row per part, with all that a column of the export may hold."""
    columns = {name.casefold(): name for name, *_ in con.execute("describe dim_partner").fetchall()}
    held = ", ".join(f"nullif(trim({identifier(columns[name])}), '') as {name}" if name in columns else f"cast(null as varchar) as {name}" for name in _ACCOUNT)
    parts = con.sql(_PARTS.format(accounts=held), params={"batch": number, "as_of": as_of}).pl()
    return parts.with_columns(pl.col(name).map_elements(compact, pl.String) for name in _ACCOUNT)


_ACCOUNT = ("iban", "bic")
_PARTS = """
    with accounts as (select partner_id, name, {accounts} from dim_partner),
    titles as (select agreement_id, max_by(title, agreement_version) as agreement_title from dim_agreement group by all)
    select lines.batch_no as batch, lines.reference, lines.payment_reference, lines.agreement_id as agreement, titles.agreement_title,
        lines.benefit_id as benefit, payouts.clause, lines.participant_id, coalesce(accounts.name, lines.participant_id) as name, iban, bic,
        lines.window_start, payouts.window_end, lines.release_no as part, lines.due_date, lines.payout_id, lines.currency, lines.amount,
        sum(lines.amount) over (partition by lines.payment_reference)::decimal(18, 4) as payment_amount,
        greatest($as_of, lines.due_by) as pay_on,
        substr(concat_ws(' ', lines.payment_reference, list_aggregate(list_sort(list_distinct(
            list(lines.agreement_id) over (partition by lines.payment_reference))), 'string_agg', ', ')), 1, 140) as text
    from fct_payment_batch as lines
    left join fct_payout as payouts using (payout_id)
    left join accounts on lines.participant_id = accounts.partner_id
    left join titles on lines.agreement_id = titles.agreement_id
    where lines.batch_no = $batch
    order by lines.reference"""


def _sum_payees(parts: pl.DataFrame) -> pl.DataFrame:
    """One row per payment: the payee and the sum in a currency."""
    names = ["batch", "payment_reference", "participant_id", "name", *_ACCOUNT, "currency", "pay_on", "text"]
    return parts.group_by(names).agg(pl.col("amount").sum()).sort("payment_reference").select(*names[:7], "amount", *names[7:])


def _check_accounts(payees: pl.DataFrame) -> None:
    """Raises InputError with every account that cannot be one."""
    checks = {"iban": (is_iban, "is not an IBAN: its check digits are wrong"), "bic": (is_bic, "is not a BIC")}
    wrong = [
        Problem("feed partners", 0, name, f"{number!r} of {payee} {message}; correct it in the feed, and run again")
        for name, (is_right, message) in checks.items()
        for payee, number in payees.select("participant_id", name).drop_nulls().unique().sort("participant_id").iter_rows()
        if not is_right(number)
    ]
    if wrong:
        raise InputError(wrong)


def _as_csv(rows: pl.DataFrame, columns: dict[str, str]) -> bytes:
    """CSV with LF line ends. Amounts have the decimals of their currency; no cell is a formula."""
    texts = neutralize_texts(rows)
    plain = texts.with_columns(_plain(name) for name in ("amount", "payment_amount") if name in texts.columns)
    return plain.select(pl.col(held).alias(column) for column, held in columns.items()).write_csv().encode()


def _plain(name: str) -> pl.Expr:
    """An amount as text with the decimals of its currency, and more where it has more."""
    text = pl.col(name).cast(pl.String)
    decimals = pl.col("currency").replace_strict(dict(MINOR_UNITS), default=2, return_dtype=pl.Int64)
    shortened = (pl.when(decimals == places).then(text.str.replace(f"0{{0,{_SCALE - places}}}$", "")) for places in range(_SCALE + 1))
    return pl.coalesce(*shortened).str.strip_suffix(".").alias(name)


def _as_xlsx(payees: pl.DataFrame, parts: pl.DataFrame, number: int, as_of: dt.date) -> bytes:
    """Two worksheets: payments and their parts. The same batch gives the same bytes. An amount that a worksheet cannot keep is a text."""
    import xlsxwriter

    content = io.BytesIO()
    with xlsxwriter.Workbook(content, {"strings_to_formulas": False, "strings_to_urls": False, "in_memory": True}) as workbook:
        workbook.set_properties({"title": f"Payment batch {number}", "created": dt.datetime.combine(as_of, dt.time())})
        for name, frame in (("Payments", payees), ("Parts", parts)):
            amounts = [each for each in ("amount", "payment_amount") if each in frame.columns]
            long = [each for each in amounts if any(_digits(value) > _SHEET_DIGITS for value in frame[each])]
            shown = neutralize_texts(frame).with_columns(pl.col(each).cast(pl.String) for each in long)
            formats: dict[Any, Any] = {each: "#,##0.00##" for each in amounts if each not in long}
            shown.write_excel(workbook, worksheet=name, column_formats=formats, freeze_panes=(1, 0), autofit=True)
    return content.getvalue()


def _digits(amount: Decimal) -> int:
    return len(f"{amount:f}".replace(".", "").replace("-", "").strip("0"))
