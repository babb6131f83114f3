"""Partners, the tree they form, and the sales representatives their lines are assigned to.

Belongs here: the feeds `partners` and `assignments`, and each partner's share of the lines.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import polars as pl

from benchmarks.generator.shape import CURRENCIES, CURRENCY_SHARES, FIRST_DAY, LAST_DAY, BookShape, Floats, Integers, long_tail

#: The kinds of partner in the order of their keys: prefix of the id and digits of its number.
KINDS = {"shop": ("C", 5), "group": ("G", 4), "holding": ("H", 3), "rep": ("R", 3)}
SHOPS_IN_GROUPS, GROUPS_IN_HOLDINGS = 0.4, 0.7
#: Part of all lines that groups buy themselves; shops buy the rest.
GROUP_LINES = 0.02
ASSIGNED_SHOPS = 0.3
#: How an assigned shop is shared between two reps, and how often.
PATTERNS = {"always": 0.6, "handed over": 0.15, "halved": 0.15, "halved later": 0.1}
#: pattern, rep, share, first day, last day (`eve`, `change`: drawn per shop), part of the shop's lines.
SPELLS = (
    ("always", "rep", 1.0, None, None, 1.0),
    ("handed over", "rep", 1.0, None, "eve", 0.5),
    ("handed over", "other_rep", 1.0, "change", None, 0.5),
    ("halved", "rep", 0.5, FIRST_DAY, None, 0.5),
    ("halved", "other_rep", 0.5, FIRST_DAY, None, 0.5),
    ("halved later", "rep", 1.0, FIRST_DAY, "eve", 0.5),
    ("halved later", "rep", 0.5, "change", LAST_DAY, 0.25),
    ("halved later", "other_rep", 0.5, "change", LAST_DAY, 0.25),
)


@dataclass(frozen=True)
class Partners:
    """One entry per partner key. `weights`: its own part of all lines; `reach`: the part it is credited with, including its children's and assigned lines."""

    ids: pl.Series
    parents: Integers
    regions: Integers
    segments: Integers
    currencies: Integers
    weights: Floats
    reach: Floats
    first_rep: int
    assignments: pl.DataFrame

    def write_feeds(self) -> dict[str, pl.DataFrame]:
        """The feeds as their files show them."""
        is_rep = np.arange(len(self.ids)) >= self.first_rep
        parents = pl.Series(np.maximum(self.parents, 0))
        partners = pl.DataFrame({"partner_id": self.ids, "parent_id": self.ids.gather(parents)}).select(
            "partner_id",
            pl.format("Partner {}", "partner_id").alias("name"),
            pl.when(pl.lit(pl.Series(self.parents >= 0))).then("parent_id").alias("parent_id"),
            region_names(self.regions).alias("region"),
            pl.when(pl.lit(pl.Series(is_rep))).then(pl.lit("rep")).otherwise(segment_names(self.segments)).alias("segment"),
        )
        shops, credited = (self.ids.gather(self.assignments[column]) for column in ("shop", "credited"))
        assignments = self.assignments.select(shops.alias("partner_id"), credited.alias("participant_id"), "share", "from", "to")
        return {"partners": partners, "assignments": assignments}


def region_names(regions: Integers) -> pl.Series:
    """Regions by their number."""
    return numbered("r", 2, regions)


def segment_names(segments: Integers) -> pl.Series:
    """Segments by their number."""
    return numbered("s", 2, segments)


def numbered(prefix: str, digits: int, numbers: Integers) -> pl.Series:
    """Names made of a prefix and a number of at least `digits` digits."""
    return prefix + pl.Series(numbers).cast(pl.String).str.zfill(digits)


def draw_partners(shape: BookShape) -> Partners:
    """All partners of a book."""
    random = shape.random(1)
    reps, groups, holdings = max(2, shape.partners // 250), max(2, shape.partners // 25), max(1, shape.partners // 250)
    shops = shape.partners - reps - groups - holdings
    first_rep = shape.partners - reps
    counts = (shops, groups, holdings, reps)
    ids = pl.concat([numbered(f"{prefix}-", digits, np.arange(count)) for (prefix, digits), count in zip(KINDS.values(), counts, strict=True)])
    side = max(2, int((shape.partners / 100) ** 0.5))
    parents = np.full(shape.partners, -1)
    parents[:shops] = np.where(random.random(shops) < SHOPS_IN_GROUPS, random.integers(shops, shops + groups, shops), -1)
    parents[shops : shops + groups] = np.where(random.random(groups) < GROUPS_IN_HOLDINGS, random.integers(shops + groups, first_rep, groups), -1)
    weights = np.zeros(shape.partners)
    weights[:shops] = (1 - GROUP_LINES) * random.permutation(long_tail(shops, 0.9, 20))
    weights[shops : shops + groups] = GROUP_LINES / groups
    assignments = _draw_assignments(random, shops, first_rep, reps)
    return Partners(
        ids=ids,
        parents=parents,
        regions=random.integers(0, side, shape.partners),
        segments=random.integers(0, side, shape.partners),
        currencies=random.choice(len(CURRENCIES), shape.partners, p=CURRENCY_SHARES),
        weights=weights,
        reach=_reach(weights, parents, shops, assignments),
        first_rep=first_rep,
        assignments=assignments,
    )


def _draw_assignments(random: np.random.Generator, shops: int, first_rep: int, reps: int) -> pl.DataFrame:
    """One row per spell, in the order of the shops."""
    assigned = np.flatnonzero(random.random(shops) < ASSIGNED_SHOPS)
    rep = random.integers(0, reps, len(assigned))
    other = (rep + random.integers(1, reps, len(assigned))) % reps
    drawn = pl.DataFrame(
        {
            "shop": assigned,
            "pattern": random.choice(list(PATTERNS), len(assigned), p=list(PATTERNS.values())),
            "rep": first_rep + rep,
            "other_rep": first_rep + other,
            "days": random.integers(0, 365, len(assigned)),
        }
    ).with_columns(change=pl.lit(dt.date(2024, 7, 1)) + pl.duration(days="days"))
    drawn = drawn.with_columns(eve=pl.col("change").dt.offset_by("-1d"))

    def day(given: dt.date | str | None) -> pl.Expr:
        return pl.col(given) if isinstance(given, str) else pl.lit(given, pl.Date)

    spells = [
        drawn.filter(pl.col("pattern") == pattern).select(
            "shop", credited=rep, share=pl.lit(share), begins=day(begins), ends=day(ends), place=pl.lit(place), part=pl.lit(part)
        )
        for place, (pattern, rep, share, begins, ends, part) in enumerate(SPELLS)
    ]
    return pl.concat(spells).sort("shop", "place").rename({"begins": "from", "ends": "to"}).drop("place")


def _reach(weights: Floats, parents: Integers, shops: int, assignments: pl.DataFrame) -> Floats:
    """Own lines, those of all descendants (shops first, then groups), and assigned ones."""
    reach = weights.copy()
    for children in (np.arange(shops), np.arange(shops, len(weights))):
        children = children[parents[children] >= 0]
        np.add.at(reach, parents[children], reach[children])
    np.add.at(reach, assignments["credited"].to_numpy(), weights[assignments["shop"].to_numpy()] * assignments["part"].to_numpy())
    return reach
