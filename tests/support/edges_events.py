"""Events in the life of tests/support/edges_book.py, one per thing that a line or a payout is computed from.

Belongs here: what happens, and what it reaches. Does not belong here: running the book (edges_book.py), the tests.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import polars as pl

from pipelines.cli.main import main
from tests.support.edges_book import AGREEMENTS, LINE, NOTHING_KEPT, EdgesBook


def amended(name: str, number: int = 1, **more: Any) -> Callable[[EdgesBook], None]:
    document = next(each for each in AGREEMENTS if each["agreement"] == name and each.get("version", 1) == number)
    return lambda book: book.write_agreement({**document, **more})


def to_day(day: str) -> Callable[[EdgesBook], None]:
    return lambda book: setattr(book, "as_of", day)


def pay(*command: str) -> Callable[[EdgesBook], None]:
    def give(book: EdgesBook) -> None:
        book.write_settings()
        assert main(["pay", *command, "--book", str(book.folder)]) == 0

    return give


def approve_batch(book: EdgesBook) -> None:
    pay("--due-by", book.as_of, "--by", "J. Doe")(book)
    pay("--approve", "1", "--by", "A. Roe")(book)


def confirm_line(book: EdgesBook) -> None:
    """What the batch has of the first payout in it, by its reference."""
    batch = pl.read_parquet(book.folder / "published" / "current" / "fct_payment_batch.parquet").sort("reference").row(0, named=True)
    named = (batch[column] for column in ("agreement_id", "benefit_id", "participant_id", "window_start", "amount"))
    book.deliver("payments", ",".join(map(str, (*named, book.as_of, batch["reference"]))))


_QUARTER: dict[str, Any] = {"id": "b", "clause": "1", "window": "quarter"}
_RANKED = {"id": "b", "clause": "1", "window": "month", "by": "rank", "tiers": [{"from": 1, "amount": 9}]}

#: name: the event, the lines that are credited anew by cause, and of the causes of payouts those that must be there.
EVENTS: dict[str, tuple[Callable[[EdgesBook], Any], dict[str, int], set[str]]] = {
    "nothing": (lambda book: None, {}, set()),
    "a new line": (lambda book: book.lines("N1,1,2026-06-12,P1,D1,sale,1,700,EUR,,"), {"new lines": 1}, {"new lines"}),
    "a line of an earlier month": (lambda book: book.lines("N2,1,2026-02-12,P2,D1,sale,1,700,EUR,,"), {"new lines": 1}, {"new lines"}),
    "a line of the prior year": (lambda book: book.lines("N9,1,2025-02-10,P12,D1,sale,1,700,EUR,,"), {"new lines": 1}, {"new lines"}),
    "a line of the prior year is taken back": (
        lambda book: book.lines("P12-25-3,1,2025-03-20,P12,D1,sale,1,303,USD,,gone"), {"new lines": 1, "lines replaced or taken back": 1}, set(),
    ),
    "a corrected line": (
        lambda book: book.lines("P2-3,1,2026-03-10,P2,D1,sale,1,5000,EUR,,"), {"new lines": 1, "lines replaced or taken back": 1}, {"new lines"},
    ),
    "a line sent again": (lambda book: book.lines("P3-3,1,2026-03-10,P3,D1,sale,1,403,EUR,,"), {"new lines": 1}, set()),
    "a line of no known partner": (lambda book: book.lines("N3,1,2026-06-01,P13,D1,sale,1,100,EUR,,"), {"new lines": 1}, set()),
    "its partner arrives": (lambda book: book.deliver("partners", "P13,P13,,,,north"), {"partners and assignments": 1}, {"partners and assignments"}),
    "a line of another unknown partner": (lambda book: book.lines("N10,1,2026-06-01,P14,D1,sale,1,100,EUR,,"), {"new lines": 1}, set()),
    "who arrives without an agreement": (lambda book: book.deliver("partners", "P14,P14,,,,south"), {"partners and assignments": 1}, set()),
    "a line of no known product": (lambda book: book.lines("N4,1,2026-06-01,P1,X1,sale,1,100,EUR,,"), {"new lines": 1}, set()),
    "its product arrives": (lambda book: book.deliver("products", "X1,X1,,,food"), {"products": 1}, {"products"}),
    "its product ends before the line": (lambda book: book.deliver("products", "X1,X1,,2026-05-31,food"), {"products": 1}, set()),
    "a line is taken back": (
        lambda book: book.lines("N1,1,2026-06-12,P1,D1,sale,1,700,EUR,,gone"), {"new lines": 1, "lines replaced or taken back": 1}, set(),
    ),
    "a partner moves to another region": (lambda book: book.deliver("partners", "P1,P1,,,,north"), {"partners and assignments": 13}, set()),
    "a partner gets a parent": (lambda book: book.deliver("partners", "P5,P5,P0,,,south"), {"partners and assignments": 9}, set()),
    "a product changes its category": (lambda book: book.deliver("products", "F1,F1,,,drinks"), {"products": 15}, {"products"}),
    "a product's number by which lines are multiplied": (lambda book: book.deliver("products", "F1,F1,,,drinks,7"), {"products": 15}, {"products"}),
    "a partner's": (lambda book: book.deliver("partners", "P10,P10,,,,south,1.5"), {"partners and assignments": 9}, {"partners and assignments"}),
    "an assignment": (lambda book: book.deliver("assignments", "P4,S1,0.5"), {"partners and assignments": 9}, {"partners and assignments"}),
    "credits of a transaction": (lambda book: book.deliver("credits", "P9-3,,S2,2/3"), {"credits": 1}, {"credits"}),
    "of a line of it": (lambda book: book.deliver("credits", "P9-3,1,S2,0.5"), {"credits": 1}, {"credits"}),
    "of what it brings back": (lambda book: book.lines("R9,1,2026-06-12,P9,D1,return,1,-5,EUR,P9-3,"), {"new lines": 1}, {"new lines"}),
    "other credits of it": (lambda book: book.deliver("credits", "P9-3,1,S2,1/3"), {"credits": 2}, {"credits"}),
    "who is named takes part": (
        amended("NAMED", participants=["S2", "P8"]), {"partners and assignments": 9}, {"partners and assignments"},
    ),
    "days of who takes part": (
        lambda book: book.deliver("participations", "PLAIN,P1,2026-02-01"), {"partners and assignments": 13}, {"partners and assignments"},
    ),
    "days that it takes part on already": (lambda book: book.deliver("participations", "PLAIN,P1,2026-03-01"), {}, set()),
    "what these days count": (lambda book: book.deliver("participations", "PLAIN,P1,2026-02-01,,0.5"), {}, {"participants"}),
    "a rate of a day on": (
        lambda book: book.deliver("fx_rates", "2025-07-01,USD,EUR,0.7"), {"rates and days": 15, "originals of returns": 1}, {"rates and days"},
    ),
    "a target": (lambda book: book.deliver("targets", "SALES,b,S1,2026-04-01,9000"), {}, {"targets"}),
    "a metric": (lambda book: book.deliver("metrics", "P5,nps,2026-05-10,60"), {}, {"metrics"}),
    "a metric that breaks a tie": (lambda book: book.deliver("metrics", "P8,nps,2026-05-10,60"), {}, {"metrics", "contests"}),
    "a payment in another currency": (lambda book: book.deliver("payments", "CARRY,b,P2,2026-02-01,2,2026-06-10,PAID-2,USD"), {}, set()),
    "a dispute of a line": (lambda book: book.deliver("disputes", "D-2,,,,,P2-2,2026-06-01,ann,not ours"), {}, set()),
    "the first one is resolved": (
        lambda book: book.deliver("disputes", "D-1,,,,,P2-1,2026-05-20,ann,not ours,rejected,2026-06-02"), {}, set(),
    ),
    "an adjustment": (lambda book: book.deliver("adjustments", "A-3,OWED,b,P4,2026-04-01,2026-06-10,2.5,agreed,ann"), {}, set()),
    "another amount of one": (lambda book: book.deliver("adjustments", "A-1,CAPPED,b,P3,2026-02-01,2026-05-20,0.25,agreed,ann"), {}, set()),
    "an opening balance": (
        lambda book: book.deliver("balances", "KEPT,b,P3,2026-04-01,2026-04-02,610,,,6,2"), {}, {"opening balances"},
    ),
    "another figure of one": (
        lambda book: book.deliver("balances", "AHEAD,b,P2,2026-01-01,2026-01-15,700,,,4,1,0.5"), {}, {"opening balances"},
    ),
    "what was collected is taken back": (lambda book: book.deliver("collections", "P3-1,,2026-06-10,-0.25", "P3-3,,2026-06-10,1"), {}, set()),
    "a batch is approved": (approve_batch, {}, set()),
    "a line of it is paid": (confirm_line, {}, set()),
    "it is cancelled": (pay("--cancel", "1", "--reason", "wrong account", "--by", "J. Doe"), {}, set()),
    "a batch of what is open again": (pay("--due-by", "2026-06-10", "--by", "J. Doe"), {}, set()),
    "another figure breaks ties": (
        amended("TIED", benefits=[{**_RANKED, "ties": {"then": ["quantity"]}}]), {}, {"agreements"},
    ),
    "a line in a contest": (lambda book: book.lines("N5,1,2026-06-12,P6,D1,sale,1,7000,EUR,,"), {"new lines": 1}, {"new lines", "contests"}),
    "a line in a group of the best": (lambda book: book.lines("N6,1,2026-01-12,P9,D1,sale,1,7000,EUR,,"), {"new lines": 1}, {"new lines"}),
    "a line in an exclusive group": (lambda book: book.lines("N7,1,2026-06-12,P10,D1,sale,1,10,EUR,,"), {"new lines": 1}, {"new lines"}),
    "a return before its original": (lambda book: book.lines("R1,1,2026-06-12,P11,D1,return,1,-50,EUR,O1,"), {"new lines": 1}, {"new lines"}),
    "the original": (lambda book: book.lines("O1,1,2026-03-31,P11,D1,sale,1,1900,EUR,,"), {"new lines": 1, "originals of returns": 1}, {"new lines"}),
    "the original on another day": (
        lambda book: book.lines("O1,1,2025-06-30,P11,D1,sale,1,1900,USD,,"),
        {"new lines": 1, "lines replaced or taken back": 1, "originals of returns": 1}, {"new lines"},
    ),
    "a return in another currency": (lambda book: book.lines("R2,1,2026-06-12,P11,D1,return,1,-50,USD,O1,"), {"new lines": 1}, {"new lines"}),
    "a rate of the day of its original": (
        lambda book: book.deliver("fx_rates", "2025-06-16,USD,EUR,0.6"), {"rates and days": 16, "originals of returns": 2}, {"rates and days"},
    ),
    "more comes back than was sold": (lambda book: book.lines("R3,1,2026-05-20,P4,D1,return,1,-5000,EUR,,"), {"new lines": 1}, {"new lines"}),
    "a changed rate of an agreement": (
        amended("DRINKS", benefits=[{"id": "b", "clause": "1", "window": "month", "tiers": [{"from": 0, "rate": 0.5}]}]), {}, {"agreements"},
    ),
    "a line of the days before terms change": (lambda book: book.lines("N13,1,2026-05-07,P12,D1,sale,1,88,EUR,,"), {"new lines": 1}, {"new lines"}),
    "a line of the first day after": (lambda book: book.lines("N14,1,2026-05-08,P12,D1,sale,1,88,EUR,,"), {"new lines": 1}, {"new lines"}),
    "terms of the days before": (amended("AMENDED", benefits=[{**_QUARTER, "tiers": [{"from": 0, "rate": 0.5}]}]), {}, {"agreements"}),
    "terms of the days after": (amended("AMENDED", 2, benefits=[{**_QUARTER, "tiers": [{"from": 0, "rate": 0.7}]}]), {}, {"agreements"}),
    "a new participant": (amended("PLAIN", participants=["P1", "P4"]), {"partners and assignments": 10}, {"partners and assignments"}),
    "a line of days before the term": (lambda book: book.lines("N11,1,2024-02-10,P5,D1,sale,1,990,EUR,,"), {"new lines": 1}, {"new lines"}),
    "a line of another product": (lambda book: book.lines("N12,1,2026-02-12,P9,F1,sale,1,1,EUR,,"), {"new lines": 1}, {"new lines"}),
    "a day later": (to_day("2026-06-16"), {}, {"as_of"}),
    "a month later": (to_day("2026-07-21"), {}, {"as_of"}),
    "a line that came before its day": (lambda book: book.lines("N8,1,2026-07-25,P2,D1,sale,1,70,EUR,,"), {"new lines": 1}, set()),
    "its day comes": (to_day("2026-07-26"), {"rates and days": 1}, {"rates and days", "as_of"}),
    "a year later": (to_day("2027-02-01"), {}, {"as_of"}),
}  # fmt: skip


#: Events that follow each other in EVENTS and touch different lines and people: the short form plays them before one run.
TOGETHER = (
    ("a new line", "a line of an earlier month", "a line of the prior year"),
    ("a line of the prior year is taken back", "a corrected line", "a line sent again", "a line of no known partner"),
    ("its partner arrives", "a line of another unknown partner"),
    ("who arrives without an agreement", "a line of no known product"),
    ("its product ends before the line", "a line is taken back"),
    ("a partner moves to another region", "a partner gets a parent", "an assignment"),
    ("a product changes its category", "credits of a transaction"),
    ("a product's number by which lines are multiplied", "of a line of it"),
    ("a partner's", "of what it brings back", "another figure breaks ties", "a changed rate of an agreement", "terms of the days before"),
    ("other credits of it", "who is named takes part", "days of who takes part"),
    ("days that it takes part on already", "a rate of a day on"),
    (
        "what these days count",
        "a target",
        "a metric",
        "a metric that breaks a tie",
        "a payment in another currency",
        "a dispute of a line",
        "the first one is resolved",
        "an adjustment",
        "another amount of one",
        "an opening balance",
        "another figure of one",
        "what was collected is taken back",
    ),
    ("a batch is approved", "a line of it is paid"),
    ("it is cancelled", "a batch of what is open again"),
    ("a line in a contest", "a line in a group of the best", "a line in an exclusive group", "a return before its original"),
    (
        "a return in another currency",
        "more comes back than was sold",
        "a line of the days before terms change",
        "a line of the first day after",
        "a line of days before the term",
        "a line of another product",
    ),
    ("terms of the days after", "a new participant"),
    ("a month later", "a line that came before its day"),
)


def list_groups() -> list[tuple[str, ...]]:
    """All events in their order, those of TOGETHER as one."""
    later = {name for group in TOGETHER for name in group[1:]}
    groups = {group[0]: group for group in TOGETHER}
    return [groups.get(name, (name,)) for name in EVENTS if name not in later]


#: name: the event, and why everything is computed then.
FULL: dict[str, tuple[Callable[[EdgesBook], Any], str]] = {
    "an earlier day": (to_day("2026-12-31"), "as_of went back from 2027-02-01"),
    "a withdrawn file": (
        lambda book: main(["withdraw", "feeds/transactions/010.csv", "--reason", "wrong", "--by", "J. Doe", "--book", str(book.folder)]),
        NOTHING_KEPT,
    ),
    "the priority of an exclusive group": (
        amended("SECOND", combine={"rule": "exclusive", "group": "one", "priority": 0}), "agreements of an exclusive group have changed",
    ),
    "the day from which terms hold": (amended("AMENDED", 2, effective="2026-05-09"), "the calendar has changed"),
    "a new column": (
        lambda book: (book.folder / "feeds/transactions/900.csv").write_text(f"{LINE},channel\nC1,1,2026-06-12,P1,D1,sale,1,7,EUR,,,web\n"),
        "the columns or settings of a feed have changed, or what agreements ask of lines",
    ),
}  # fmt: skip
