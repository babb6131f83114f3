"""Writes the demo book: a beverage distributor's feeds for 24 months, the same bytes for the same seed.

Belongs here: the feed files, with typical defects of real feeds. Does not belong here: the agreements (agreements/*.yaml, written by
hand), the names (catalogue.py), the drawing of invoice lines (lines.py).
"""

from __future__ import annotations

import csv
import datetime as dt
import json
import shutil
import zlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from random import Random

from examples.demo import catalogue
from examples.demo.lines import (
    LAST_DAY,
    MONTHS,
    Article,
    Customer,
    Line,
    draw_landings,
    draw_oddly_dated,
    draw_purchases,
    draw_sales,
    list_articles,
    list_customers,
)

_HERE = Path(__file__).parent
HEADER = ("invoice_no", "line_no", "invoice_date", "account", "article", "doc_type", "cases", "net_amount", "cost_amount", "currency",
          "credits_invoice", "posted_on", "channel", "litres")  # fmt: skip


def write_demo_book(folder: Path, seed: int = 2026) -> None:
    """Write book.yaml, agreements/ and feeds/ into `folder`, which is created. Existing files with these names are overwritten."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(_HERE / "book.yaml", folder / "book.yaml")
    (folder / "agreements").mkdir(exist_ok=True)
    for agreement in sorted((_HERE / "agreements").glob("*.yaml")):
        shutil.copyfile(agreement, folder / "agreements" / agreement.name)
    random = Random(seed)
    articles = list_articles()
    customers = list_customers()
    assignments = _assignments(customers)
    lines = draw_sales(random, articles, customers) + draw_purchases(random, articles)
    lines += draw_landings(lines, articles, customers) + draw_oddly_dated()
    feeds = folder / "feeds"
    _write_csv(feeds / "partners" / "partners.csv", ("partner_id", "name", "parent_id", "kind", "channel", "region", "country"),
               _partner_rows(customers))  # fmt: skip
    _write_csv(feeds / "products" / "products.csv", ("product_id", "name", "category", "brand", "pack", "vendor"), _product_rows(articles))
    _write_csv(feeds / "fx_rates" / "fx_rates.csv", ("date", "from_currency", "to_currency", "rate"), _fx_rows(random))
    _write_csv(feeds / "targets" / "targets.csv", ("agreement", "benefit", "participant_id", "window_start", "target", "incentive", "baseline"),
               _target_rows(lines))  # fmt: skip
    _write_csv(feeds / "metrics" / "metrics.csv", ("participant_id", "metric", "date", "value"), _metric_rows(Random(seed + 1), customers))
    _write_json_lines(feeds / "assignments" / "assignments.jsonl.gz", assignments)
    _write_transactions(feeds / "transactions", lines, {a.article: a.millilitres for a in articles})


# -- reference feeds --------------------------------------------------------------------------------------------------


def _partner_rows(customers: Iterable[Customer]) -> Iterable[Sequence[str]]:
    for c in customers:
        yield c.partner_id, c.name, c.parent_id, c.kind, c.channel, c.region, c.country
    for partner_id, name in catalogue.SALES:
        yield partner_id, name, "", "sales", "", "", "NL"
    for partner_id, name, kind in catalogue.GROUPS:
        yield partner_id, name, "", kind, "", "", "NL"
    for vendor, (name, country, *_) in catalogue.VENDORS.items():
        yield vendor, name, "", "vendor", "purchase", "", country


def _product_rows(articles: Iterable[Article]) -> Iterable[Sequence[str]]:
    for a in articles:
        yield a.article, f"{a.brand} {a.pack.replace('_', ' ')}", a.category, a.brand, a.pack, a.vendor
    for product_id, name, _ in catalogue.DEPOSITS:
        yield product_id, name, "deposit", "", "", ""


def _fx_rows(random: Random) -> Iterable[Sequence[str]]:
    """Month-start rates in millionths, each direction on its own; pound to dollar is only quoted from October 2024."""
    euro_in = {"GBP": 853_400, "USD": 1_081_200}
    for month in MONTHS:
        for currency in euro_in:
            euro_in[currency] += random.randint(-9_000, 9_000)
        pound, dollar = euro_in["GBP"], euro_in["USD"]
        quotes = {("EUR", "GBP"): pound, ("EUR", "USD"): dollar, ("GBP", "EUR"): 10**12 // pound, ("USD", "EUR"): 10**12 // dollar}
        if month >= dt.date(2024, 10, 1):
            quotes |= {("GBP", "USD"): dollar * 10**6 // pound, ("USD", "GBP"): pound * 10**6 // dollar}
        for (source, target), rate in quotes.items():
            yield month.isoformat(), source, target, f"{rate // 10**6}.{rate % 10**6:06}"


def _assignments(customers: Iterable[Customer]) -> list[dict[str, object]]:
    """Who is credited with whose lines: splits on the large chains, one hand-over in October 2025, one for a quarter."""
    found: list[dict[str, object]] = []

    def assign(partner: str, person: str, share: str = "1", start: str = "2024-07-01", end: str | None = None) -> None:
        found.append({"partner_id": partner, "participant_id": person, "share": share, "from": start, "to": end})

    for c in customers:
        if c.kind not in ("outlet", "independent", "importer"):
            continue
        chain = "CH-" + c.parent_id[3:5] if c.parent_id else ""
        if chain == "CH-01":
            assign(c.partner_id, "SP-01", "0.65")
            assign(c.partner_id, "SP-02", "0.35")
        elif chain == "CH-07":
            for person, share in (("SP-03", "0.333333"), ("SP-06", "0.333333"), ("SP-07", "0.333334")):
                assign(c.partner_id, person, share)
        elif c.region == "uk":
            assign(c.partner_id, "SP-05", end="2025-09-30")
            assign(c.partner_id, "SP-06", start="2025-10-01")
        elif c.region == "dach":
            assign(c.partner_id, "SP-03" if c.kind == "outlet" else "SP-04")
        elif c.region == "export":
            assign(c.partner_id, "SP-08")
        elif chain == "CH-02":
            assign(c.partner_id, "SP-02", end="2026-01-31")
            assign(c.partner_id, "SP-01", "0.5", "2026-02-01", "2026-04-30")
            assign(c.partner_id, "SP-02", "0.5", "2026-02-01", "2026-04-30")
            assign(c.partner_id, "SP-02", start="2026-05-01")
        else:
            assign(c.partner_id, "SP-07")
    return found


# -- targets ----------------------------------------------------------------------------------------------------------

#: Sales people: plan for 2026 in euros, and the incentive for meeting it. SP-05 left in 2025 and has no plan.
PLANS: dict[str, tuple[int, int]] = {
    "SP-01": (1_800_000, 14_000),
    "SP-02": (1_700_000, 12_000),
    "SP-03": (1_500_000, 12_000),
    "SP-04": (1_000_000, 9_000),
    "SP-06": (2_200_000, 12_500),
    "SP-07": (1_500_000, 10_000),
    "SP-08": (3_400_000, 11_000),
}
#: The part of the plan that is due by the end of each quarter, in percent.
PLAN_TO_DATE = {"2026-01-01": 22, "2026-04-01": 47, "2026-07-01": 73, "2026-10-01": 100}


def _target_rows(lines: list[Line]) -> Iterable[Sequence[str | int]]:
    """Plans to date per quarter, then targets for single agreements. SP-04 plans exactly what its customers bought in the first quarter: attainment is 1."""
    first_quarter = sum(x.amount for x in lines if x.account.startswith("ID-") and f"{x.day:%Y-%m}" in ("2026-01", "2026-02", "2026-03")
                        and not x.article.startswith("DEP"))  # fmt: skip
    for person, (plan, incentive) in PLANS.items():
        for start, percent in PLAN_TO_DATE.items():
            target = first_quarter if (person, start) == ("SP-04", "2026-01-01") else plan * percent
            yield "SALES-COMMISSION-2026", "plan-attainment", person, start, _money(target), _money(incentive * percent), ""
    for person, (plan, _) in PLANS.items():
        yield "PRESIDENTS-CLUB-2026", "club", person, "2026-01-01", _money(plan * PLAN_TO_DATE["2026-04-01"]), "", ""
    for person in ("SP-03", "SP-07"):
        before = 0
        for start, percent in PLAN_TO_DATE.items():
            yield "MIXED-PLAN-2026", "commission-and-bonus", person, start, _money(PLANS[person][0] * (percent - before)), "1500.00", ""
            before = percent
    yield "KASKADE-2026", "annual-rebate", "VE-06", "2026-01-01", "1650000.00", "", ""  # what the buyers expect
    yield "CAFE-START-2526", "growth", "CH-08", "2026-01-01", "", "", "55000.00"  # agreed in January
    yield "CAFE-START-2526", "growth", "CH-08", "2026-04-01", "", "", "62000.00"


# -- metrics -----------------------------------------------------------------------------------------------------------

#: Missing metrics: the crates of the new chain in its first quarter, and the audit of one pub's taps. Results that need them are blocked.
NOT_MEASURED = {("CH-08", "2025-09-30"), ("OU-070", "2026-03-31"), ("OU-070", "2026-06-30")}


def _metric_rows(random: Random, customers: list[Customer]) -> Iterable[Sequence[str]]:
    """Every metric of every partner it applies to, at the end of each quarter: a level that changes slightly."""
    groups = {c.partner_id: f"{c.region} {c.channel}" for c in customers if c.kind == "outlet"}
    everyone = [*(c.partner_id for c in customers), *(person for person, _ in catalogue.SALES), *catalogue.VENDORS]
    quarter_ends = [month - dt.timedelta(days=1) for month in MONTHS[3::3]] + [LAST_DAY]
    for metric, (who, first, step, lowest, highest, decimals) in catalogue.METRICS.items():
        for participant in everyone:
            if not (participant.startswith(who) or groups.get(participant) in who):
                continue
            level = first + random.randint(-step, step)
            for day in quarter_ends:
                level = min(max(level + random.randint(-step, step), lowest), highest)
                if (participant, day.isoformat()) not in NOT_MEASURED:
                    yield participant, metric, day.isoformat(), f"{level / 10**decimals:.{decimals}f}"


# -- files ------------------------------------------------------------------------------------------------------------


def _money(cents: int) -> str:
    sign, size = "-" if cents < 0 else "", abs(cents)
    return f"{sign}{size // 100}.{size % 100:02}"


def _write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[str | int]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def _write_json_lines(path: Path, rows: Iterable[dict[str, object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(row) + "\n" for row in rows)
    path.write_bytes(zlib.compress(text.encode(), wbits=31))  # gzip, with a header that no Python version dates or signs


def _row(x: Line, millilitres: Mapping[str, int]) -> list[str | int]:
    """`millilitres` per case, by article; packaging has none."""
    cost = "" if x.cost is None else _money(x.cost)
    litres = f"{x.cases * millilitres[x.article] / 1000:.3f}" if x.article in millilitres else ""
    return [x.invoice, x.line, x.day.isoformat(), x.account, x.article, x.doc_type, x.cases, _money(x.amount), cost,
            x.currency, x.credits_invoice, x.posted_on.isoformat(), x.channel, litres]  # fmt: skip


# -- what is wrong with them ------------------------------------------------------------------------------------------

#: Rows that are rejected: the month whose file has the row, and the row as the source wrote it.
REJECTED_ROWS: tuple[tuple[str, str], ...] = (
    ("2024-09", "ERR-001,1,2024-09-12,IN-04,014-KEG-50L,sale,3,348.10,261.30,EUR,,2024-09-12,on_trade,150.000"),  # an unknown article
    ("2024-11", 'ERR-002,1,2024-11-05,ID-02,041-PET-6,sale,40,"136,02",89.60,EUR,,2024-11-05,retail,360.000'),  # decimal comma
    ("2025-01", "ERR-003,1,,IU-07,031-CAN-24,sale,6,141.12,106.20,GBP,,2025-01-20,on_trade,47.520"),  # no date
    ("2025-03", "ERR-004,1,2025-03-31,EX-02,091-BOTTLE-6,sale,50,6008.10,4620.00,DLR,,2025-03-31,export,225.000"),  # no such currency
    ("2025-06", "ERR-005,1,2025-06-17,ID-09,071-CAN-24,sale,12,355.1234567,254.70,EUR,,2025-06-17,retail,95.040"),  # seven decimals
    ("2025-08", "ERR-006,1,2025-08-08,IN-11,021-CRATE-24,refund,-4,-75.66,-56.48,EUR,,2025-08-08,on_trade,-31.680"),  # no such type
    ("2025-10", "ERR-007,1,2025-10-32,ID-05,051-CARTON-12,sale,10,149.45,111.90,EUR,,2025-10-31,retail,120.000"),  # no such day
    ("2026-02", "ERR-008,1,2026-02-11,IN-02,061-CRATE-24,sale,8,,95.84,EUR,,2026-02-11,on_trade,63.360"),  # no amount
    ("2026-04", "ERR-009,1,2026-04-22,OU-999,081-BOTTLE-6,sale,5,173.03,136.30,EUR,,2026-04-22,retail,22.500"),  # an unknown customer
)
RESENT = "2025-02"  # delivered again under another name, byte for byte
CORRECTED = "2025-05"  # followed by a file that repeats eight of its rows: six with a lower price, two unchanged


def _write_transactions(folder: Path, lines: list[Line], millilitres: Mapping[str, int]) -> None:
    """24 monthly files by the month of posting, with their defects, and the files that were sent again."""
    files: dict[str, list[list[str | int]]] = defaultdict(list)
    for line in sorted(lines, key=lambda x: (x.posted_on, x.invoice, x.line)):
        files[f"{line.posted_on:%Y-%m}"].append(_row(line, millilitres))
    correctable = [row for row in files[CORRECTED] if row[3] in ("IN-05", "ID-03", "EX-01") and row[5] == "sale"][:8]
    for month, row in REJECTED_ROWS:
        files[month].insert(len(files[month]) // 2, next(csv.reader([row])))  # type: ignore[arg-type]
    for name, rows in files.items():
        _write_csv(folder / f"{name}.csv", HEADER, rows)
    shutil.copyfile(folder / f"{RESENT}.csv", folder / f"{RESENT}_resent.csv")
    amount = HEADER.index("net_amount")
    corrections = [[*row[:amount], _money(int(str(row[amount]).replace(".", "")) * 93 // 100), *row[amount + 1 :]] for row in correctable[:6]]
    _write_csv(folder / f"{CORRECTED}_corrections.csv", HEADER, corrections + correctable[6:])
