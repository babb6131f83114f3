"""Payments as ISO 20022 pain.001.001.09, the file that banks take: one group of transfers per currency.

Belongs here: the XML. Does not belong here: which payments (exports.py).
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from xml.etree import ElementTree as ET

from models.book.payment_settings import Debtor
from models.currencies import MINOR_UNITS

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"
#: The longest name and text.
_NAME, _TEXT = 140, 140


@dataclass(frozen=True)
class Transfer:
    """One payment. `payment_reference` is what both banks pass on to the payee."""

    payment_reference: str
    name: str
    iban: str
    bic: str | None
    currency: str
    amount: Decimal
    pay_on: dt.date
    text: str


def write_pain001(transfers: Sequence[Transfer], debtor: Debtor, message: str, created: dt.datetime) -> bytes:
    """The file. The same payments give the same bytes."""
    document = ET.Element("Document", xmlns=NAMESPACE)
    initiation = ET.SubElement(document, "CstmrCdtTrfInitn")
    header = ET.SubElement(initiation, "GrpHdr")
    _put(header, "MsgId", message)
    _put(header, "CreDtTm", created.strftime("%Y-%m-%dT%H:%M:%SZ"))
    _put_sums(header, transfers)
    _put(header, "InitgPty/Nm", _clean(debtor.name, _NAME))
    ordered = sorted(transfers, key=lambda each: (each.currency, each.payment_reference))
    for currency, group in itertools.groupby(ordered, key=lambda each: each.currency):
        _put_group(initiation, list(group), currency, debtor, message)
    ET.indent(document, " ")
    return ET.tostring(document, encoding="UTF-8", xml_declaration=True) + b"\n"


def _put_group(initiation: ET.Element, transfers: list[Transfer], currency: str, debtor: Debtor, message: str) -> None:
    group = ET.SubElement(initiation, "PmtInf")
    _put(group, "PmtInfId", f"{message}-{currency}")
    _put(group, "PmtMtd", "TRF")
    _put_sums(group, transfers)
    if currency == "EUR":
        _put(group, "PmtTpInf/SvcLvl/Cd", "SEPA")
    _put(group, "ReqdExctnDt/Dt", transfers[0].pay_on.isoformat())
    _put(group, "Dbtr/Nm", _clean(debtor.name, _NAME))
    _put(group, "DbtrAcct/Id/IBAN", debtor.iban)
    if debtor.bic:
        _put(group, "DbtrAgt/FinInstnId/BICFI", debtor.bic)
    else:
        _put(group, "DbtrAgt/FinInstnId/Othr/Id", "NOTPROVIDED")
    _put(group, "ChrgBr", "SLEV" if currency == "EUR" else "SHAR")
    for transfer in transfers:
        one = ET.SubElement(group, "CdtTrfTxInf")
        _put(one, "PmtId/EndToEndId", transfer.payment_reference)
        _put(one, "Amt/InstdAmt", _amount(transfer.amount, currency)).set("Ccy", currency)
        if transfer.bic:
            _put(one, "CdtrAgt/FinInstnId/BICFI", transfer.bic)
        _put(one, "Cdtr/Nm", _clean(transfer.name, _NAME))
        _put(one, "CdtrAcct/Id/IBAN", transfer.iban)
        _put(one, "RmtInf/Ustrd", _clean(transfer.text, _TEXT))


def _put(parent: ET.Element, path: str, text: str) -> ET.Element:
    """A chain of new elements, the last with the text."""
    for name in path.split("/"):
        parent = ET.SubElement(parent, name)
    parent.text = text
    return parent


def _put_sums(parent: ET.Element, transfers: Sequence[Transfer]) -> None:
    _put(parent, "NbOfTxs", str(len(transfers)))
    _put(parent, "CtrlSum", f"{sum((each.amount for each in transfers), Decimal(0)).normalize():f}")


def _amount(amount: Decimal, currency: str) -> str:
    decimals = MINOR_UNITS.get(currency, 2)
    whole = amount.normalize()
    return f"{whole:f}" if -int(whole.as_tuple().exponent) > decimals else f"{amount:.{decimals}f}"


def _clean(text: str, longest: int) -> str:
    """A text that XML can hold, no longer than the field."""
    return "".join(each if each.isprintable() else " " for each in text)[:longest]
