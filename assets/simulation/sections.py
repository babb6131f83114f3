"""What `simulate` tells, as a paper: plans side by side, then each by itself.

Belongs here: titles, sentences, tables, the chart. Does not belong here: figures (costs.py, what_if.py), how a paper is shown (assets/report).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

from assets.differences.sections import Who, tell_bands, tell_largest
from assets.published.formatting import counted, money, number
from assets.report.charts import Bars, draw_bars
from assets.report.papers import Paper, Section
from assets.report.tables import Column, Table
from assets.simulation.costs import Costing, as_money

_PAYS = {"payable": "we pay", "receivable": "we receive"}
_MOST = 12
#: Participants who are listed; JSON has all.
_PEOPLE = 30
_YEARS = "Terms, and targets and participations of feeds, moved to begin in the year. Blocked payouts lack a metric or a target of that year."


def write_paper(costings: Sequence[Costing], book: str, as_of: object, margin: Decimal, seed: int, names: bool = True) -> Paper:
    """names: participants by id and name; otherwise they are numbered."""
    who = Who(names)
    title = f"{book}: what {counted(len(costings), 'proposed plan')} would have paid"
    sections = [*_side_by_side(costings), *(section for costing in costings for section in _sections(costing, who, margin))]
    foot = f"As of {as_of}. Margin of more sales {_percent(margin)}, seed {seed}. The book is as it was."
    return Paper(title, _head(costings), sections, foot)


def _head(costings: Sequence[Costing]) -> Section:
    rows = []
    for costing in costings:
        for total in costing.changes.totals:
            currency = total["currency"]
            sales = costing.sales.get(currency)
            at = costing.break_even.get(currency, Fraction(1))
            gains = sum(band["participants"] for band in costing.changes.bands if _is_of(band, total) and band["change"] > 0)
            loses = sum(band["participants"] for band in costing.changes.bands if _is_of(band, total) and band["change"] < 0)
            drawn = costing.draws.get("proposed", {}).get(currency)
            row = [
                costing.name,
                _PAYS[total["direction"]],
                money(total["before"], currency),
                money(total["now"], currency),
                _signed(total["change"], currency),
                _rates(total["before"], total["now"], sales),
                number(gains),
                number(loses),
                _growth(at) if total["direction"] == "payable" else "–",
                _bound(costing.liability.get(currency), currency),
                " / ".join(money(drawn[p], currency).rsplit(" ", 1)[0] for p in ("p10", "p50", "p90")) if drawn else "–",
            ]
            rows.append(tuple(row))
    labels = ("Today", "Proposed", "Change", "Of sales", "Gain", "Lose", "Break-even", "At most", "P10 / P50 / P90")
    columns = (Column("Plan"), Column("Direction", "day"), *(Column(label, "number") for label in labels))
    lead = ["Today: what the agreements that a plan replaces pay, or nothing where it is new. Break-even: so much more volume pays for what it costs more."]
    notes = [f"{costing.name}: {note}." for costing in costings for note in costing.notes]
    return Section("", [*lead, *notes], [Table("plans", columns, rows)])


def _side_by_side(costings: Sequence[Costing]) -> Iterator[Section]:
    """What several plans cost on other volumes, a column for each, and today's where it is the same for all."""
    if len(costings) < 2:
        return
    tables = [{(row[0], row[-1]): row for row in _costs(costing)} for costing in costings]
    has_one_today = len({tuple((key, row[1]) for key, row in table.items()) for table in tables}) == 1
    rows = []
    for key in dict.fromkeys(key for table in tables for key in table):
        row = next(table[key] for table in tables if key in table)
        rows.append((row[0], *([row[1]] if has_one_today else []), *(table[key][2] if key in table else "–" for table in tables)))
    labels = [*(["Today"] if has_one_today else []), *(costing.name for costing in costings)]
    yield Section(
        "Side by side", ["What the plans cost on other volumes."], [Table("beside", (Column("Volume"), *(Column(each, "number") for each in labels)), rows)]
    )


