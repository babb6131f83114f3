"""The feeds: their canonical columns, with kinds and defaults, which of them are required, and their business keys.

Belongs here: the shape of feeds as data. Does not belong here: reading files (assets/feeds/load.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["text", "integer", "date", "amount", "rate", "share", "currency", "type"]

#: SQL type of each kind in `raw.*`. Amounts and quantities have up to 6 decimals, rates and metrics up to 12; a row with more is rejected. A share is text,
#: because it may be a fraction such as 1/3, which has no last decimal.
SQL_TYPES: dict[Kind, str] = {
    "text": "VARCHAR",
    "integer": "INTEGER",
    "date": "DATE",
    "amount": "DECIMAL(18,6)",
    "rate": "DECIMAL(38,12)",
    "share": "VARCHAR",
    "currency": "VARCHAR",
    "type": "VARCHAR",
}
#: Kinds whose columns can be added up.
NUMERIC_KINDS: tuple[Kind, ...] = ("amount", "rate")
#: How a dispute stands: `open` until its `resolved_on`.
DISPUTE_STATES = ("open", "accepted", "rejected", "withdrawn")
TRANSACTION_TYPES = ("sale", "return", "credit", "adjustment")
#: Types whose amounts are negative, and the columns of a transaction that have their sign.
NEGATIVE_TYPES = ("return", "credit")
SIGNED_COLUMNS = ("quantity", "amount", "cost")


@dataclass(frozen=True)
class Column:
    """One canonical column of a feed. `default` is the text used where the file has no value (or `=other_column`)."""

    name: str
    kind: Kind
    required: bool = False
    default: str | None = None
    minimum: str | None = None  # the smallest value allowed, excluded where `above_minimum`
    above_minimum: bool = False


@dataclass(frozen=True)
class Feed:
    """A feed: its canonical columns in order, and the business key used when book.yaml names none (empty: file and row)."""

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()
    attributes: bool = False  # other columns are kept as text and can be used in scopes

    @property
    def day(self) -> str | None:
        """The column with the day of a row's event; None where the feed's rows are not events."""
        return next((column.name for column in self.columns if column.name in ("date", "paid_on", "collected_on", "raised_on")), None)

    @property
    def accepts_any_text(self) -> bool:
        """Whether a row with any texts is valid: then a header that is repeated in the middle of a file looks like a row."""
        return all(column.kind == "text" or not column.required for column in self.columns)


def _text(name: str, required: bool = False) -> Column:
    return Column(name, "text", required)


def _date(name: str, required: bool = False, default: str | None = None) -> Column:
    return Column(name, "date", required, default)


def _amount(name: str, required: bool = False) -> Column:
    return Column(name, "amount", required)


FEEDS: dict[str, Feed] = {
    feed.name: feed
    for feed in (
        Feed(
            "transactions",
            (
                _text("transaction_id", True),
                Column("line", "integer", default="1"),
                _date("date", True),
                _text("partner_id", True),
                _text("product_id"),
                Column("type", "type", default="sale"),
                _amount("quantity"),
                _amount("amount", True),
                _amount("cost"),
                Column("currency", "currency", True),
                _text("original_transaction_id"),
                _date("posted_on", default="=date"),
            ),
            attributes=True,
        ),
        Feed(
            "partners",
            (_text("partner_id", True), _text("name"), _text("parent_id"), _date("from"), _date("to")),
            attributes=True,
        ),
        Feed("products", (_text("product_id", True), _text("name"), _date("from"), _date("to")), attributes=True),
        Feed(
            "targets",
            (
                _text("agreement", True),
                _text("benefit", True),
                _text("participant_id", True),
                _date("window_start", True),
                _amount("target"),
                _amount("incentive"),
                _amount("baseline"),
            ),
        ),
        Feed("metrics", (_text("participant_id", True), _text("metric", True), _date("date", True), Column("value", "rate", True))),
        Feed(
            "fx_rates",
            (
                _date("date", True),
                Column("from_currency", "currency", True),
                Column("to_currency", "currency", True),
                Column("rate", "rate", True, minimum="0", above_minimum=True),
            ),
        ),
        Feed(
            "payments",
            (
                _text("agreement", True),
                _text("benefit", True),
                _text("participant_id", True),
                _date("window_start", True),
                _amount("amount", True),
                _date("paid_on", True),
                _text("reference", True),
                Column("currency", "currency"),  # empty: the agreement's, and nobody asks at which rate
            ),
            key=("reference",),  # the same payment may be exported more than once
        ),
        Feed(
            "adjustments",
            (
                _text("adjustment_id", True),
                _text("agreement", True),
                _text("benefit", True),
                _text("participant_id", True),
                _date("window_start", True),
                _date("date", True),
                _amount("amount", True),
                _text("reason", True),
                _text("by", True),
                _text("approved_by"),
            ),
            key=("adjustment_id",),  # exported again, it is the same; with another amount, it replaces the first
        ),
        Feed(
            "collections",
            (
                _text("transaction_id", True),
                Column("line", "integer"),  # empty: all lines of the transaction
                _date("collected_on", True),
                Column("share", "amount", default="1"),
            ),
        ),
        Feed(
            "balances",
            (
                _text("agreement", True),
                _text("benefit", True),
                _text("participant_id", True),
                _date("window_start", True),
                _date("date", True),
                _amount("measure"),
                _amount("base"),
                _amount("quantity"),
                _amount("accrued"),
                _amount("settled"),
                _amount("carried"),
            ),
            key=("agreement", "benefit", "participant_id", "window_start"),  # a window opens once
        ),
        Feed(
            "disputes",
            (
                _text("dispute_id", True),
                # a payout by all four, or a transaction in every payout that holds it, or a transaction in one payout
                _text("agreement"),
                _text("benefit"),
                _text("participant_id"),
                _date("window_start"),
                _text("transaction_id"),
                Column("line", "integer"),  # empty: all lines of the transaction
                _date("raised_on", True),
                _text("by", True),
                Column("amount", "amount", minimum="0"),  # empty: all of what is disputed
                _text("component"),
                _text("reason", True),
                Column("status", "text", default="open"),
                _date("resolved_on"),
                _text("note"),
            ),
            key=("dispute_id",),  # exported again, it is the same; with a resolution, it replaces the first
        ),
        Feed(
            "assignments",
            (
                _text("partner_id", True),
                _text("participant_id", True),
                Column("share", "share", default="1", minimum="0"),
                _date("from"),
                _date("to"),
            ),
        ),
        Feed(
            "participations",
            (
                _text("agreement", True),
                _text("participant_id", True),
                _date("from", True),
                _date("to"),
                Column("factor", "amount", default="1", minimum="0", above_minimum=True),
            ),
        ),
        Feed(
            "credits",
            (_text("transaction_id", True), Column("line", "integer"), _text("participant_id", True), Column("share", "share", True, minimum="0")),
        ),
    )
}
