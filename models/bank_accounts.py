"""Numbers of bank accounts: IBAN (ISO 13616) and BIC (ISO 9362).

Belongs here: whether a number can be one. Does not belong here: whether the account exists, which only its bank knows.
"""

from __future__ import annotations

import re

_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")
_BIC = re.compile(r"[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}(?:[A-Z0-9]{3})?")


def compact(number: str) -> str:
    """The number as machines write it: without spaces, in capitals."""
    return "".join(number.split()).upper()


def is_iban(number: str) -> bool:
    """Whether the check digits of a compact number are right: with the first four characters at its end and letters as 10 to 35, it is 1 modulo 97."""
    return bool(_IBAN.fullmatch(number)) and int("".join(str(int(each, 36)) for each in number[4:] + number[:4])) % 97 == 1


def is_bic(number: str) -> bool:
    """Whether a compact number has the form of a BIC."""
    return bool(_BIC.fullmatch(number))
