"""What may be written off of a payout: up to what is open and to the limit, both to the cent, all write-offs of the payout together."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from models.documents import InputError
from models.records.closing import LedgerRuleViolation
from models.records.write_offs import WriteOff, agree_amount
from tests.support.ledger_records import write_off

LIMIT = Decimal("1.00")
REFUSED = "refused"
#: What agree_amount is asked: the payout, an amount, the limit, what was written off before.
Asked = tuple[dict[str, Any], Decimal | None, Decimal, list[WriteOff]]


def payout(open_amount: str, **more: Any) -> dict[str, Any]:
    """The row of fct_payout that matters here; what was written off before is no longer open."""
    figures = {"payout": Decimal(100), "settled": Decimal(90), "open_amount": Decimal(open_amount)}
    return {"payout_id": "p1", "status": "final", "currency": "EUR", **figures, **more}


def written(*amounts: str, payout_id: str = "p1") -> list[WriteOff]:
    found: list[WriteOff] = []
    for amount in amounts:
        found.append(write_off(found, payout_id=payout_id, amount=Decimal(amount)))
    return found


@pytest.mark.parametrize(
    ("amount", "before", "outcome"),
    [
        ("1.00", [], "1.0000"),
        ("1.01", [], REFUSED),
        ("0.40", ["0.60"], "0.4000"),
        ("0.41", ["0.60"], REFUSED),
        ("0.39", ["0.30", "0.30"], "0.3900"),
        ("0.40", ["0.30", "0.30"], "0.4000"),
        ("0.41", ["0.30", "0.30"], REFUSED),
        ("0.01", ["1.00"], REFUSED),
        ("0.41", ["-0.60"], REFUSED),  # too much paid is written off like too little
        ("0.40", ["-0.60"], "0.4000"),
        ("-1.00", [], "-1.0000"),
        ("-1.01", [], REFUSED),
        ("-0.41", ["0.60"], REFUSED),
    ],
)
def test_the_limit_is_of_all_write_offs_of_a_payout(amount: str, before: list[str], outcome: str) -> None:
    asked: Asked = payout("-5.00" if amount.startswith("-") else "5.00"), Decimal(amount), LIMIT, written(*before)
    if outcome == REFUSED:
        with pytest.raises(LedgerRuleViolation, match=r"of payout p1 would be written off, but book.yaml allows 1.00 \(close"):
            agree_amount(*asked)
    else:
        assert str(agree_amount(*asked)) == outcome


def test_write_offs_of_other_payouts_do_not_count() -> None:
    assert agree_amount(payout("1.00"), None, LIMIT, written("0.90", payout_id="p2")) == LIMIT


def test_the_refusal_names_the_sum() -> None:
    with pytest.raises(LedgerRuleViolation, match=r"^1\.20 EUR of payout p1 would be written off"):
        agree_amount(payout("5.00"), Decimal("0.50"), LIMIT, [*written("0.40", "0.30"), *written("0.90", payout_id="p2")])


@pytest.mark.parametrize(
    ("open_amount", "amount", "outcome"),
    [
        ("0.50", "0.50", "0.5000"),
        ("0.50", "0.51", REFUSED),
        ("0.50", "0.01", "0.0100"),
        ("0.50", "0", REFUSED),
        ("0.50", "-0.01", REFUSED),
        ("-0.50", "-0.50", "-0.5000"),
        ("-0.50", "-0.51", REFUSED),
        ("-0.50", "0.01", REFUSED),
        ("-0.50", None, "-0.5000"),
        ("0.01", None, "0.0100"),
    ],
)
def test_no_more_than_is_open_and_of_its_sign(open_amount: str, amount: str | None, outcome: str) -> None:
    asked: Asked = payout(open_amount), None if amount is None else Decimal(amount), LIMIT, []
    if outcome == REFUSED:
        with pytest.raises(LedgerRuleViolation, match="cannot be written off"):
            agree_amount(*asked)
    else:
        assert str(agree_amount(*asked)) == outcome


def test_a_payout_with_nothing_open_has_nothing_to_write_off() -> None:
    with pytest.raises(LedgerRuleViolation, match="has nothing open: payout 100, settled 90 EUR"):
        agree_amount(payout("0"), None, LIMIT, [])


@pytest.mark.parametrize(("status", "is_refused"), [("final", False), ("closed", False), ("open", True), ("blocked", True), ("forecast", True)])
def test_only_what_a_window_that_has_ended_owes(status: str, is_refused: bool) -> None:
    if is_refused:
        with pytest.raises(LedgerRuleViolation, match=f"is {status}: only what is still owed for a window that has ended"):
            agree_amount(payout("0.50", status=status), None, LIMIT, [])
    else:
        assert agree_amount(payout("0.50", status=status), None, LIMIT, []) == Decimal("0.50")


@pytest.mark.parametrize(("currency", "amount", "is_refused"), [
    ("EUR", "0.05", False), ("EUR", "0.005", True), ("JPY", "1", False), ("JPY", "0.5", True), ("KWD", "0.005", False), ("KWD", "0.0005", True),
])  # fmt: skip
def test_an_amount_has_the_decimals_of_its_currency(currency: str, amount: str, is_refused: bool) -> None:
    asked: Asked = payout("1", currency=currency), Decimal(amount), LIMIT, []
    if is_refused:
        with pytest.raises(InputError, match=f"too many decimals: {currency} has"):
            agree_amount(*asked)
    else:
        assert agree_amount(*asked) == Decimal(amount)


def test_a_book_s_finer_or_coarser_payouts_can_be_written_off_to_the_last_unit() -> None:
    units: dict[str, int | Decimal] = {"JPY": 2, "CHF": Decimal("0.05")}
    assert agree_amount(payout("0.55", currency="JPY"), None, LIMIT, [], units) == Decimal("0.55")
    assert agree_amount(payout("0.03", currency="CHF"), None, LIMIT, [], units) == Decimal("0.03")
    with pytest.raises(InputError, match="too many decimals: JPY has 2"):
        agree_amount(payout("0.555", currency="JPY"), None, LIMIT, [], units)


@pytest.mark.parametrize("amount", ["nan", "inf", "-inf"])
def test_what_is_no_amount(amount: str) -> None:
    with pytest.raises(InputError, match="is not an amount"):
        agree_amount(payout("1"), Decimal(amount), LIMIT, [])