def _costs(costing: Costing) -> list[tuple[str, str, str, str]]:
    """On other volumes and with months drawn anew: name, today, proposed, currency."""
    found: list[tuple[str, Any, Any, str]] = []
    for currency in _currencies(costing):
        found += [(_volume(row["name"]), row["today"].get(currency), row["proposed"].get(currency), currency) for row in costing.sensitivity]
        for percent in ("p10", "p50", "p90"):
            today, proposed = (costing.draws.get(side, {}).get(currency, {}).get(percent) for side in ("today", "proposed"))
            if today is not None or proposed is not None:
                found.append((f"months drawn anew, {percent.upper()}", today, proposed, currency))
    return [(name, money(today, currency), money(proposed, currency), currency) for name, today, proposed, currency in found]


def _currencies(costing: Costing) -> list[str]:
    return sorted({currency for row in costing.sensitivity for side in ("today", "proposed") for currency in row[side]})


def _sections(costing: Costing, who: Who, margin: Decimal) -> Iterator[Section]:
    name = costing.name
    if costing.changes.largest:
        yield Section(f"{name}: who gains and loses", ["Participants by how much their payouts change."], [tell_bands(costing.changes)])
        yield Section(f"{name}: by participant", _break_even(costing, margin), [_participants(costing, who)])
        yield Section(f"{name}: largest changes", [], [tell_largest(costing.changes, who)])
    else:
        yield Section(f"{name}: who gains and loses", ["Every payout is as it is today."], [_participants(costing, who)])
    yield Section(f"{name}: by tier", ["Payouts that reach the tier, and what they cost."], [_tiers(costing)])
    yield _by_volume(costing)
    if costing.histories:
        yield Section(f"{name}: other years", [_YEARS], [_histories(costing)])
    if costing.near:
        before, now = (len({row["participant_id"] for row in costing.near if row[side] is not None}) for side in ("before", "now"))
        lead = f"Within 5 % of a step of what is paid: {counted(before, 'participant')} today, {counted(now, 'participant')} with the plan."
        yield Section(f"{name}: near a cliff", [lead], [_cliffs(costing, who)])
    if costing.others:
        lines = [f"{_PAYS[str(row['direction'])]} {_signed(row['change'], row['currency'])}" for row in costing.others]
        yield Section(f"{name}: other agreements", [f"Agreements that look at these change too: {'; '.join(lines)}."])


def _tiers(costing: Costing) -> Table:
    rows = [
        (
            str(row["benefit_id"]),
            number(row["tier"]),
            number(row["payouts_before"]),
            money(row["before"], row["currency"]),
            number(row["payouts_now"]),
            money(row["now"], row["currency"]),
        )
        for row in costing.tiers
    ]
    labels = ("Payouts today", "Cost", "Payouts proposed", "Cost")
    return Table("tiers", (Column("Benefit"), Column("Tier", "day"), *(Column(label, "number") for label in labels)), rows)


def _by_volume(costing: Costing) -> Section:
    currencies, rows = _currencies(costing), [row[:3] for row in _costs(costing)]
    table = Table("volume", (Column("Volume"), Column("Today", "number"), Column("Proposed", "number")), rows)
    lead = [f"Bars: today pale, proposed dark, in {currencies[0]}."] if currencies else ["No agreement of the plan is computed on other volumes."]
    return Section(f"{costing.name}: on other volumes", lead, [table] if rows else [], _picture(costing, currencies[0]) if currencies else "")


def _picture(costing: Costing, currency: str) -> str:
    def bars(side: str) -> list[tuple[Decimal, str] | None]:
        return [(row[side].get(currency, Decimal(0)), f"{_volume(row['name'])}: {money(row[side].get(currency), currency)}") for row in costing.sensitivity]

    labels = [_volume(row["name"]) for row in costing.sensitivity]
    return draw_bars(Bars(f"{costing.name}: cost by volume, in {currency}; pale: today", labels, bars("proposed"), bars("today")))


