"""A whole calculation in memory: one agreement and a few lines to the tables of `calc`, without files or SQL.

Belongs here: summing lines the way intermediate.int_measures_summed does for partners without children, scopes or other currencies, and
drawing agreements with lines. Does not belong here: expectations.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

import polars as pl
from hypothesis import strategies as st

from models.agreements.parse import parse_agreements
from models.agreements.tables.terms import TRANSACTION, make_terms
from models.book.settings import Book, parse_book
from models.calculation.columns import INPUTS, SUMMED
from models.calculation.results import compute_results
from models.currencies import Rounding
from tests.reference.calendar import MONTHS
from tests.reference.compute import Results, compute
from tests.reference.read import book_of_rows
from tests.support.evaluation import STARTS, benefits, decimals
from tests.support.exact_text import to_yaml

D = Decimal
#: What sums are kept apart by.
GRAIN = [name for name in INPUTS["measures"] if name not in SUMMED]
SPANS = ("month", "quarter", "half_year", "year", "term")


@dataclass(frozen=True)
class Line:
    """One transaction of a participant; without saying whose, of P."""

    date: dt.date
    amount: Decimal
    quantity: Decimal | None = None
    cost: Decimal | None = None
    partner_id: str = "P"
    points: Decimal | None = None  # an attribute
    product_id: str | None = None


@dataclass(frozen=True)
class Small:
    """An agreement of the language (with others beside it, or its further versions), its lines, target and metric rows, and the settings that matter."""

    agreement: dict[str, Any]
    lines: Sequence[Line]
    targets: Sequence[dict[str, Any]]
    as_of: dt.date
    rounding: Rounding = "half_up"
    year_starts: str = "01-01"
    others: Sequence[dict[str, Any]] = ()
    metrics: Sequence[tuple[str, str, dt.date, Decimal]] = ()
    minor_units: str = "{}"

    @property
    def agreements(self) -> list[dict[str, Any]]:
        """In the order of their keys."""
        return sorted([self.agreement, *self.others], key=lambda a: (a["agreement"], a.get("version", 1)))


def make_frames(small: Small, benefits: Sequence[int] | None = None) -> tuple[dict[str, pl.DataFrame], int]:
    """The frames of columns.INPUTS, and the period of as_of. benefits: the keys of those to be computed, default all."""
    texts = {f"{n}.yaml": to_yaml(agreement) for n, agreement in enumerate(small.agreements)}
    terms = make_terms(_book(small), parse_agreements(texts), small.as_of)
    keys = {name: n for n, name in enumerate(_names(small))}
    participants = [(n, keys[name], name, agreement.get("payee", name)) for n, agreement in enumerate(small.agreements) for name in agreement["participants"]]
    measures = _sum_lines(small, terms)
    together = ("agreement_key", "agreement_id", "currency", "payout_unit", "combine_rule", "combine_group", "priority", "net_of", "pool")
    frames = {
        **terms,
        "benefits": terms["benefits"].join(terms["agreements"].select(together), on="agreement_key").sort("benefit_key"),
        "participants": pl.DataFrame(participants, schema=INPUTS["participants"], orient="row"),
        "participations": pl.DataFrame(schema=INPUTS["participations"]),
        "measures": measures.drop("group_value").group_by(*GRAIN, maintain_order=True).agg(pl.col(c).sum() for c in SUMMED),
        "groups": measures.filter(~pl.col("is_prior")).drop("is_prior", "is_after_as_of"),
        "runs": _runs(small, terms),
        "lines": _lines(small, terms),
        "openings": pl.DataFrame(schema=INPUTS["openings"]),
        "missing_rates": pl.DataFrame(schema=INPUTS["missing_rates"]),
        "targets": _target_rows(small),
        "metrics": pl.DataFrame(small.metrics, schema=INPUTS["metrics"], orient="row"),
    }
    if benefits is not None:
        frames["benefits"] = frames["benefits"].filter(pl.col("benefit_key").is_in(benefits))
    return frames, terms["days"].filter(pl.col("day") == small.as_of)["period_no"].item()


def calculate(small: Small, benefits: Sequence[int] | None = None, first_payout: int = 0) -> dict[str, pl.DataFrame]:
    """The tables of `calc`, with participants, window_start and period beside the keys. benefits: as for make_frames."""
    frames, as_of_period = make_frames(small, benefits)
    results = dict(compute_results(frames, small.as_of, as_of_period, small.rounding, first_payout))
    names = frames["participants"].select("participant_key", "participant_id").unique()
    results["payouts"] = results["payouts"].join(names, on="participant_key", maintain_order="left")
    starts = results["payouts"].select("payout_key", "benefit_key", "participant_id", "window_start")
    with_periods = {
        name: results[name].join(starts, on="payout_key").join(frames["periods"].select("period_no", "period"), on="period_no")
        for name in ("achievement", "accruals")
    }
    return {**results, **with_periods}


def by_reference(small: Small) -> Results:
    """The same by the reference calculation."""
    rows = [{"transaction_id": str(i), "currency": small.agreement["currency"], **vars(line)} for i, line in enumerate(small.lines)]
    feeds = {"transactions": [{k: _fraction(v) for k, v in row.items()} for row in rows], "partners": [{"partner_id": name} for name in _names(small)]}
    metrics = [dict(zip(("participant_id", "metric", "date", "value"), row, strict=True)) for row in small.metrics]
    feeds["metrics"] = [{k: _fraction(v) for k, v in row.items()} for row in metrics]
    feeds["targets"] = [{"agreement": "A", "participant_id": "P", **{k: _fraction(v) for k, v in row.items()}} for row in small.targets]
    settings = {"feeds": {}, "rounding": small.rounding, "calendar": {"year_starts": small.year_starts}}
    return compute(book_of_rows(settings, [_fractions(agreement) for agreement in small.agreements], feeds, small.as_of))


def _book(small: Small) -> Book:
    rounding = f"rounding: {small.rounding}\nminor_units: {small.minor_units}\n"
    return parse_book(f'book: t\ncurrency: EUR\n{rounding}calendar: {{year_starts: "{small.year_starts}"}}\nfeeds: {{transactions: {{files: "*.csv"}}}}\n')


def _names(small: Small) -> list[str]:
    return sorted({name for agreement in small.agreements for name in agreement["participants"]})


def _sum_lines(small: Small, terms: dict[str, pl.DataFrame]) -> pl.DataFrame:
    days = {day: (period, prior, later) for day, period, prior, later in terms["days"].iter_rows()}
    keys = {name: n for n, name in enumerate(_names(small))}
    records = []
    of_sets = terms["line_sets"].select("line_set_key", "agreement_key", "multiplied", "grouped_by", "counts_from")
    for line_set, key, multiplied, grouped_by, counts_from in of_sets.iter_rows():
        agreement = small.agreements[key]
        first, last = counts_from or agreement["term"]["from"], agreement["term"]["to"]
        for number, line in enumerate(small.lines):
            if line.date > small.as_of or line.date not in days or line.partner_id not in agreement["participants"]:
                continue
            period, prior, later = days[line.date]
            lacks = [int(value is None) for value in (line.cost, line.quantity, line.points)]
            values = {"amount": line.amount, "margin": line.amount - (line.cost or D(0)), "quantity": line.quantity or D(0)}
            measured = (line.points or D(0)) * values.get(multiplied, D(1))
            held = number if grouped_by == TRANSACTION else None if grouped_by is None else getattr(line, grouped_by)
            value = None if held is None else str(held)
            sums = (value, line.amount, line.cost or D(0), line.quantity or D(0), measured, 1, 0, *lacks)
            if first <= line.date <= last:
                records.append((line_set, keys[line.partner_id], period, False, False, *sums))
            if prior is not None and first <= later <= last:
                records.append((line_set, keys[line.partner_id], prior, True, later > small.as_of, *sums))
    frame = pl.DataFrame(records, schema={**{name: INPUTS["measures"][name] for name in GRAIN}, "group_value": pl.String, **SUMMED}, orient="row")
    return frame.group_by(*GRAIN, "group_value").agg(pl.col(c).sum() for c in SUMMED)


def _runs(small: Small, terms: dict[str, pl.DataFrame]) -> pl.DataFrame:
    """Lines of placed pools in their order, each a run of its own."""
    days = {day: period for day, period, *_ in terms["days"].iter_rows()}
    keys = {name: n for n, name in enumerate(_names(small))}
    ordered = [line for _, line in sorted(enumerate(small.lines), key=lambda item: (item[1].date, str(item[0])))]
    records = []
    for line_set, key in terms["line_sets"].select("line_set_key", "agreement_key").iter_rows():
        agreement = small.agreements[key]
        for place, line in enumerate(ordered if agreement.get("pool") == "placed" else []):
            if line.date <= small.as_of and line.partner_id in agreement["participants"] and agreement["term"]["from"] <= line.date <= agreement["term"]["to"]:
                sums = line.amount, line.cost or D(0), line.quantity or D(0), line.points or D(0), 1
                records.append((line_set, keys[line.partner_id], days[line.date], place, *sums))
    return pl.DataFrame(records, schema=INPUTS["runs"], orient="row")


def _lines(small: Small, terms: dict[str, pl.DataFrame]) -> pl.DataFrame:
    """Every line of every line set, in the order of lines."""
    days = {day: period for day, period, *_ in terms["days"].iter_rows()}
    keys = {name: n for n, name in enumerate(_names(small))}
    records = []
    for line_set, key in terms["line_sets"].select("line_set_key", "agreement_key").iter_rows():
        agreement = small.agreements[key]
        for place, (number, line) in enumerate(sorted(enumerate(small.lines), key=lambda item: (item[1].date, str(item[0])))):
            if line.date <= small.as_of and line.partner_id in agreement["participants"] and agreement["term"]["from"] <= line.date <= agreement["term"]["to"]:
                sums = line.amount, line.cost or D(0), line.quantity or D(0), line.points or D(0), 1
                records.append((line_set, keys[line.partner_id], days[line.date], 2 * place, line.date, 0, number, *sums))
    return pl.DataFrame(records, schema=INPUTS["lines"], orient="row")


def _target_rows(small: Small) -> pl.DataFrame:
    figures = ("target", "incentive", "baseline")
    rows = [(row.get("agreement", "A"), row["benefit"], row.get("participant_id", "P"), row["window_start"], *map(row.get, figures)) for row in small.targets]
    return pl.DataFrame(rows, schema=INPUTS["targets"], orient="row")


def _fraction(value: Any) -> Any:
    return Fraction(value) if isinstance(value, Decimal) else value


def _fractions(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _fractions(v) for k, v in value.items()}
    return [_fractions(v) for v in value] if isinstance(value, list) else _fraction(value)


# -- drawing ----------------------------------------------------------------------------------------------------------

DAYS = st.dates(dt.date(2023, 11, 1), dt.date(2025, 12, 31))
EDGES = st.sampled_from([dt.date(2024, 2, 28), dt.date(2024, 2, 29), dt.date(2025, 2, 28), dt.date(2024, 12, 31), dt.date(2025, 1, 1), dt.date(2025, 3, 31)])
LINES = st.builds(
    Line,
    date=EDGES | DAYS,
    amount=st.sampled_from([D(1000), D("999.99"), D("0.01"), D(-500)]) | decimals(-200, 2000, 2),
    quantity=decimals(-5, 50, 1),
    cost=decimals(-100, 1000, 2),
    product_id=st.sampled_from([None, "A", "B", "C"]),
)


def figures_of(by: str) -> st.SearchStrategy[Any]:
    return st.just("feed") | st.just({"prior": "year"}) | decimals(1 if by in ("attainment", "growth") else -500, 5000, 2)


def forecasts_of(benefit: dict[str, Any]) -> list[str]:
    """The forecasts that the language allows with the benefit's measure and method."""
    if "slices" in benefit or benefit["method"] == "running":
        return []
    measure = benefit["measure"] if isinstance(benefit.get("measure"), dict) else {}
    return [] if "distinct" in measure else ["linear"] if "over" in measure else ["linear", "seasonal", "feed"]


