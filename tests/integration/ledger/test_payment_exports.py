"""The files of an approved batch: CSV with the columns of book.yaml, XLSX, and pain.001, which its XSD accepts.

Belongs here: what is in the files. Does not belong here: what is in a batch (test_payment_batches.py).
"""

from __future__ import annotations

import csv
import importlib.resources
import io
from decimal import Decimal
from pathlib import Path
from xml.etree import ElementTree as ET

import openpyxl
import pytest

from assets.payments.batches import Approval, approve_batch, propose_batch
from assets.payments.pain001 import NAMESPACE
from models.documents import InputError
from tests.support.payment_books import AS_OF, Part, PaymentBook

DEBTOR = 'debtor: {name: "Rebates & Söhne <Ltd>", iban: "DE89 3704 0044 0532 0130 00"}'
IBANS = {"C1": "nl91 abna 0417 1643 00", "C2": "GB82WEST12345698765432", "=C4": ""}


def parts() -> list[Part]:
    return [
        Part("p1", "100"),
        Part("p2", "-30.50"),
        Part("p3", "0.01", payee="C2"),
        Part("p4", "70", payee="C2", currency="JPY"),
        Part("p5", "1.2345", payee="C3"),
        Part("p6", "1234567.80", payee="=C4"),
    ]


def approve(folder: Path, settings: str = "", ibans: dict[str, str] = IBANS) -> tuple[Approval, dict[str, bytes]]:
    """Propose and approve the parts above, and return the files."""
    book = PaymentBook(folder, parts(), ibans=ibans, more=f"payments: {{{settings}}}")
    propose_batch(book.publish(), AS_OF, "Ann")
    approval = approve_batch(book.publish(), 1, "Bob")
    return approval, {path.suffix: path.read_bytes() for path in approval.files if path.is_file() and path.name != "batch.json"}


def rows_of(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode(), newline="")))


def test_without_settings_the_csv_has_the_columns_of_the_payments_feed(tmp_path: Path) -> None:
    approval, files = approve(tmp_path)
    rows = rows_of(files[".csv"])
    assert list(rows[0])[:7] == ["agreement", "benefit", "participant_id", "window_start", "amount", "currency", "reference"]
    assert [(row["participant_id"], row["amount"], row["currency"], row["reference"]) for row in rows] == [
        ("'=C4", "1234567.80", "EUR", "TL-0001-0001-01"),
        ("C1", "100.00", "EUR", "TL-0001-0002-01"),
        ("C1", "-30.50", "EUR", "TL-0001-0002-02"),
        ("C2", "0.01", "EUR", "TL-0001-0003-01"),
        ("C2", "70", "JPY", "TL-0001-0004-01"),
        ("C3", "1.2345", "EUR", "TL-0001-0005-01"),
    ]
    assert ".xml" not in files
    assert approval.export is not None
    assert list(approval.export.without_bank.values()) == [5]
    assert [(row["currency"], row["amount"], row["payments"]) for row in approval.export.totals] == [
        ("EUR", Decimal("1234638.5445"), 4),
        ("JPY", Decimal(70), 1),
    ]


def test_the_book_names_columns_and_rows(tmp_path: Path) -> None:
    columns = 'columns: {"=Ref": payment_reference, Vendor: participant_id, Sum: amount, IBAN: iban, Text: text, On: pay_on}'
    _, files = approve(tmp_path, f"rows: payee, {columns}")
    assert rows_of(files[".csv"])[1] == {
        "=Ref": "TL-0001-0002",
        "Vendor": "C1",
        "Sum": "69.50",
        "IBAN": "NL91ABNA0417164300",
        "Text": "TL-0001-0002 A",
        "On": "2026-06-30",
    }
    _, files = approve(tmp_path / "parts", "columns: {Sum: amount, Of: payment_amount, Title: agreement_title, Until: window_end}")
    assert rows_of(files[".csv"])[2] == {"Sum": "-30.50", "Of": "69.50", "Title": '\'=Bonus, "1"', "Until": "2026-03-31"}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("columns: {a: amonut}", "columns.a: 'amonut' is not known. Allowed: batch"),
        ("rows: payee, columns: {a: reference}", "'reference' is not known; rows: part has it"),
        ('debtor: {name: X, iban: "DE88370400440532013000"}', "is not an IBAN: its check digits are wrong"),
        ('debtor: {name: X, iban: "DE89370400440532013000", bic: X}', "'X' is not a BIC"),
    ],
)
def test_settings_that_cannot_be_are_refused(tmp_path: Path, settings: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        approve(tmp_path, settings)


def test_the_workbook_has_payments_and_their_parts(tmp_path: Path) -> None:
    _, files = approve(tmp_path)
    book = openpyxl.load_workbook(io.BytesIO(files[".xlsx"]))
    assert book.sheetnames == ["Payments", "Parts"]
    header, *rows = book["Payments"].iter_rows(values_only=True)
    assert [(row[header.index("name")], row[header.index("amount")]) for row in rows[:2]] == [("Name of =C4", 1234567.8), ("Name of C1", 69.5)]
    assert rows[0][header.index("participant_id")] == "'=C4"
    assert book["Parts"].max_row == 7


def test_the_file_for_the_bank_is_what_its_schema_says(tmp_path: Path) -> None:
    xmlschema = pytest.importorskip("xmlschema", reason="make setup installs it")
    approval, files = approve(tmp_path, DEBTOR)
    schema = xmlschema.XMLSchema(str(importlib.resources.files("sepaxml") / "schemas" / "pain.001.001.09.xsd"))
    schema.validate(io.BytesIO(files[".xml"]))
    document = ET.fromstring(files[".xml"])

    def find(place: ET.Element, path: str) -> list[str | None]:
        return [each.text for each in place.findall("/".join(f"{{{NAMESPACE}}}{name}" for name in path.split("/")))]

    (initiation,) = document
    assert find(initiation, "GrpHdr/NbOfTxs") == ["3"], "two payees have no iban, one of them has an empty one"
    assert find(initiation, "GrpHdr/CtrlSum") == ["139.51"]
    assert find(initiation, "PmtInf/CtrlSum") == ["69.51", "70"]
    assert find(initiation, "PmtInf/Dbtr/Nm") == ["Rebates & Söhne <Ltd>"] * 2
    assert find(initiation, "PmtInf/DbtrAcct/Id/IBAN") == ["DE89370400440532013000"] * 2
    assert find(initiation, "PmtInf/ReqdExctnDt/Dt") == ["2026-06-30"] * 2
    assert find(initiation, "PmtInf/CdtTrfTxInf/PmtId/EndToEndId") == ["TL-0001-0002", "TL-0001-0003", "TL-0001-0004"]
    assert find(initiation, "PmtInf/CdtTrfTxInf/Amt/InstdAmt") == ["69.50", "0.01", "70"]
    assert find(initiation, "PmtInf/CdtTrfTxInf/CdtrAcct/Id/IBAN") == ["NL91ABNA0417164300", "GB82WEST12345698765432", "GB82WEST12345698765432"]
    assert find(initiation, "PmtInf/PmtTpInf/SvcLvl/Cd") == ["SEPA"], "of the euros"
    assert approval.export is not None
    assert approval.export.without_bank == {"the payee has no iban in the partners feed": 2}


def test_a_wrong_account_of_a_payee_stops_the_approval(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="'NL92ABNA0417164300' of C1 is not an IBAN"):
        approve(tmp_path, DEBTOR, ibans={"C1": "NL92ABNA0417164300"})
    assert [path.name for path in (tmp_path / "ledger" / "payments").iterdir()] == ["0001-propose-1"]
