"""Partners with versions and parents, who is credited with whose lines, and what is measured about them besides money.

Belongs here: rows of partners, assignments, credits, participations, metrics. Does not belong here: their transactions.
"""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass
from decimal import Decimal

from tests.torture.calendars import FIRST_DATA, LAST_DATA
from tests.torture.drawing import Draw, Row

#: Where tiers on a metric begin; values are drawn at them and one unit beside.
METRIC_PLACES = [Decimal(0), Decimal(30), Decimal(50), Decimal("62.5"), Decimal(70)]
METRIC_STEP = Decimal("0.000000000001")


@dataclass(frozen=True)
class Cluster:
    """Partners that belong together: their lines count for the agreements of this cluster and no other."""

    name: str
    partners: list[Row]
    members: list[str]
    reps: list[str]
    assignments: list[Row]
    currency: str
    foreign: list[str]
    gaps: frozenset[str]  # what some lines lack: cost, quantity, points, metric, target


def draw_cluster(d: Draw, number: int) -> Cluster:
    name = f"K{number:02}"
    ids = [f"{name}-{n}" for n in range(1, d.rng.randint(2, 6) + 1)]
    reps = [f"{name}-S{n}" for n in range(1, d.rng.randint(1, 3) + 1)] if d.chance(0.4) else []
    partners: list[Row] = []
    for i, partner in enumerate(ids):
        row = _partner(d, name, partner, d.pick(ids[:i]) if i and d.chance(0.35) else None)
        if d.chance(0.25, "versions"):
            change = d.day(dt.date(2024, 2, 1), dt.date(2026, 2, 1))
            later = _partner(d, name, partner, d.pick(ids[:i]) if i and d.chance(0.5) else None)
            partners += [row | {"to": change - dt.timedelta(days=1)}, later | {"from": change}]
        else:
            partners.append(row)
    partners += [_partner(d, name, rep, None) for rep in reps]
    currency = d.pick(["EUR", "EUR", "USD", "JPY", "KWD"])
    foreign = [other for other in ("EUR", "USD", "JPY", "KWD") if other != currency] if d.chance(0.35) else []
    gaps = frozenset(gap for gap in ("cost", "quantity", "points", "metric", "target", "rate") if d.chance(0.1))
    return Cluster(name, partners, ids, reps, _assignments(d, ids, reps), currency, foreign, gaps)


def _partner(d: Draw, cluster: str, partner: str, parent: str | None) -> Row:
    return {
        "partner_id": partner, "name": f"Partner {partner}", "parent_id": parent, "from": None, "to": None,
        "cluster": cluster, "region": d.pick(["north", "south"]), "kind": d.pick(["dealer", "dealer", "chain"]),
    }  # fmt: skip


def _assignments(d: Draw, ids: list[str], reps: list[str]) -> list[Row]:
    rows = []
    for partner in ids if reps else []:
        left = Decimal(1)
        for rep in d.some(reps, 0, 3):
            share = d.pick([Decimal(1), Decimal("0.5"), Decimal("0.333333"), Decimal("0.25"), Decimal("0.7")])
            share, left = min(share, left), left - min(share, left)
            if not share:
                continue
            row = {"partner_id": partner, "participant_id": rep, "share": share, "from": None, "to": None}
            if d.chance(0.3):
                change = d.day(dt.date(2024, 2, 1), dt.date(2026, 2, 1))
                rows.append(row | {"to": change - dt.timedelta(days=1)})
                if d.chance(0.6):
                    rows.append(row | {"from": change, "share": share / 2 if share * 500000 % 1 == 0 else share})
            else:
                rows.append(row | {"from": d.pick([None, dt.date(2023, 6, 1)])})
    return rows


def draw_credits(generator: random.Random, cluster: Cluster, transactions: list[Row]) -> list[Row]:
    """People named for some transactions or lines of the cluster, by shares that may be fractions, and for some that come back."""
    everyone = [*cluster.members, *cluster.reps]
    own = [row for row in transactions if row["partner_id"].startswith(f"{cluster.name}-")]
    rows: dict[tuple[str, int | None, str], Row] = {}
    for line in generator.sample(own, min(len(own), 12)):
        number = generator.choice([None, None, line["line"], 1])
        for person in generator.sample(everyone, min(len(everyone), generator.choice([1, 2, 3]))):
            share = generator.choice(["1/3", "1/3", "2/7", "0.5", "1", "0", "1/12"])
            row = {"transaction_id": line["transaction_id"], "line": number, "participant_id": person, "share": share}
            rows[line["transaction_id"], number, person] = row
    return list(rows.values())


def draw_participations(generator: random.Random, cluster: Cluster, agreements: list[Row]) -> list[Row]:
    """Some of an agreement's people take part on some days only, in one span or two, some of them by half."""
    rows = []
    for name, term in {agreement["agreement"]: agreement["term"] for agreement in agreements}.items():
        for person in [*cluster.members, *cluster.reps]:
            if generator.random() > 0.4:
                continue
            days = (term["to"] - term["from"]).days + 1
            first = term["from"] + dt.timedelta(days=generator.randint(-30, days))
            last = first + dt.timedelta(days=generator.randint(0, days))
            row = {"agreement": name, "participant_id": person, "from": first, "to": generator.choice([None, last, last])}
            rows.append(row | {"factor": generator.choice(["1", "1", "0.5", "0.333333"])})
            if row["to"] and generator.random() < 0.4:
                again = {"from": last + dt.timedelta(days=generator.randint(1, 60)), "to": None, "factor": None}
                rows.append(row | again)
    return rows


def draw_metrics(d: Draw, cluster: Cluster) -> list[Row]:
    """A value a month for most of the partners, many at the places where tiers begin."""
    rows = []
    for participant in [*cluster.members, *cluster.reps]:
        for metric in ("nps", "quality"):
            if "metric" in cluster.gaps and d.chance(0.3):
                continue
            day = FIRST_DATA
            while day <= LAST_DATA:
                place = d.pick(METRIC_PLACES) + d.pick([Decimal(0), METRIC_STEP, -METRIC_STEP])
                value = place if d.chance(0.7) else d.number(-20, 100, d.pick([0, 1, 4]))
                if "metric" not in cluster.gaps or d.chance(0.5):
                    rows.append({"participant_id": participant, "metric": metric, "date": d.day(day, day + dt.timedelta(days=27)), "value": value})
                day += dt.timedelta(days=28)
    return rows
