"""Exports in the layouts of the systems that write them, with invented data, and what each file adds up to.

Belongs here: the layouts. Does not belong here: what init proposes for them (tests/integration/feeds/test_first_files.py).
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
import xlsxwriter

CENT = Decimal("0.01")


@dataclass(frozen=True)
class Line:
    """A sale that was invented, as it must come out: with its day in the zone of the business."""

    document: str
    day: dt.date
    partner: str
    product: str
    quantity: int
    amount: Decimal
    kind: str = "sale"


@dataclass(frozen=True)
class Export:
    """A file, the lines that it holds, and how many rows lack something that nobody can add."""

    name: str
    content: bytes
    lines: list[Line]
    currency: str
    rejected: int = 0
    option: str = ""  # the currency that a person must name, because no cell of the file does


def invented(seed: int, partners: Sequence[str], products: Sequence[str], documents: int = 60, returns: bool = True) -> list[Line]:
    """Lines of documents of one to three rows, in order of their days, over the first half of 2026."""
    draw = random.Random(seed)
    days = sorted(dt.date(2026, 1, 1) + dt.timedelta(draw.randrange(180)) for _ in range(documents))
    lines = []
    for number, day in enumerate(days, 1):
        partner = draw.choice(partners)
        is_return = returns and number % 9 == 0
        for _ in range(draw.randint(1, 3)):
            quantity = draw.randint(1, 40)
            amount = (Decimal(draw.randint(100, 90_000)) / 100 * quantity).quantize(CENT)
            sign = -1 if is_return else 1
            lines.append(Line(str(90_000_000 + number), day, partner, draw.choice(products), sign * quantity, sign * amount, "return" if is_return else "sale"))
    return lines


def rows(records: Iterable[Sequence[object]], delimiter: str = ",", end: str = "\r\n") -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator=end).writerows(records)
    return text.getvalue()


def german(number: Decimal | int, decimals: int = 2, trailing: bool = False) -> str:
    text = f"{abs(number):,.{decimals}f}".translate(str.maketrans(",.", ".,"))
    return text if number >= 0 else text + "-" if trailing else "-" + text


def sap() -> Export:
    """A list of billing items: titles, an empty first column, blank lines, 1.234,56-, a line of totals; windows-1252."""
    lines = invented(1, ["0000100234", "0000100301", "0000200017"], ["MAT-1001", "MAT-2040"])
    kinds = {"sale": "F2", "return": "RE"}
    items: list[list[object]] = [
        ["", each.document, 10 * (i + 1), kinds[each.kind], each.day.strftime("%d.%m.%Y"), each.partner, each.product,
         german(each.quantity, 3, True), "ST", german(each.amount, 2, True), "EUR"]
        for i, each in enumerate(lines)
    ]  # fmt: skip
    total = german(sum((each.amount for each in lines), Decimal(0)), 2, True)
    head = [["03.07.2026", "", "", "Dynamische Listenanzeige", "", "", "1"], [], ["Umsätze je Auftraggeber"], []]
    names = ["", "Faktura", "Pos.", "FakArt", "Fakturadatum", "Auftr.geb.", "Material", "Fakturierte Menge", "ME", "Nettowert", "Währg"]
    text = rows([*head, names, [], *items, ["", "* Summe", "", "", "", "", "", "", "", total, "EUR"]], ";")
    return Export("VBRP_Liste.csv", text.encode("windows-1252"), lines, "EUR")


def quickbooks() -> Export:
    """Sales by Customer Detail: titles, a group for each customer with its total, (123.45), $ in totals, a line of when it was printed."""
    lines = invented(2, ["Alpha Foods", "Bright & Sons", "Cole, Ltd."], ["Consulting", "Widgets:Blue"])
    kinds = {"sale": "Invoice", "return": "Credit Memo"}
    head = [["Invented Trading LLC"], ["Sales by Customer Detail"], ["January - June, 2026"], []]
    body: list[list[object]] = [["", "Date", "Transaction Type", "Num", "Product/Service", "Memo/Description", "Qty", "Sales Price", "Amount", "Balance"]]

    def money(amount: Decimal, symbol: str = "") -> str:
        return f"{symbol}{amount:,.2f}" if amount >= 0 else f"({symbol}{-amount:,.2f})"

    for partner in sorted({each.partner for each in lines}):
        own = [each for each in lines if each.partner == partner]
        body.append([partner, *[""] * 9])
        balance = Decimal(0)
        for each in own:
            balance += each.amount
            price = (each.amount / each.quantity).quantize(CENT)
            kind = kinds[each.kind]
            body.append(
                ["", each.day.strftime("%m/%d/%Y"), kind, each.document, each.product, "", each.quantity, price, money(each.amount) + "  ", money(balance)]
            )
        body.append([f"Total for {partner}", *[""] * 7, money(balance, "$") + "  ", ""])
    total = sum((each.amount for each in lines), Decimal(0))
    tail = [["TOTAL", *[""] * 7, money(total, "$") + "  ", ""], [], [], ["Friday, Jul 03, 2026 08:15:07 AM GMT-4 - Accrual Basis"]]
    return Export("Sales by Customer Detail.csv", rows([*head, *body, *tail], end="\n").encode(), lines, "USD")


def shopify() -> Export:
    """Orders: a row for each item, of which only the first has the order's fields; moments in the shop's zone; one order without a customer."""
    lines = invented(3, ["anna@example.com", "ben@example.com", "chris@example.org"], ["TEE-S", "MUG-1"], returns=False)
    zone = ZoneInfo("Europe/Berlin")
    names = ["Name", "Email", "Financial Status", "Paid at", "Fulfillment Status", "Accepts Marketing", "Currency", "Subtotal", "Shipping", "Taxes",
             "Total", "Discount Code", "Discount Amount", "Shipping Method", "Created at", "Lineitem quantity", "Lineitem name", "Lineitem price",
             "Lineitem compare at price", "Lineitem sku", "Lineitem requires shipping", "Lineitem taxable", "Lineitem fulfillment status",
             "Billing Name", "Billing Country", "Notes", "Vendor", "Id", "Source", "Lineitem discount"]  # fmt: skip
    records: list[list[object]] = [[*names]]
    kept = []
    draw = random.Random(33)
    documents = list(dict.fromkeys(each.document for each in lines))
    for document in documents:
        own = [each for each in lines if each.document == document]
        moment = dt.datetime.combine(own[0].day, dt.time(draw.randrange(24), draw.randrange(60), draw.randrange(60)), zone)
        shown = moment.strftime("%Y-%m-%d %H:%M:%S %z")
        is_guest = document == documents[30]
        total = Decimal(0)
        items: list[list[object]] = []
        for each in own:
            price = (each.amount / each.quantity).quantize(CENT)
            discount = Decimal(draw.choice([0, 0, 5])).quantize(CENT)
            net = price * each.quantity - discount
            total += net
            items.append([each.quantity, each.product.title(), price, "", each.product, "true", "true", "fulfilled", "", "", "", "Invented", "", "", discount])
            if not is_guest:
                kept.append(Line("#" + document, each.day, each.partner, each.product, each.quantity, net))
        order = ["" if is_guest else own[0].partner, "paid", shown, "fulfilled", "no", "EUR", total, "0.00", "0.00", total, "", "0.00", "DHL", shown]
        for i, item in enumerate(items):
            if i == 0:
                item[8:11] = ["", "DE", ""]
                item[12:14] = [int(document) * 1000, "web"]
            records.append(["#" + document, *(order if i == 0 else [""] * len(order)), *item])
    guests = sum(each.document == documents[30] for each in lines)
    return Export("orders_export_1.csv", rows(records, end="\n").encode(), kept, "EUR", rejected=guests)


def stripe() -> Export:
    """Balance transactions as the API has them: cents, moments in UTC, currencies in lower case, refunds of their own, failed payments."""
    lines = invented(4, ["cus_Na1x", "cus_Ob2y", "cus_Pc3z"], [""])
    draw = random.Random(44)
    records: list[list[object]] = [["id", "type", "amount", "currency", "created (UTC)", "customer", "description", "status"]]
    out = []
    for i, each in enumerate(lines):
        moment = dt.datetime.combine(each.day, dt.time(draw.randrange(24), draw.randrange(60), 7))
        name = f"txn_{draw.getrandbits(60):x}{i}"
        currency = "eur" if i % 10 else "jpy"
        amount = each.amount if currency == "eur" else each.amount.quantize(Decimal(1))
        cents = int(amount * (100 if currency == "eur" else 1))
        partner = each.partner if currency == "eur" else "cus_Qd4w"
        records.append([name, "charge" if each.kind == "sale" else "refund", cents, currency, f"{moment:%Y-%m-%d %H:%M:%S}", partner, "", "succeeded"])
        if i % 10:
            out.append(Line(name, each.day, each.partner, "", 0, amount, each.kind))
        if i % 20 == 3:
            records.append([name + "f", "charge", 999_900, "eur", f"{moment:%Y-%m-%d %H:%M:%S}", each.partner, "", "failed"])
    return Export("balance_transactions.csv", rows(records, end="\n").encode(), out, "EUR")


def datev() -> Export:
    """A batch of postings: a line about the file, amounts without sign and S or H, days without a year, customers as accounts; windows-1252."""
    lines = invented(5, ["10001", "10002", "70003"], [""])
    about = [
        "EXTF",
        700,
        21,
        "Buchungsstapel",
        13,
        "20260703101500000",
        "",
        "RE",
        "",
        "",
        29098,
        55003,
        20260101,
        4,
        20260101,
        20260630,
        "Verkäufe",
        "",
        1,
        0,
        0,
        "EUR",
    ]
    names = ["Umsatz (ohne Soll/Haben-Kz)", "Soll/Haben-Kennzeichen", "WKZ Umsatz", "Kurs", "Basis-Umsatz", "WKZ Basis-Umsatz", "Konto",
             "Gegenkonto (ohne BU-Schlüssel)", "BU", "Belegdatum", "Belegfeld 1", "Belegfeld 2", "Skonto", "Buchungstext", "Sperre"]  # fmt: skip
    items = [
        [f"{abs(each.amount):.2f}".replace(".", ","), "S" if each.amount > 0 else "H", "EUR", "", "", "", each.partner, "8400", "",
         f"{each.day.day}{each.day.month:02d}", each.document, "", "", "Verkauf an Müller", "0"]
        for each in lines
    ]  # fmt: skip
    return Export("EXTF_Buchungsstapel.csv", rows([about, names, *items], ";").encode("windows-1252"), lines, "EUR")


def dynamics() -> Export:
    """Posted sales lines: a kind of document whose amounts have no sign, month/day/year, 1,234.56, comment lines, no currency for the local one."""
    lines = invented(6, ["C00010", "C00020", "D00030"], ["1896-S", "1906-S"])
    names = ["Document Type", "Document No.", "Line No.", "Posting Date", "Sell-to Customer No.", "Type", "No.", "Description", "Quantity",
             "Unit of Measure", "Unit Price Excl. VAT", "Line Amount Excl. VAT", "Currency Code"]  # fmt: skip
    records: list[list[object]] = [[*names]]
    numbers: dict[str, int] = {}
    for each in lines:
        numbers[each.document] = numbers.get(each.document, 0) + 10_000
        kind = "Invoice" if each.amount > 0 else "Credit Memo"
        price = abs(each.amount / each.quantity).quantize(CENT)
        day = f"{each.day.month}/{each.day.day}/{each.day.year}"
        amount = abs(each.amount)
        item = [each.product, "Item " + each.product, abs(each.quantity), "PCS", f"{price:,.2f}", f"{amount:,.2f}", ""]
        records.append([kind, each.document, numbers[each.document], day, each.partner, "Item", *item])
    return Export("Posted Sales Lines.csv", ("\ufeff" + rows(records)).encode(), lines, "USD", option="USD")


def spreadsheet() -> Export:
    """A workbook with a cover; on the second sheet titles, a name once per block of rows, days and numbers as such, and a line of totals."""
    lines = sorted(invented(7, ["Nord GmbH", "Ost AG", "Süd KG"], ["A-100", "B-200"]), key=lambda each: each.partner)
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer, {"in_memory": True})
    book.add_worksheet("Cover").write(0, 0, "Sales report 2026")
    page = book.add_worksheet("Lines")
    day = book.add_format({"num_format": "dd.mm.yyyy"})
    page.write(0, 0, "Sales by customer")
    page.write(1, 0, "First half of 2026")
    page.write_row(3, 0, ["Customer", "Invoice", "Date", "Item", "Qty", "Amount (EUR)", "Remark"])
    above = ""
    for i, each in enumerate(lines, 4):
        page.write(i, 0, each.partner if each.partner != above else None)
        page.write(i, 1, int(each.document))
        page.write_datetime(i, 2, dt.datetime.combine(each.day, dt.time()), day)
        page.write(i, 3, each.product)
        page.write(i, 4, each.quantity)
        page.write(i, 5, float(each.amount))
        above = each.partner
    page.write(len(lines) + 4, 0, "Total")
    page.write_formula(len(lines) + 4, 5, f"=SUM(F5:F{len(lines) + 4})", None, float(sum(each.amount for each in lines)))
    book.close()
    return Export("sales.xlsx", buffer.getvalue(), lines, "EUR")


def parquet() -> Export:
    """Columns of a warehouse: moments with a zone, amounts as floating-point numbers that were computed, integers for ids."""
    lines = invented(8, ["1001", "1002", "1003"], ["sku-1", "sku-2"])
    draw = random.Random(88)
    moments = [dt.datetime.combine(each.day, dt.time(draw.randrange(24), 30), ZoneInfo("Europe/Berlin")) for each in lines]
    noisy = [float(each.amount) / 3 + float(each.amount) / 3 + float(each.amount) / 3 + 0.1 - 0.1 for each in lines]
    table = pa.table(
        {
            "event_ts": pa.array(moments, pa.timestamp("us", tz="Europe/Berlin")),
            "order_id": pa.array([int(each.document) for each in lines], pa.int64()),
            "line_no": pa.array(range(1, len(lines) + 1), pa.int32()),
            "customer_id": pa.array([int(each.partner) for each in lines], pa.int64()),
            "sku": [each.product for each in lines],
            "qty": pa.array([float(each.quantity) for each in lines], pa.float64()),
            "revenue": pa.array(noisy, pa.float64()),
            "currency": ["EUR"] * len(lines),
        }
    )
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    return Export("facts.parquet", buffer.getvalue(), lines, "EUR")


def nested_json() -> Export:
    """Lines of JSON from an API: objects in objects, amounts as texts, moments with an offset."""
    lines = invented(9, ["C-1", "C-2", "C-3"], ["sku-1", "sku-2"])
    zone = ZoneInfo("America/New_York")
    draw = random.Random(99)
    objects = []
    for i, each in enumerate(lines):
        moment = dt.datetime.combine(each.day, dt.time(draw.randrange(24), 5), zone)
        objects.append(
            {
                "id": f"li_{i:05d}x",
                "order": {"number": each.document, "created_at": moment.isoformat()},
                "customer": {"id": each.partner, "name": "Customer " + each.partner, "address": {"country": "US"}},
                "item": {"sku": each.product, "quantity": each.quantity},
                "money": {"amount": f"{each.amount}", "currency": "USD"},
            }
        )
    return Export("lines.jsonl", "".join(json.dumps(each) + "\n" for each in objects).encode(), lines, "USD")


TRANSACTIONS: dict[str, Callable[[], Export]] = {
    "sap": sap,
    "quickbooks": quickbooks,
    "shopify": shopify,
    "stripe": stripe,
    "datev": datev,
    "dynamics": dynamics,
    "xlsx": spreadsheet,
    "parquet": parquet,
    "json": nested_json,
}


def bank_rates() -> Export:
    """A central bank's table of a year: a column for each currency, some per 100 or 1000 units, days with points, decimal commas."""
    draw = random.Random(10)
    usual = {"1 AUD": 14.9, "1 EUR": 24.6, "1 GBP": 29.1, "100 HUF": 6.2, "1000 IDR": 1.4, "100 JPY": 14.7, "1 PLN": 5.8, "1 USD": 22.4}
    days = [day for i in range(120) if (day := dt.date(2026, 1, 2) + dt.timedelta(i)).weekday() < 5]
    table = [
        ["Datum", *usual],
        *([day.strftime("%d.%m.%Y"), *(german(Decimal(draw.uniform(0.97, 1.03) * each), 3) for each in usual.values())] for day in days),
    ]
    return Export("rok.csv", rows(table, "|", end="\n").encode(), [], "CZK", option="CZK")
