"""A random book as plain data, and as a folder that both the program and the reference read.

Belongs here: putting the parts together and writing them down. Does not belong here: drawing the parts.
"""

from __future__ import annotations

import csv
import random
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.support.exact_text import to_cell, to_yaml
from tests.torture.agreements import draw_agreements
from tests.torture.calendars import draw_as_of, draw_calendar, windows
from tests.torture.drawing import FEATURES, Draw, Row
from tests.torture.lines import draw_lines, draw_products, draw_rates, turn_pairs
from tests.torture.people import Cluster, draw_cluster, draw_credits, draw_metrics, draw_participations

KEYS = {
    "transactions": ["transaction_id", "line"],
    "partners": ["partner_id", "from"],
    "products": ["product_id", "from"],
    "targets": ["agreement", "benefit", "participant_id", "window_start"],
    "metrics": ["participant_id", "metric", "date"],
    "fx_rates": ["date", "from_currency", "to_currency"],
    "assignments": ["partner_id", "participant_id", "from"],
    "participations": ["agreement", "participant_id", "from"],
    "credits": ["transaction_id", "line", "participant_id"],
}


@dataclass(frozen=True)
class TortureBook:
    """settings: book.yaml without feeds; agreements: the documents; feeds: rows by feed; cluster_of: whose agreement each id is."""

    seed: int
    settings: Row
    agreements: list[Row]
    feeds: dict[str, list[Row]]
    cluster_of: dict[str, Cluster]

    def only(self, agreement: str) -> TortureBook:
        """The book with the agreements of that one's cluster alone: those it combines with, and its versions."""
        name = self.cluster_of[agreement].name
        kept = [document for document in self.agreements if self.cluster_of[document["agreement"]].name == name]
        feeds = {
            feed: [row for row in rows if all(str(row.get(key) or name).startswith(name) for key in ("partner_id", "participant_id"))]
            for feed, rows in self.feeds.items()
        }
        return replace(self, agreements=kept, feeds=feeds)


def draw_book(seed: int, clusters: int = 30, features: frozenset[str] = FEATURES) -> TortureBook:
    """The book of this seed: the same on every machine and at every time."""
    d = Draw(random.Random(seed), features)
    calendar = draw_calendar(d)
    settings: Row = {"book": f"torture-{seed}", "currency": d.pick(["EUR", "EUR", "USD"]), "as_of": draw_as_of(d, calendar), "calendar": calendar}
    if d.chance(0.6):
        settings["rounding"] = d.pick(["half_up", "half_even"])
    # of another generator, so that it changes nothing else of the seed's book
    others = random.Random(f"minor units {seed}")
    if others.random() < 0.4:
        settings["minor_units"] = others.choice([{"EUR": Decimal("0.05")}, {"EUR": 0, "USD": Decimal("0.25"), "JPY": Decimal("10.0")}, {"USD": 4, "KWD": 1}])
    others_of_today = random.Random(f"today {seed}")
    products = draw_products(d)
    groups = [draw_cluster(d, n) for n in range(1, clusters + 1)]
    agreements: list[Row] = []
    cluster_of: dict[str, Cluster] = {}
    feeds: dict[str, list[Row]] = {feed: [] for feed in KEYS}
    feeds["products"] = products
    feeds["fx_rates"] = draw_rates(d, groups, settings["currency"])
    if others.random() < 0.5:
        settings["feeds"] = {"fx_rates": {"invert": True}}
        feeds["fx_rates"] = turn_pairs(others, feeds["fx_rates"])
    for group in groups:
        found = draw_agreements(d, group, calendar)
        agreements += found
        cluster_of |= {agreement["agreement"]: group for agreement in found}
        feeds["partners"] += group.partners
        feeds["assignments"] += group.assignments
        feeds["transactions"] += draw_lines(d, group, products, d.rng.randint(15, 60))
        feeds["metrics"] += draw_metrics(d, group)
        feeds["targets"] += _targets(d, group, found, calendar)
        if "credits" in features and others.random() < 0.5:
            feeds["credits"] += draw_credits(others, group, feeds["transactions"])
        if "participations" in features and others.random() < 0.3:
            feeds["participations"] += draw_participations(others, group, found)
        if "today" in features:
            _compare_as_today(others_of_today, found)
    d.rng.shuffle(feeds["transactions"])
    return TortureBook(seed, settings, agreements, feeds, cluster_of)


def _compare_as_today(generator: random.Random, agreements: list[Row]) -> None:
    """In half of the benefits that look at the year before it is credited by the hierarchy of today."""
    for benefit in (benefit for agreement in agreements for benefit in agreement["benefits"]):
        figures = [benefit[name] for name in ("target", "baseline") if isinstance(benefit.get(name), dict) and "prior" in benefit[name]]
        if figures and generator.random() < 0.5:
            for figure in figures:
                figure["hierarchy"] = "today"


def _targets(d: Draw, cluster: Cluster, agreements: list[Row], calendar: Row) -> list[Row]:
    """A row for every participant and window of the benefits that look there; some values, some rows missing."""
    rows: dict[Any, Row] = {}
    for agreement in agreements:
        for benefit in agreement["benefits"]:
            accrue = benefit.get("accrue", {})
            if "feed" not in (benefit.get("target"), benefit.get("baseline"), benefit.get("incentive"), accrue.get("forecast")):
                continue
            for window in windows(calendar, benefit, agreement["term"], "windows" in agreement):
                for participant in [*cluster.members, *cluster.reps]:
                    if "target" in cluster.gaps and d.chance(0.15):
                        continue
                    size = 400 * ((window.end - window.span_start).days + 1) // 30 + 1
                    row = {
                        "agreement": agreement["agreement"], "benefit": benefit["id"], "participant_id": participant, "window_start": window.start,
                        "target": d.number(size * 0.3, size * 1.5, d.pick([0, 2])), "incentive": d.number(0, 3000, 2),
                        "baseline": d.number(size * 0.3, size * 1.5, d.pick([0, 2])),
                    }  # fmt: skip
                    if d.chance(0.04):
                        row[d.pick(["target", "incentive", "baseline"])] = d.pick([None, Decimal(0), Decimal("-1")])
                    rows[agreement["agreement"], benefit["id"], participant, window.start] = row
    return list(rows.values())


def write_book(book: TortureBook, folder: Path, transaction_files: int = 3) -> Path:
    """The book as a folder. Returns it."""
    feeds = {feed: rows for feed, rows in book.feeds.items() if rows}
    how: dict[str, dict[str, object]] = {
        feed: {"files": f"feeds/{feed}/*.csv", "key": KEYS[feed], "decimal": ".", **book.settings.get("feeds", {}).get(feed, {})} for feed in feeds
    }
    how["transactions"]["signs"] = "as_given"  # what comes back of a line below zero is above zero
    (folder / "agreements").mkdir(parents=True)
    (folder / "book.yaml").write_text(to_yaml(book.settings | {"feeds": how, "publish": {"duckdb": False}}), encoding="utf-8")
    for place, agreement in enumerate(book.agreements):
        (folder / "agreements" / f"{place:03}.yaml").write_text(to_yaml(agreement), encoding="utf-8")
    for feed, rows in feeds.items():
        (folder / "feeds" / feed).mkdir(parents=True)
        files = transaction_files if feed == "transactions" else 1
        columns = list(dict.fromkeys([*KEYS[feed], *(column for row in rows for column in row)]))
        for number in range(files):
            with (folder / "feeds" / feed / f"{number}.csv").open("w", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, columns)
                writer.writeheader()
                writer.writerows({column: to_cell(value) for column, value in row.items()} for row in rows[number::files])
    return folder
