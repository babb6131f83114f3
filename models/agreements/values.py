"""The values of the agreement language: numbers, names, days, conditions, and the forms that one key may take.

Belongs here: what a single value may be. Does not belong here: the keys (schema.py).
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from models.documents import WrittenDecimal, WrittenInteger
from models.feeds.expression_parts import ExpressionError
from models.feeds.expressions import compile_expression

MAX_DECIMALS = 12
#: Decimals of a factor, by which figures are multiplied before anything is rounded.
FACTOR_DECIMALS = 6
#: Sums of weights, in millionths, fit 64 bits.
MOST_WEIGHT = 1_000_000
#: A share written as a fraction has whole numbers up to this.
MOST_PARTS = 1_000


class Part(BaseModel):
    """Unknown keys are errors; values are not coerced from other types."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


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
        raise ValueError(f"a rate is a fraction from 0 to 1: write 0.15 for 15 %; more than all of a target or incentive is share: 1.25 (found {value})")
    return number


def _factor(value: Any) -> Decimal:
    number = _number(value)
    if number < 0 or -number.as_tuple().exponent > FACTOR_DECIMALS:  # type: ignore[operator]
        raise ValueError(f"a factor is 0 or more, with up to {FACTOR_DECIMALS} decimals: 1.05 for 5 % more (found {value})")
    return number


def _weight(value: Any) -> Decimal:
    number = _factor(value)
    if number >= MOST_WEIGHT:
        raise ValueError(f"a weight is below {MOST_WEIGHT:,}; only its ratio to the others counts (found {value})")
    return number


def _multiple(value: Any) -> Decimal:
    number = _factor(value)
    if not number:
        raise ValueError("every is a number above 0: every: 42 counts the full pallets of 42")
    return number


def _growth_factor(value: Any) -> Decimal:
    number = _factor(value)
    if not number:
        raise ValueError("times is a factor above 0: 1.05 for 5 % more")
    return number


def _kept_part(value: Any) -> Decimal:
    number = _factor(value)
    if number > 1:
        raise ValueError(f"otherwise is the part that is still paid, from 0 to 1: 0.5 for half (found {value})")
    return number


def _share(value: Any) -> Fraction:
    written = value.split("/") if isinstance(value, str) else ()
    if len(written) == 2 and all(part.strip().isascii() and part.strip().isdigit() and 0 < int(part) <= MOST_PARTS for part in written):
        share = Fraction(int(written[0]), int(written[1]))
    else:
        share = Fraction(_factor(value))
    if not 0 < share <= 1:
        raise ValueError(f"a share is above 0 and at most 1: 0.8, or 1/3 (found {value})")
    return share


def _exchange_rate(value: Any) -> Decimal:
    number = _number(value)
    if number <= 0:
        raise ValueError(f"an exchange rate is above 0: {{USD: 0.92}} says that 1 USD is 0.92 of the agreement's currency (found {value})")
    return number


def _identifier(value: Any) -> Any:
    if isinstance(value, str) and (value != value.strip() or not value or not value.isprintable()):
        raise ValueError(f"an id is text without spaces at its ends or control characters (found {value!r})")
    return value


def _name(value: Any) -> Any:
    if isinstance(value, str) and (not value.strip() or not value.isprintable()):
        raise ValueError(f"the name of a person is needed here (found {value!r})")
    return value


def _text(value: Any) -> Any:
    """A number or a day where a name is expected (`clause: 4.1`) is taken as written, unless the text of the number is another one."""
    if isinstance(value, WrittenInteger | WrittenDecimal):
        raise ValueError(f"{value.written} is read as the number {value}: write '{value.written}' in quotes if it is a name, otherwise write {value}")
    return str(value) if isinstance(value, int | Decimal | dt.date) and not isinstance(value, bool) else value


def _condition(value: Any) -> Any:
    """Checks the syntax only: the columns are known once the feed has been read."""
    if isinstance(value, str):
        try:
            compiled = compile_expression(value, None)
        except ExpressionError as error:
            raise ValueError(f"this is not a condition over a transaction's columns: {error}") from None
        if compiled.form != "boolean":
            raise ValueError(f"{value!r} is neither true nor false; compare it with something, such as channel = 'retail'")
    return value


def kind_of(value: Any) -> str:
    """Which form of a key the user wrote, so that a mistake is reported in terms of that form."""
    return "mapping" if isinstance(value, dict | BaseModel) else "list" if isinstance(value, list) else "word" if isinstance(value, str) else "number"


def _schema(**schema: Any) -> WithJsonSchema:
    return WithJsonSchema(schema)


_WORD_OR_NUMBER = ["string", "number"]
Number = Annotated[Decimal, BeforeValidator(_number), _schema(type="number")]
Rate = Annotated[Decimal, BeforeValidator(_rate), _schema(type="number", minimum=0, maximum=1)]
Factor = Annotated[Decimal, BeforeValidator(_factor), _schema(type="number", minimum=0)]
GrowthFactor = Annotated[Decimal, BeforeValidator(_growth_factor), _schema(type="number", exclusiveMinimum=0)]
Multiple = Annotated[Decimal, BeforeValidator(_multiple), _schema(type="number", exclusiveMinimum=0)]
Weight = Annotated[Decimal, BeforeValidator(_weight), _schema(type="number", minimum=0)]
KeptPart = Annotated[Decimal, BeforeValidator(_kept_part), _schema(type="number", minimum=0, maximum=1)]
Share = Annotated[Any, BeforeValidator(_share), _schema(type=_WORD_OR_NUMBER, exclusiveMinimum=0, maximum=1)]
ExchangeRate = Annotated[Decimal, BeforeValidator(_exchange_rate), _schema(type="number", exclusiveMinimum=0)]
Identifier = Annotated[str, BeforeValidator(_text), BeforeValidator(_identifier), _schema(type=_WORD_OR_NUMBER)]
Text = Annotated[str, BeforeValidator(_text), Field(min_length=1), _schema(type=_WORD_OR_NUMBER)]
Name = Annotated[str, BeforeValidator(_text), BeforeValidator(_name), _schema(type=_WORD_OR_NUMBER)]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Condition = Annotated[str, BeforeValidator(_condition), _schema(type="string")]
_OneOrMore = Annotated[list[Text], Field(min_length=1), BeforeValidator(lambda value: value if isinstance(value, list) else [value])]
Values = Annotated[
    dict[str, _OneOrMore],
    _schema(type="object", additionalProperties={"anyOf": [{"type": _WORD_OR_NUMBER}, {"type": "array", "items": {"type": _WORD_OR_NUMBER}, "minItems": 1}]}),
]
