"""The agreement language as types: every key of SPEC §2 that is computed, and those that are not yet.

Belongs here: names, types and defaults of the keys. Does not belong here: rules between keys (rules.py), tables (terms.py).
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag

from models.book import Currency
from models.feeds import TRANSACTION_TYPES

MAX_DECIMALS = 12


def _number(value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise ValueError(f"a number is needed here, such as 1000 or 0.05 (found {value!r})")
    number = Decimal(value)
    if -number.as_tuple().exponent > MAX_DECIMALS:  # type: ignore[operator]
        raise ValueError(f"{value} has more than {MAX_DECIMALS} decimals")
    if abs(number) >= Decimal(10) ** 14:  # what money (18 digits, 4 of them decimals) can hold
        raise ValueError(f"{value} is larger than this program computes with (10^14)")
    return number


def _rate(value: Any) -> Decimal:
    number = _number(value)
    if not 0 <= number <= 1:
        raise ValueError(f"a rate is a fraction from 0 to 1: write 0.15 for 15 % (found {value})")
    return number


def _identifier(value: Any) -> Any:
    if isinstance(value, str) and (value != value.strip() or not value or not value.isprintable()):
        raise ValueError(f"an id is text without spaces at its ends or control characters (found {value!r})")
    return value


def _text(value: Any) -> Any:
    """Numbers that stand where a name is expected (`clause: 4.1`) are taken as written."""
    return str(value) if isinstance(value, int | Decimal) and not isinstance(value, bool) else value


def _not_yet(value: Any) -> Any:
    raise ValueError("this key of the language is not computed yet; an agreement that needs it is refused rather than half read")


Number = Annotated[Decimal, BeforeValidator(_number)]
Rate = Annotated[Decimal, BeforeValidator(_rate)]
Identifier = Annotated[str, BeforeValidator(_text), BeforeValidator(_identifier)]
Text = Annotated[str, BeforeValidator(_text), Field(min_length=1)]
NotYet = Annotated[Any, BeforeValidator(_not_yet)]
Values = dict[str, Annotated[list[Text], Field(min_length=1), BeforeValidator(lambda value: value if isinstance(value, list) else [value])]]


class Part(BaseModel):
    """Unknown keys are refused; values are not coerced from other types."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Term(Part):
    """First and last day, both included."""

    from_: dt.date = Field(alias="from")
    to: dt.date


class ProductSelection(Part):
    """`include`: every key must match, any value of its list; `exclude`: any key."""

    include: Values = {}
    exclude: Values = {}


class Scope(Part):
    """Which transactions count."""

    products: ProductSelection = ProductSelection()
    types: list[Literal[TRANSACTION_TYPES]] | None = Field(default=None, min_length=1)  # type: ignore[valid-type]
    where: NotYet = None


class Tier(Part):
    """From this place of the axis on: what is paid."""

    from_: Number = Field(alias="from")
    rate: Rate | None = None
    per_unit: Number | None = None
    amount: Number | None = None
    share: Number | None = None


def _factor(value: Any) -> Decimal:
    number = _number(value)
    if number <= 0 or -number.as_tuple().exponent > 6:  # type: ignore[operator]
        raise ValueError(f"times is a factor above 0 with up to 6 decimals: 1.05 for 5 % more (found {value})")
    return number


class PriorYear(Part):
    """The same measure over the same days one year earlier, times a factor."""

    prior: Literal["year"]
    times: Annotated[Decimal, BeforeValidator(_factor)] = Decimal(1)


class PriorBaseline(Part):
    """The same measure over the same days one year earlier."""

    prior: Literal["year"]


class Limits(Part):
    """In money of the agreement, applied to what a span earns."""

    at_most: Number | None = None
    at_least: Number | None = None
    pays_from: Number | None = None


class Settle(Part):
    """When it is paid, and what happens when a span earned less than was paid before."""

    lag_days: int = Field(default=0, ge=0, le=3660)
    clawback: Literal["pay", "carry", "none"] = "carry"


class Accrue(Part):
    """Which tier an accrual takes."""

    placement: Literal["actual"] = "actual"
    forecast: Literal["linear"] = "linear"


class Approval(Part):
    """Who approved the agreement, and when."""

    by: Text
    on: dt.date


def _kind(value: Any) -> str:
    """Which form of a figure or selection was written, so that a mistake is told in the terms of that form."""
    return "mapping" if isinstance(value, dict | BaseModel) else "list" if isinstance(value, list) else "word" if isinstance(value, str) else "number"


Feed = Annotated[Literal["feed"], Tag("word")]
Figure = Annotated[Number, Tag("number")]
Target = Annotated[Figure | Feed | Annotated[PriorYear, Tag("mapping")], Discriminator(_kind)]
Baseline = Annotated[Figure | Feed | Annotated[PriorBaseline, Tag("mapping")], Discriminator(_kind)]
Incentive = Annotated[Figure | Feed, Discriminator(_kind)]
Ids = Annotated[list[Identifier], Field(min_length=1), Tag("list")]
Selector = Annotated[Values, Field(min_length=1), Tag("mapping")]


class Benefit(Part):
    """One clause that pays."""

    id: Identifier
    clause: Text
    quote: str | None = None
    window: Literal["month", "quarter", "half_year", "year", "term"]
    accumulate: Literal["window", "year", "term"] = "window"
    scope: Scope = Scope()
    measure: Literal["amount", "quantity", "margin", "count"] = "amount"
    base: Literal["measure", "amount", "quantity", "margin", "increment"] = "measure"
    by: Literal["measure", "attainment", "growth", "growth_amount"] = "measure"
    target: Target | None = None
    baseline: Baseline | None = None
    incentive: Incentive | None = None
    method: Literal["whole", "graduated", "linear"] = "whole"
    boundary: Literal["lower_inclusive", "upper_inclusive"] = "lower_inclusive"
    above: Literal["hold", "extend", "zero"] = "hold"
    tiers: list[Tier] = Field(min_length=1, max_length=1000)
    limits: Limits = Limits()
    settle: Settle = Settle()
    accrue: Accrue = Accrue()
    prorate: Literal["none"] = "none"
    ties: NotYet = None
    matrix: NotYet = None
    requires: NotYet = None
    multiply: NotYet = None


class Agreement(Part):
    """One version of one agreement."""

    agreement: Identifier
    version: Literal[1] = 1
    effective: dt.date | None = None
    amendment: Literal["next_window"] = "next_window"
    approved: Approval | None = None
    review_by: dt.date | None = None
    title: Text
    direction: Literal["payable", "receivable"] = "payable"
    currency: Currency
    term: Term
    participants: Annotated[Ids | Selector, Discriminator(_kind)]
    pool: Literal["each", "together"] = "each"
    payee: Identifier | None = None
    include_children: bool = True
    document: Text | None = None
    scope: Scope = Scope()
    fx: Literal["transaction_date"] = "transaction_date"
    returns: Literal["posted"] = "posted"
    combine: NotYet = None
    benefits: list[Benefit] = Field(min_length=1, max_length=1000)


#: Values of the language that are refused today, with the key they stand at: named in the message instead of "not allowed".
NOT_YET_VALUES: dict[str, tuple[str, ...]] = {
    "method": ("rolling", "total"),
    "by": ("rank", "percentile"),
    "prorate": ("days",),
    "amendment": ("restate",),
    "fx": ("period_end",),
    "returns": ("original",),
    "placement": ("forecast",),
    "forecast": ("seasonal", "feed"),
}