@st.composite
def smalls(draw: st.DrawFn) -> Small:
    """One agreement with one benefit of any kind, its term starting on any day, with lines in the term and the year before."""
    by = draw(st.sampled_from(list(STARTS)))
    benefit = {"id": "b", "clause": "1", **draw(benefits(axes=(by,)))}
    benefit["window"], benefit["accumulate"] = draw(st.sampled_from([(w, a) for i, w in enumerate(SPANS) for a in ("window", *SPANS[max(i, 1) :])]))
    benefit["measure"] = draw(st.sampled_from(["amount", "amount", "quantity", "margin", "count"]))
    if by == "measure" and benefit["method"] != "rolling" and draw(st.integers(0, 3)) == 0:
        rounds = {"round": "up"} if draw(st.booleans()) else {}
        benefit["measure"] = {"of": benefit["measure"], "every": draw(st.sampled_from([D(1), D(42), D("0.01"), D("999.99"), D("250.5")])), **rounds}
    if by == "measure" and benefit["method"] != "rolling" and draw(st.integers(0, 5)) == 0:
        benefit["measure"] = {"distinct": "product_id"}
        benefit["accrue"] = {"placement": "actual"}
    bases = ["measure", "measure", "amount", "quantity", "margin"] + ["increment"] * (benefit["method"] != "graduated")
    if isinstance(benefit["measure"], dict):
        bases = ["amount", "margin"]
    benefit["base"] = draw(st.sampled_from(bases))
    is_whole = benefit["method"] not in ("graduated", "rolling") and (benefit["accumulate"], benefit.get("prorate", "none")) == ("window", "none")
    if is_whole and benefit["base"] in ("amount", "margin") and by == "measure" and not isinstance(benefit["measure"], dict) and draw(st.booleans()):
        is_linear = benefit.get("accrue", {}).get("forecast", "linear") == "linear"
        over = draw(st.just("prior_year") | st.integers(1, 15).map(lambda n: {"trailing": n}))
        benefit["measure"] = {"of": benefit["measure"], "over": over} if is_linear else benefit["measure"]
    if (benefit["measure"] if benefit["base"] in ("measure", "increment") else benefit["base"]) not in ("amount", "margin"):
        benefit.get("limits", {}).pop("rate_at_most", None)
    benefit["settle"] = {"clawback": draw(st.sampled_from(["carry", "pay", "none"]))}
    if by == "attainment":
        benefit["target"] = draw(figures_of(by) | decimals(1, 2, 6).map(lambda t: {"prior": "year", "times": max(t, D("0.5"))}))
        if benefit["window"] != "term" and draw(st.integers(0, 3)) == 0:
            count = 12 // MONTHS[benefit["window"]]
            weights = st.lists(st.sampled_from([D(0), D(1), D("0.7"), D(40)]), min_size=count, max_size=count)
            benefit["target"] = {"year": draw(decimals(1, 5000, 2)), "weights": draw(weights.filter(any))}
    if by in ("growth", "growth_amount") or benefit["base"] == "increment":
        benefit["baseline"] = draw(figures_of(by))
    if any("share" in tier for tier in benefit["tiers"]):
        benefit["incentive"] = draw(decimals(-100, 5000, 2) | st.just("feed"))
    first = draw(EDGES | st.dates(dt.date(2024, 1, 1), dt.date(2025, 3, 1)))
    term = {"from": first, "to": draw(st.dates(first, first + dt.timedelta(days=500)))}
    is_line = not isinstance(benefit["measure"], dict) and benefit["base"] != "increment" and by in ("measure", "attainment", "growth", "growth_amount")
    is_actual = "accrue" not in benefit or benefit["accrue"].get("placement") == "actual"
    if is_line and is_actual and draw(st.booleans()):
        if benefit["method"] == "graduated":
            benefit["slices"] = "by_line"
        elif benefit["method"] == "whole" and not any({"amount", "share"} & set(tier) for tier in benefit["tiers"]):
            benefit["method"] = "running"
            benefit.pop("incentive", None)
    if "slices" in benefit or benefit["method"] == "running":
        benefit["accrue"] = {"placement": "actual"}
    is_of_window = (benefit["accumulate"], benefit.get("prorate", "none")) == ("window", "none") and "order" not in benefit
    of_sums = not isinstance(benefit["measure"], dict) or "every" in benefit["measure"]
    of_sums &= "slices" not in benefit and benefit["method"] != "running"
    if by == "measure" and is_of_window and of_sums and not {"baseline", "incentive"} & set(benefit) and draw(st.booleans()):
        benefit["each"] = draw(st.sampled_from(["product_id", "transaction_id"]))
    agreement: dict[str, Any] = {
        "agreement": "A",
        "title": "A",
        "currency": draw(st.sampled_from(["EUR", "JPY", "KWD"])),
        "term": term,
        "participants": ["P"],
        "benefits": [benefit],
    }
    if draw(st.integers(0, 2)) == 0:
        per = ["window", "term"] if benefit["window"] == "term" else ["window", "year", "term"]
        limits = st.dictionaries(st.sampled_from(["at_most", "at_least"]), decimals(-20, 900, 0), min_size=1)
        agreement["limits"] = {**draw(limits), "per": draw(st.sampled_from(per))}
    starts = st.builds(lambda y, m: dt.date(y, m, 1), st.sampled_from([2024, 2025]), st.integers(1, 12)) | st.just(first)
    target = st.fixed_dictionaries(
        {"benefit": st.just("b"), "window_start": starts}, optional=dict.fromkeys(["target", "baseline", "incentive"], decimals(-1, 5000, 2))
    )
    return Small(
        agreement,
        draw(st.lists(LINES, max_size=12)),
        draw(st.lists(target, max_size=6, unique_by=lambda row: row["window_start"])),
        draw(st.sampled_from([dt.date(2026, 12, 31), dt.date(2025, 6, 30), dt.date(2025, 2, 14)])),
        draw(st.sampled_from(["half_up", "half_even"])),
        draw(st.sampled_from(["01-01", "04-01"])),
    )
