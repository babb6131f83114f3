"""Charts of the review, each with its table: attainment, tiers, effective rate, volume and quality by window.

Belongs here: figures of one benefit as pictures. Does not belong here: pages (review.py), pixels (charts.py).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from assets.published.formatting import number, readable
from assets.published.reader import Row
from assets.report.charts import Bars, draw_bars
from assets.report.tables import Cell, Column, Table, slug

BANDS = ("below 50 %", "50 to 80 %", "80 to 100 %", "100 to 120 %", "120 to 150 %", "150 % and more")
#: Windows that a chart over time needs, among those of all agreements and on the agreement's own page, and those that it shows at most.
FEWEST_WINDOWS, FEWEST_OF_ONE, MOST_WINDOWS = 3, 2, 12
_SHARES = ("share of the target", "share of payouts", "share of the measure", "share of the payout", "share of the base")
OfBenefit = dict[str, list[Row]]


@dataclass(frozen=True)
class Picture:
    """A chart with its words and the table behind it."""

    title: str
    words: str
    svg: str
    table: Table


def charts_of(key: tuple[str, str | None], of: OfBenefit) -> list[Picture]:
    """All charts of a benefit. What is of too few is drawn too: its caption says so."""
    tiers = sorted(of["tier_share"], key=lambda row: int(row["part"]))
    found = attainment_chart("Attainment", key, of)
    if tiers:
        words = f"share of {_counted(tiers)} by the tier reached, in percent"
        found.append(_picture("Tiers", words, key, tiers, [row["part"] for row in tiers]))
    if len(of["effective_rate"]) >= FEWEST_OF_ONE:
        found += rate_chart("Effective rate", key, of)
    courses = [("Volume", "by the month in which windows end", of["volume_over_time"])]
    by_metric: dict[str, list[Row]] = defaultdict(list)
    for row in of["quality_over_time"]:
        by_metric[row["part"].rpartition(", ")[0]].append(row)
    courses += [(metric, "average of the metric, by the month in which windows end", rows) for metric, rows in by_metric.items()]
    return found + [_course(title, words, key, rows) for title, words, rows in courses if len(rows) >= FEWEST_OF_ONE]


def attainment_chart(title: str, key: tuple[str, str | None], of: OfBenefit) -> list[Picture]:
    """Payouts by attainment; none without targets."""
    bands = {row["part"]: row for row in of["attainment_band"]}
    if not bands:
        return []
    labels = [band.replace(" to ", "–").replace(" and more", "+").replace("below ", "< ") for band in BANDS]
    words = f"share of {_counted(of['attainment_band'])} by attainment, in percent"
    return [_picture(title, words, key, [bands.get(band) for band in BANDS], labels)]


def rate_chart(title: str, key: tuple[str, str | None], of: OfBenefit) -> list[Picture]:
    return [_course(title, "payout in percent of its base, by the month in which windows end", key, of["effective_rate"])]


def _course(title: str, words: str, key: tuple[str, str | None], rows: Sequence[Row]) -> Picture:
    """One bar per day on which windows end."""
    last = rows[-MOST_WINDOWS:]
    return _picture(title, words, key, last, [row["part"].rpartition(", ")[2][2:7] for row in last])


def _picture(title: str, words: str, key: tuple[str, str | None], rows: Sequence[Row | None], labels: Sequence[str]) -> Picture:
    drawn = [(row["value"] * (100 if row["unit"] in _SHARES else 1), f"{row['part']}: {shown(row)}") if row else None for row in rows]
    cells: list[tuple[Cell, ...]] = [(row["part"], shown(row), number(row["counted"])) for row in rows if row]
    name = slug(f"review-{key[0]}-{key[1]}-{next(row['figure'] for row in rows if row)}-{title}")
    table = Table(name, (Column("Of"), Column("Value", "number"), Column("Counted", "number")), cells)
    return Picture(title, words, draw_bars(Bars(f"{key[0]}, {key[1]}, {title}: {words}", labels, drawn)), table)


def _counted(rows: Sequence[Row]) -> str:
    few = "" if rows[0]["is_meaningful"] else ", too few to mean anything,"
    return f"{number(rows[0]['counted'])} payouts{few}"


def spoken(figure: str) -> str:
    """`tier_share` as `Tier share`."""
    return figure.replace("_", " ").capitalize()


def shown(row: Row) -> str:
    """A figure as people read it; one of too few in brackets."""
    value = Decimal(row["value"])
    text = f"{number(readable(value * 100, 1))} %" if row["unit"] in _SHARES else number(readable(value, 0 if row["unit"] == "days" else 3))
    return text if row["is_meaningful"] else f"({text})"
