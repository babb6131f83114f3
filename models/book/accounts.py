"""The ledger accounts and cost centres that the journal posts to: the key `accounts` of book.yaml, of an agreement and of a benefit, validated.

Belongs here: names, types, defaults, and which mapping comes first. Does not belong here: which side of an entry has which account
(dbt_project/models/marts/ledger/fct_journal.sql).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, NamedTuple

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from models.validation import Strict

#: What accounts are for. The first four are of one direction each, in its order of debit and credit.
ROLES = ("payable_expense", "payable_liability", "receivable_asset", "receivable_income", "cash", "write_off", "exchange_difference")
OF_DIRECTION = {"payable": ROLES[:2], "receivable": ROLES[2:4]}
COST_CENTRE = "cost_centre"


def _number(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError(f"a number or name is needed here, such as 4100 or '0042' (found {value!r})")
    text = str(value)
    if text != text.strip() or not text or not text.isprintable():
        raise ValueError(f"a number or name without spaces at its ends is needed here, such as 4100 or '0042' (found {value!r})")
    return text


def _values(value: Any) -> Any:
    if not isinstance(value, dict) or not value:
        raise ValueError(f"attributes of partners with their values are needed here, such as {{region: [north, west]}} (found {value!r})")
    listed = {name: each if isinstance(each, list) else [each] for name, each in value.items()}
    for name, each in listed.items():
        if not each or any(isinstance(one, bool) or not isinstance(one, str | int) for one in each):
            raise ValueError(f"{name} needs a value or a list of values, such as {{region: [north, west]}} (found {value[name]!r})")
    return {name: [str(one) for one in each] for name, each in listed.items()}


_TEXT_OR_NUMBER = {"type": ["string", "number"]}
Account = Annotated[str, BeforeValidator(_number), WithJsonSchema(_TEXT_OR_NUMBER)]
PartnerValues = Annotated[
    dict[str, list[str]],
    BeforeValidator(_values),
    WithJsonSchema({"type": "object", "minProperties": 1, "additionalProperties": {"anyOf": [_TEXT_OR_NUMBER, {"type": "array", "items": _TEXT_OR_NUMBER}]}}),
]


class AccountNames(Strict):
    """Accounts by what they are for. What is not named here comes from the mapping that is less specific."""

    payable_expense: Account | None = Field(default=None, description="What we pay costs us this.")
    payable_liability: Account | None = Field(default=None, description="What we owe.")
    receivable_asset: Account | None = Field(default=None, description="What we are owed.")
    receivable_income: Account | None = Field(default=None, description="What we receive earns us this.")
    cash: Account | None = Field(default=None, description="Payments.")
    write_off: Account | None = Field(default=None, description="Differences that will not be paid.")
    exchange_difference: Account | None = Field(default=None, description="What payments that name their currency cost more or less than what they settle.")
    cost_centre: Account | None = Field(default=None, description="On the lines of expense, income and write-off.")


class PartnerAccounts(AccountNames):
    """Accounts for participants with these attributes."""

    where: PartnerValues = Field(description="Attributes that the participant has today; every one must match, with any value of its list.")

    @model_validator(mode="after")
    def _names_something(self) -> PartnerAccounts:
        if not named(self):
            raise ValueError(f"names no account; add one of {', '.join(ROLES)} or {COST_CENTRE}, or remove the rule")
        return self


class AccountMapping(AccountNames):
    """Accounts of the journal. Those of a benefit come before those of its agreement, and these before those of the book; in each, `by_partner` first."""

    by_partner: list[PartnerAccounts] = Field(default=[], max_length=100, description="Accounts by attributes of the participant; the first rule that matches.")

    @model_validator(mode="after")
    def _rules_differ(self) -> AccountMapping:
        for number, rule in enumerate(self.by_partner, 1):
            for before, earlier in enumerate(self.by_partner[: number - 1], 1):
                if earlier.where == rule.where:
                    raise ValueError(f"by_partner: rule {number} is for the same partners as rule {before}, which comes first; make one rule of them")
        return self


class Accounts(AccountMapping):
    """Those of the book: every account has a number."""

    payable_expense: Account = "4100"
    payable_liability: Account = "2200"
    receivable_asset: Account = "1300"
    receivable_income: Account = "5100"
    cash: Account = "1000"
    write_off: Account = "6900"
    exchange_difference: Account = "6950"


def named(accounts: AccountNames) -> dict[str, str]:
    """The accounts and the cost centre that a mapping names, by what they are for."""
    return {role: account for role in (*ROLES, COST_CENTRE) if (account := getattr(accounts, role)) is not None}


class AccountRule(NamedTuple):
    """Accounts that are more specific than the book's own. The lowest place that matches and names a role decides it."""

    place: int
    where: dict[str, list[str]]
    accounts: dict[str, str]


def more_specific(mappings: Sequence[AccountMapping | None]) -> Iterator[AccountRule]:
    """The rules of a benefit, in order. `mappings`: those of the benefit, of its agreement, of the book, whose own accounts hold otherwise."""
    place = 0
    for mapping in mappings:
        for rule in mapping.by_partner if mapping else ():
            yield AccountRule(place, rule.where, named(rule))
            place += 1
        if mapping and not isinstance(mapping, Accounts) and (own := named(mapping)):
            yield AccountRule(place, {}, own)
            place += 1