def _histories(costing: Costing) -> Table:
    rows = []
    for row in costing.histories:
        for currency in sorted({*row["today"], *row["proposed"]}):
            today, proposed = row["today"].get(currency, Decimal(0)), row["proposed"].get(currency, Decimal(0))
            rows.append((row["name"], money(today, currency), money(proposed, currency), _signed(proposed - today, currency), number(row["blocked"])))
    labels = ("Today", "Proposed", "Change", "Blocked")
    return Table("years", (Column("Year", "day"), *(Column(label, "number") for label in labels)), rows)


def _break_even(costing: Costing, margin: Decimal) -> list[str]:
    sentences = []
    for currency, at in costing.break_even.items():
        sales = costing.sales.get(currency, Decimal(0))
        if at is None:
            sentences.append(f"At a margin of {_percent(margin)} no more volume pays for it, in {currency}.")
        elif at > 1:
            more = round(sales * Decimal(at.numerator - at.denominator) / Decimal(at.denominator), 2)
            sentences.append(f"At a margin of {_percent(margin)}, {money(more, currency)} more of sales by all alike ({_growth(at)}) pay for it.")
    return sentences


def _participants(costing: Costing, who: Who) -> Table:
    rows = [
        (
            who(row),
            _PAYS[row["direction"]],
            money(row["before"], row["currency"]),
            money(row["now"], row["currency"]),
            _signed(row["change"], row["currency"]),
            money(row["sales"], row["currency"]),
            _rates(row["before"], row["now"], row["sales"]),
            _growth(row["at"]) if "at" in row else "–",
        )
        for row in costing.participants[:_PEOPLE]
    ]
    if len(costing.participants) > _PEOPLE:
        rows.append((counted(len(costing.participants) - _PEOPLE, "more participant"), "", "", "", "", "", "", ""))
    labels = ("Today", "Proposed", "Change", "Sales", "Of sales", "Break-even")
    return Table("participants", (Column("Participant"), Column("Direction", "day"), *(Column(label, "number") for label in labels)), rows)


def _cliffs(costing: Costing, who: Who) -> Table:
    rows = [
        (
            who(row),
            str(row["benefit_id"]),
            number(row["measure"]),
            number(as_money(row["missing"])) if row["missing"] > 0 else f"passed by {number(as_money(-row['missing']))}" if row["missing"] else "just reached",
            *(_signed(None if row[side] is None else as_money(row[side]), row["currency"]) for side in ("before", "now")),
        )
        for row in costing.near[:_MOST]
    ]
    labels = ("Measure", "Missing", "Step today", "Step proposed")
    return Table("cliffs", (Column("Participant"), Column("Benefit"), *(Column(label, "number") for label in labels)), rows)


def _is_of(band: dict[str, Any], total: dict[str, Any]) -> bool:
    return (band["direction"], band["currency"]) == (total["direction"], total["currency"])


def _growth(at: Fraction | None) -> str:
    if at is None:
        return "none"
    return "–" if at == 1 else f"+{round(_decimal((at - 1) * 100), 2):,f} %"


def _volume(factor: object) -> str:
    change = (Decimal(str(factor)) - 1) * 100
    return "as it was" if not change else f"{'+' if change > 0 else '−'}{abs(change):.0f} %"


def _rates(before: Decimal, now: Decimal, sales: Decimal | None) -> str:
    """The effective rate today and proposed."""
    if not sales or sales < 0:
        return "–"
    found = [f"{round(cost * 100 / sales, 2):,f} %" for cost in (before, now)]
    return found[1] if found[0] == found[1] else " → ".join(found)


def _bound(amount: Decimal | None, currency: str) -> str:
    return "no bound" if amount is None else money(amount, currency)


def _percent(rate: Decimal) -> str:
    return f"{number(rate * 100)} %"


def _signed(amount: Any, currency: Any) -> str:
    return "–" if not amount else f"{'+' if amount > 0 else ''}{money(amount, currency)}"


def _decimal(value: Fraction) -> Decimal:
    return Decimal(value.numerator) / Decimal(value.denominator)
