"""Draws the demo book's invoice lines: two years of sales and purchases.

Belongs here: customers, articles and what is bought when, in whole cents. Does not belong here: files, reference feeds and defects (generate.py).
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from random import Random

from examples.demo import catalogue

MONTHS = tuple(dt.date(2024 + (6 + i) // 12, (6 + i) % 12 + 1, 1) for i in range(24))
LAST_DAY = dt.date(2026, 6, 30)
SEASON = (78, 80, 92, 98, 108, 118, 124, 120, 104, 96, 92, 110)  # January to December, in percent of a plain month
FX_PERCENT = {"EUR": 100, "GBP": 86, "USD": 108}  # price lists in the customer's currency


@dataclass(frozen=True)
class Line:
    """One invoice line. `amount` and `cost` are cents of `currency`; `file_month` is the monthly file that has it."""

    invoice: str
    line: int
    day: dt.date
    account: str
    article: str
    doc_type: str
    cases: int
    amount: int
    cost: int | None
    currency: str
    channel: str
    posted_on: dt.date
    credits_invoice: str = ""


@dataclass(frozen=True)
class Article:
    article: str
    category: str
    vendor: str
    brand: str
    pack: str
    price: int
    cost: int
    millilitres: int


@dataclass(frozen=True)
class Customer:
    partner_id: str
    name: str
    parent_id: str
    kind: str
    channel: str
    region: str
    country: str
    currency: str
    lines_a_month: int
    discount: int


def list_articles() -> list[Article]:
    found = []
    for vendor, (_, _, _, category, brands) in catalogue.VENDORS.items():
        for number, brand in enumerate(brands, 1):
            for pack, price, cost, millilitres in catalogue.PACKS[category]:
                article = f"{vendor[-2:]}{number}-{pack.upper().replace('_', '-')}"
                found.append(Article(article, category, vendor, brand, pack, price + 35 * number, cost + 21 * number, millilitres))
    return found


def list_customers() -> list[Customer]:
    found = []
    outlet = 0
    for chain, (name, channel, offices, lines, discount) in catalogue.CHAINS.items():
        found.append(Customer(chain, name, "", "chain", channel, offices[0][0], offices[0][1], offices[0][2], 0, discount))
        for number, (region, country, currency, outlets) in enumerate(offices, 1):
            office = f"RO-{chain[-2:]}{number}"
            found.append(Customer(office, f"{name}, office {country} {number}", chain, "office", channel, region, country, currency, 0, discount))
            for _ in range(outlets):
                outlet += 1
                found.append(Customer(f"OU-{outlet:03}", f"{name} {outlet}", office, "outlet", channel, region, country, currency, lines, discount))
    for prefix, count, channel, region, country, currency, lines in catalogue.INDEPENDENTS:
        for number in range(1, count + 1):
            kind = "importer" if channel == "export" else "independent"
            partner_id = f"{prefix}-{number:02}"
            found.append(Customer(partner_id, f"{kind.title()} {partner_id}", "", kind, channel, region, country, currency, lines, 2))
    return found


def draw_sales(random: Random, articles: list[Article], customers: list[Customer]) -> list[Line]:
    on_offer = {False: [a for a in articles if a.brand != catalogue.LAUNCH_BRAND], True: articles}
    launch = dt.date.fromisoformat(catalogue.LAUNCH_DAY)
    buyers = [(c, 70 + random.randrange(70)) for c in customers if c.lines_a_month]
    favourites = {c.partner_id: random.sample(on_offer[False], 22) for c, _ in buyers}
    lines = []
    number = 0
    for age, month in enumerate(MONTHS):
        for c, size in buyers:
            if c.parent_id[3:5] == catalogue.NEW_CHAIN[-2:] and f"{month:%Y-%m}" < catalogue.NEW_CHAIN_FROM:
                continue
            due = c.lines_a_month * SEASON[month.month - 1] * (100 + age // 2) * size
            wanted, chance = divmod(due, 10**6)
            wanted += random.randrange(10**6) < chance
            while wanted > 0:
                number += 1
                invoice = f"INV-{number:06}"
                day = month.replace(day=random.randint(1, 28 if month.month == 2 else 30))
                posted = min(day + dt.timedelta(days=random.choice((0, 0, 0, 1, 2))), LAST_DAY)
                held = min(wanted, random.randint(1, 5))
                for line in range(1, held + 1):
                    article = random.choice(favourites[c.partner_id]) if random.random() < 0.8 else random.choice(on_offer[day >= launch])
                    cases = _cases(random, c, article)
                    amount = cases * article.price * (100 - c.discount) * FX_PERCENT[c.currency] // 10_000
                    cost = cases * article.cost * FX_PERCENT[c.currency] // 100
                    lines.append(Line(invoice, line, day, c.partner_id, article.article, "sale", cases, amount, cost, c.currency, c.channel, posted))
                wanted -= held
                last = lines[-1]
                draw = random.random()
                if draw < 0.045 and day < dt.date(2026, 6, 1):
                    lines.append(_returned(random, last, number))
                elif draw < 0.11:
                    product_id, _, price = catalogue.DEPOSITS[last.article.endswith("L")]
                    amount = last.cases * price * FX_PERCENT[c.currency] // 100
                    lines.append(replace(last, line=held + 1, article=product_id, amount=amount, cost=amount))
    return lines


def _cases(random: Random, c: Customer, article: Article) -> int:
    if article.pack.startswith("keg"):
        return random.randint(1, 6)
    if c.channel == "export":
        return random.randint(20, 90)
    return random.randint(2, 30) if c.channel == "retail" else random.randint(1, 12)


def _returned(random: Random, line: Line, number: int) -> Line:
    cases = random.randint(1, line.cases)
    day = line.day + dt.timedelta(days=random.randint(3, 24))
    cost = (line.cost or 0) * cases // line.cases
    return replace(line, invoice=f"CRN-{number:06}", line=1, day=day, doc_type="return", cases=-cases, amount=-(line.amount * cases // line.cases),
                   cost=-cost, posted_on=day, credits_invoice=line.invoice)  # fmt: skip


def draw_purchases(random: Random, articles: list[Article]) -> list[Line]:
    lines = []
    number = 0
    launch_month = dt.date.fromisoformat(catalogue.LAUNCH_DAY).replace(day=1)
    for age, month in enumerate(MONTHS):
        for vendor, (_, _, currency, _, _) in catalogue.VENDORS.items():
            for article in (a for a in articles if a.vendor == vendor):
                if article.brand == catalogue.LAUNCH_BRAND and month < launch_month:
                    continue
                number += 1
                day = month.replace(day=random.randint(15 if month == launch_month else 1, 28))
                cases = (random.randint(900, 1500) * SEASON[month.month - 1] * (100 + age) // 10_000) * 200 // article.cost * 5
                amount = cases * article.cost * FX_PERCENT[currency] // 100
                lines.append(Line(f"PUR-{number:05}", 1, day, vendor, article.article, "sale", cases, amount, None, currency, "purchase", day))
                if random.random() < 0.03:
                    back = -(cases // 20)
                    lines.append(replace(lines[-1], invoice=f"PCR-{number:05}", doc_type="return", cases=back,
                                         amount=back * article.cost * FX_PERCENT[currency] // 100, credits_invoice=lines[-1].invoice))  # fmt: skip
    return lines


#: (chain, first day, last day, cents of goods without deposits): exact turnover of a chain after year-end orders, so that a threshold
#: of its agreement is met to the cent, missed by a cent, or exceeded by one.
LANDINGS: tuple[tuple[str, str, str, int], ...] = (
    ("CH-01", "2025-01-01", "2025-12-31", 225_000_000),
    ("CH-03", "2025-01-01", "2025-12-31", 124_999_999),
    ("CH-04", "2025-01-01", "2025-12-31", 45_000_001),
)


def draw_landings(lines: list[Line], articles: list[Article], customers: list[Customer]) -> list[Line]:
    """One last order (or credit) per landing, in the last week of its span."""
    chain_of = {c.partner_id: "CH-" + c.parent_id[3:5] for c in customers if c.kind == "outlet"}
    found: list[Line] = []
    for number, (chain, first, last, goal) in enumerate(LANDINGS, 1):
        start, end = dt.date.fromisoformat(first), dt.date.fromisoformat(last)
        goods = (x for x in lines if chain_of.get(x.account) == chain and start <= x.day <= end and not x.article.startswith("DEP"))
        to_date = sum(x.amount for x in goods)
        missing = goal - to_date
        outlet = next(c for c in customers if chain_of.get(c.partner_id) == chain)
        article = articles[number]
        cases = missing * 100 // (article.price * (100 - outlet.discount))
        day = end - dt.timedelta(days=3)
        found.append(Line(f"YEO-{number:03}", 1, day, outlet.partner_id, article.article, "sale" if missing > 0 else "return", cases, missing,
                          cases * article.cost, outlet.currency, outlet.channel, day))  # fmt: skip
    return found


def draw_oddly_dated() -> list[Line]:
    """A November delivery booked in January, and an order invoiced for the day after the book's last day."""
    late = Line("INV-L0001", 1, dt.date(2025, 11, 27), "IN-03", "011-KEG-50L", "sale", 12, 139_650, 104_772, "EUR", "on_trade", dt.date(2026, 1, 14))
    early = Line("INV-E0001", 1, dt.date(2026, 7, 1), "ID-06", "061-CAN-24", "sale", 90, 125_500, 91_530, "EUR", "retail", LAST_DAY)
    return [late, early]
