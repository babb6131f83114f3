"""What `accounts` of an agreement, a benefit and book.yaml refuse, with line, key and the way out."""

from __future__ import annotations

import pytest

from models.agreements.parse import parse_agreements
from models.book.accounts import AccountRule, more_specific
from models.book.settings import parse_book
from models.documents import InputError

AGREEMENT = """\
agreement: A
currency: EUR
term: {from: 2026-01-01, to: 2026-12-31}
participants: [P]
accounts: {payable_expense: 4150, by_partner: [{where: {region: [north, 7]}, cash: '0042'}]}
benefits:
- {id: b, clause: "1", window: month, tiers: [{from: 0, rate: 0.1}], accounts: {cost_centre: 10}}
- {id: m, clause: "2", window: month, manual: true, accounts: {payable_liability: 2299}}
"""
BOOK = 'book: demo\ncurrency: EUR\nfeeds:\n  transactions: {files: "t.csv"}\naccounts: ACCOUNTS\n'


def refusal(text: str) -> str:
    with pytest.raises(InputError) as caught:
        parse_agreements({"a.yaml": text})
    (problem,) = caught.value.problems
    return str(problem)


def test_the_benefit_comes_before_the_agreement_and_this_before_the_book() -> None:
    agreement = parse_agreements({"a.yaml": AGREEMENT})[0].agreement
    book = parse_book(BOOK.replace("ACCOUNTS", "{cash: '1010', by_partner: [{where: {kind: dealer}, cash: 1020}]}"))
    assert list(more_specific([agreement.benefits[0].accounts, agreement.accounts, book.accounts])) == [
        AccountRule(0, {}, {"cost_centre": "10"}),
        AccountRule(1, {"region": ["north", "7"]}, {"cash": "0042"}),
        AccountRule(2, {}, {"payable_expense": "4150"}),
        AccountRule(3, {"kind": ["dealer"]}, {"cash": "1020"}),
    ]
    assert (book.accounts.cash, book.accounts.payable_expense, book.accounts.cost_centre) == ("1010", "4100", None)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "payable_expense: 4150",
            "receivable_asset: 1310",
            "a.yaml:5: accounts.receivable_asset: the agreement is payable, and its entries use payable_expense",
        ),
        ("cash: '0042'", "receivable_income: 1", "a.yaml:5: accounts.by_partner[0].receivable_income: the agreement is payable, and its entries use"),
        ("currency: EUR", "currency: EUR\ndirection: receivable", "the agreement is receivable, and its entries use receivable_asset and receivable_income"),
        ("cost_centre: 10", "cost_center: 10", "this key is not known; did you mean cost_centre?"),
        ("cost_centre: 10", "cost_centre: ' '", "a number or name without spaces at its ends is needed here"),
        ("cost_centre: 10", "cost_centre: true", "a number or name is needed here, such as 4100 or '0042' (found True)"),
        (", cash: '0042'", "", "names no account; add one of payable_expense, payable_liability"),
        ("{region: [north, 7]}", "{}", "attributes of partners with their values are needed here, such as {region: [north, west]}"),
        ("[north, 7]", "[]", "region needs a value or a list of values"),
        ("where: {region: [north, 7]}, ", "", "accounts.by_partner[0].where: this key is required"),
        ("cash: '0042'}", "cash: 1}, {where: {region: [north, 7]}, cash: 2}", "rule 2 is for the same partners as rule 1, which comes first; make one rule"),
    ],
)
def test_refusals_name_the_way_out(old: str, new: str, message: str) -> None:
    assert old in AGREEMENT
    text = AGREEMENT.replace(old, new)
    if "direction" in new:
        text = text.replace("payable_liability: 2299", "cash: 1")
    assert message in refusal(text)


def test_book_yaml_refuses_with_its_line() -> None:
    with pytest.raises(InputError, match=r"book.yaml:5: accounts.by_partner\[0\].cahs: this key is not known; did you mean cash\?"):
        parse_book(BOOK.replace("ACCOUNTS", "{by_partner: [{where: {region: north}, cahs: 1, cash: 2}]}"))
