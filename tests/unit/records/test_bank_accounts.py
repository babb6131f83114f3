"""Check digits of account numbers, on examples of the IBAN registry."""

from __future__ import annotations

import pytest

from models.bank_accounts import compact, is_bic, is_iban

REGISTERED = ["AD1200012030200359100100", "DE89370400440532013000", "FR1420041010050500013M02606", "MT84MALT011000012345MTLCAST001S", "NO9386011117947"]


@pytest.mark.parametrize("number", REGISTERED)
def test_a_registered_number_is_right_and_any_other_digit_is_wrong(number: str) -> None:
    assert is_iban(number)
    others = [number[:place] + digit + number[place + 1 :] for place in range(2, len(number)) for digit in "0123456789" if number[place] not in ("M", digit)]
    assert [other for other in others if other[4:] != number[4:] and is_iban(other) and other[2:4] == number[2:4]] == []


@pytest.mark.parametrize("number", ["", "DE", "DE893704004405320130", "de89370400440532013000", "DE89 3704 0044 0532 0130 00", "99370400440532013000DE"])
def test_what_has_another_form_is_wrong(number: str) -> None:
    assert not is_iban(number)


def test_people_write_it_in_groups() -> None:
    assert compact(" de89 3704 0044\t0532 0130 00 ") == "DE89370400440532013000"


@pytest.mark.parametrize(("number", "is_right"), [("COBADEFF", True), ("COBADEFFXXX", True), ("COBADEFFX", False), ("COBA1EFF", False), ("", False)])
def test_a_bic_has_eight_or_eleven_places(number: str, is_right: bool) -> None:
    assert is_bic(number) == is_right
