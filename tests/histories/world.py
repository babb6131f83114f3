"""What a history is made of before anything happens: its partners, agreements and lines, and the timetable of its group.

Belongs here: drawing from seeds. Does not belong here: what happens in a step (events.py), writing files (simulation.py).
"""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass
from decimal import Decimal

from tests.histories.history import History
from tests.torture.agreements import draw_agreements
from tests.torture.books import _targets
from tests.torture.calendars import DAY, draw_calendar, fiscal_years
from tests.torture.drawing import FEATURES, Draw, Row
from tests.torture.lines import RATES, draw_lines, draw_products
from tests.torture.people import draw_cluster, draw_metrics

#: Histories that share a book.
GROUP = 20
FIRST_RATE, LAST_RATE = dt.date(2022, 12, 1), dt.date(2026, 12, 31)


@dataclass(frozen=True)
class Step:
    """One step of the timetable. `kind`: own (each history plays an event of its own) or what happens to the whole book; `seed`: its dice."""

    number: int
    kind: str
    as_of: dt.date
    seed: str


@dataclass(frozen=True)
class World:
    """What the histories of a group share: settings, fiscal periods (name, first and last day), products, rates, timetable."""

    group: int
    settings: Row
    periods: list[tuple[str, dt.date, dt.date]]
    products: list[Row]
    rates: list[Row]
    timetable: list[Step]


def draw_world(group: int, steps: int) -> World:
    """The shared part of a group's book."""
    d = Draw(random.Random(f"group {group}"), features_of(group))
    calendar = draw_calendar(d)
    settings = {
        "book": f"histories-{group}", "currency": d.pick(["EUR", "USD"]), "calendar": calendar, "rounding": d.pick(["half_up", "half_even"]),
        "publish": {"duckdb": False}, "close": {"write_off_limit": 100000},
    }  # fmt: skip
    periods = _periods(calendar)
    return World(group, settings, periods, draw_products(d), _rates(d), _timetable(d, group, periods, steps))


def features_of(group: int) -> frozenset[str]:
    """The language of a group's agreements. Amounts net of other agreements double what a run costs, for the whole book: one group in five has them.

    Every second group has draws."""
    return (FEATURES if group % 5 == 0 else FEATURES - {"net_of"}) | ({"draws"} if group % 2 else set())


def draw_history(seed: int, world: World) -> History:
    """The history of a seed, before its first step."""
    d = Draw(random.Random(f"history {seed}"), features_of(seed // GROUP))
    cluster = draw_cluster(d, seed % GROUP + 1)
    documents = draw_agreements(d, cluster, world.settings["calendar"])
    _settle_late(random.Random(f"settle {seed}"), documents)
    lines = draw_lines(d, cluster, world.products, d.rng.randint(10, 30))
    d.rng.shuffle(lines)
    feeds = {"partners": cluster.partners, "assignments": cluster.assignments, "metrics": draw_metrics(d, cluster)}
    feeds["targets"] = _targets(d, cluster, documents, world.settings["calendar"])
    return History(seed, d, cluster, documents, lines, feeds)


def _settle_late(dice: random.Random, documents: list[Row]) -> None:
    """Some benefits hold what is disputed, some what customers have not paid; the same in every version of an agreement."""
    drawn: dict[tuple[str, str], Row] = {}
    drawn_against = {(document["agreement"], name) for document in documents for b in document["benefits"] for name in b.get("draw", {}).get("against", [])}
    for document in documents:
        for benefit in document["benefits"]:
            if "draw" in benefit or (document["agreement"], benefit["id"]) in drawn_against:
                continue  # a draw is against what is paid as a whole
            settle = benefit.get("settle", {})
            more = drawn.setdefault(
                (document["agreement"], benefit["id"]),
                {"hold_disputed": dice.random() < 0.6, **dice.choice([{}, {"when": "collected"}, {"when": "fully_collected"}])},
            )
            benefit["settle"] = {**settle, **({key: value for key, value in more.items() if key != "when"} if "minimum" in settle else more)}


def _periods(calendar: Row) -> list[tuple[str, dt.date, dt.date]]:
    found = []
    for firsts in fiscal_years(calendar):
        year = (firsts[-1] - DAY).year
        if calendar["kind"] != "gregorian":
            year = next(name for name, first in calendar["first_days"].items() if first == firsts[0])
        found += [(f"{year}-{n:02}", firsts[n - 1], firsts[n] - DAY) for n in range(1, 13)]
    return found


def _rates(d: Draw) -> list[Row]:
    """A rate a month, more or less, of every pair."""
    rows = []
    for source in RATES:
        for target in RATES:
            day = FIRST_RATE
            while source != target and day <= LAST_RATE:
                rows.append({"date": day, "from_currency": source, "to_currency": target, "rate": draw_rate(d, source, target)})
                day += dt.timedelta(days=d.rng.randint(10, 60))
    return rows


def draw_rate(d: Draw, source: str, target: str) -> Decimal:
    return (Decimal(str(RATES[source])) / Decimal(str(RATES[target])) * d.number(0.9, 1.1, 4)).quantize(Decimal("0.000001"))


def _timetable(d: Draw, group: int, periods: list[tuple[str, dt.date, dt.date]], steps: int) -> list[Step]:
    """Months pass, periods close, some are opened again; in between every history plays its own events."""
    ends = [last for _, _, last in periods if dt.date(2024, 6, 1) <= last <= dt.date(2026, 11, 30)]
    as_of = d.pick([end for end in ends if end < dt.date(2025, 9, 1)])
    found = [Step(0, "start", as_of, f"{group} 0")]
    since_month = 0
    for number in range(1, steps):
        kind = d.rng.choices(
            ["own", "month", "close", "close_all", "reopen", "rates", "products", "rerun", "close_again"],
            [20, 10 if since_month else 3, 7, 2, 1.5, 1.5, 1, 0.7, 0.5],
        )[0]
        if number == 1:
            kind = d.pick(["close_all", "close_all", "own"])
        since_month += 1
        if kind == "month":
            later = [end for end in ends if end > as_of]
            if later:
                as_of = later[0] if d.chance(0.7) else later[0] - dt.timedelta(days=d.rng.randint(1, 20)) if d.chance(0.7) else later[min(2, len(later) - 1)]
                as_of = max(as_of, found[-1].as_of)
            since_month = 0
        found.append(Step(number, kind, as_of, f"{group} {number}"))
    return found
