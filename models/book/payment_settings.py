"""What a payment batch is exported as: the key `payments` of book.yaml, validated.

Belongs here: names, types and defaults below that key, and what a column of the export may hold. Does not belong here: writing the files
(assets/payments/exports.py).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from models.bank_accounts import compact, is_bic, is_iban
from models.validation import Strict

#: What a column may hold, by the row that it is in: a payment to a payee in a currency, or one part of it.
OF_PAYEE = ("batch", "payment_reference", "participant_id", "name", "iban", "bic", "currency", "amount", "pay_on", "text")
OF_PART = (
    "reference", "agreement", "agreement_title", "benefit", "clause", "window_start", "window_end", "part", "due_date", "payout_id", "payment_amount",
)  # fmt: skip
#: The names of the payments feed, so that the same file comes back with a column `paid_on` added.
_PARTS = ("agreement", "benefit", "participant_id", "window_start", "amount", "currency", "reference", "due_date", "name", "iban", "bic", "payment_reference")
_PAYEES = ("payment_reference", "participant_id", "name", "iban", "bic", "currency", "amount", "pay_on", "text")


def _iban(value: Any) -> Any:
    if not isinstance(value, str) or not is_iban(compact(value)):
        raise ValueError(f"{value!r} is not an IBAN: its check digits are wrong")
    return compact(value)


def _bic(value: Any) -> Any:
    if not isinstance(value, str) or not is_bic(compact(value)):
        raise ValueError(f"{value!r} is not a BIC such as INGBNL2A")
    return compact(value)


class Debtor(Strict):
    """Who pays, and from which account: needed for the file to the bank."""

    name: str = Field(min_length=1, max_length=140)
    iban: Annotated[str, BeforeValidator(_iban)]
    bic: Annotated[str, BeforeValidator(_bic)] | None = None


class PaymentSettings(Strict):
    """The export of a batch. `rows`: of the CSV, one per part or one per payee and currency. `columns`: the columns of the CSV in order, each with what
    it holds. `debtor`: who pays; without it no file for the bank is written."""

    rows: Literal["part", "payee"] = "part"
    columns: dict[str, str] = Field(default_factory=dict)
    debtor: Debtor | None = None

    @model_validator(mode="after")
    def _columns_are_known(self) -> PaymentSettings:
        allowed = OF_PAYEE if self.rows == "payee" else (*OF_PAYEE, *OF_PART)
        for column, held in self.columns.items():
            if held not in allowed:
                way_out = "; rows: part has it" if held in OF_PART else ""
                raise ValueError(f"columns.{column}: {held!r} is not known{way_out}. Allowed: {', '.join(allowed)}")
        return self

    @property
    def exported(self) -> dict[str, str]:
        """The columns of the CSV, each with what it holds."""
        return self.columns or {name: name for name in (_PARTS if self.rows == "part" else _PAYEES)}
