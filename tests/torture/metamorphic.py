"""What must not change a result, or change it in a known way: the program against itself.

Every cluster of a random book stands in it once more for each property, under other ids and changed as the property says, so that one run
shows them all. A second run has the first clusters alone, with rows, files and agreements in another order: nothing may differ.

Belongs here: the properties. Does not belong here: what a result is (compare.py with the reference says that).
"""

from __future__ import annotations

import copy
import datetime as dt
import random
import re
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.support.exact_text import to_yaml
from tests.torture.aiming import aim
from tests.torture.books import TortureBook, draw_book, write_book
from tests.torture.compare import CALCULATED, PAYOUT_KEY, Key, published_rows, run_program
from tests.torture.drawing import Row
from tests.torture.equal_terms import (
    amend_on_the_first_day,
    amend_with_equal_terms,
    group_as_one,
    may_amend,
    may_group,
    may_place,
    may_see_own_days,
    place_one_member,
    see_own_days,
    with_base,
    with_one_member,
)

FACTOR = 7  # money is scaled by it
ACCRUED = "accrued_to_date"
Found = dict[tuple[Any, ...], Row]  # payout key (and period): columns


@dataclass(frozen=True)
class Part:
    """One cluster's rows and agreements."""

    name: str
    agreements: list[Row]
    feeds: dict[str, list[Row]]
    calendar: Row

    def text(self) -> str:
        return "".join(map(to_yaml, self.agreements))


@dataclass(frozen=True)
class Property:
    """letter: first of the changed ids; holds_for: whether it must hold for a cluster; leaves: columns that may differ; scaled: those that grow by FACTOR;
    against: what it is compared with, instead of the cluster as it is."""

    name: str
    letter: str
    change: Callable[[Part], Part]
    holds_for: Callable[[Part], bool] = lambda part: True
    leaves: frozenset[str] = frozenset()
    scaled: Callable[[Part], frozenset[str]] = lambda part: frozenset()
    against: Callable[[Part], Part] | None = None


def part_of(book: TortureBook, name: str) -> Part:
    """The cluster's own part of the book: products and rates belong to all."""
    own = ("partners", "assignments", "credits", "participations", "transactions", "metrics", "targets")
    feeds = {feed: [row for row in book.feeds[feed] if str(row.get("partner_id") or row["participant_id"]).startswith(name)] for feed in own}
    agreements = [a for a in book.agreements if book.cluster_of[a["agreement"]].name == name]
    return Part(name, agreements, feeds, book.settings["calendar"])


def rename(value: Any, old: str, new: str) -> Any:
    """The same with ids of another cluster."""
    if isinstance(value, str):
        return value.replace(old, new)
    if isinstance(value, dict):
        return {key: rename(inner, old, new) for key, inner in value.items()}
    return [rename(inner, old, new) for inner in value] if isinstance(value, list) else value


# -- changes ------------------------------------------------------------------------------------------------------------


def keep(part: Part) -> Part:
    return part


def split_lines(part: Part) -> Part:
    """Every line as two: a third and the rest, to six decimals."""
    rows = []
    for row in part.feeds["transactions"]:
        some = {c: (row[c] / 3).quantize(Decimal("0.01")) if isinstance(row[c], Decimal) else row[c] for c in ("amount", "cost", "quantity", "points")}
        rest = {c: row[c] - some[c] if isinstance(row[c], Decimal) else row[c] for c in some}
        rows += [row | some, row | rest | {"line": row["line"] + 100}]
    return replace(part, feeds=part.feeds | {"transactions": rows})


def add_opposites(part: Part) -> Part:
    """For every fourth line the same and its negative once more, as lines of its transaction."""
    rows = list(part.feeds["transactions"])
    for row in part.feeds["transactions"][::4]:
        negative = {column: -row[column] for column in ("amount", "cost", "quantity", "points") if isinstance(row[column], Decimal)}
        rows += [row | {"line": row["line"] + 200}, row | negative | {"line": row["line"] + 300}]
    return replace(part, feeds=part.feeds | {"transactions": rows})


def scale_money(part: Part) -> Part:
    """All money times FACTOR: lines, targets, and what stands in money in the agreements."""
    feeds = dict(part.feeds)
    feeds["transactions"] = [_times(row, ("amount", "cost")) for row in feeds["transactions"]]
    feeds["targets"] = [_times(row, ("target", "baseline", "incentive")) for row in feeds["targets"]]
    return replace(part, feeds=feeds, agreements=[_scaled_agreement(a) for a in part.agreements])


def _scaled_agreement(agreement: Row) -> Row:
    limits = {"limits": _times(agreement["limits"], ("at_most", "at_least"))} if "limits" in agreement else {}
    return agreement | limits | {"benefits": [_scaled(b) for b in agreement["benefits"]]}


def _scaled(benefit: Row) -> Row:
    benefit = _times(copy.deepcopy(benefit), ("target", "baseline", "incentive"))
    if isinstance(benefit.get("target"), dict):
        benefit["target"] = _times(benefit["target"], ("year",))
    for tier in benefit.get("tiers", ()):
        tier.update(_times(tier, ("amount", "per_unit")))
    benefit["limits"] = _times(benefit.get("limits", {}), ("at_most", "at_least", "pays_from"))
    if "settle" in benefit:
        benefit["settle"] = _times(benefit["settle"], ("minimum",))
    for curve in (benefit, benefit.get("multiply", {})):
        if curve.get("by", "measure") in ("measure", "growth_amount"):
            for tier in curve.get("tiers", ()):
                tier.update(_times(tier, ("from",)))
    for gate in benefit.get("requires", ()):
        if gate["by"] in ("measure", "growth_amount"):
            gate.update(_times(gate, ("at_least", "above", "at_most", "below")))
    matrix = benefit.get("matrix", {})
    for side in ("rows", "columns") if matrix else ():
        if matrix[side]["by"] in ("measure", "growth_amount"):
            matrix[side]["from"] = [place * FACTOR for place in matrix[side]["from"]]
    if "amount" in matrix:
        matrix["amount"] = [[value * FACTOR for value in row] for row in matrix["amount"]]
    return benefit


def _times(row: Row, columns: Iterable[str]) -> Row:
    return row | {column: row[column] * FACTOR for column in columns if isinstance(row.get(column), Decimal)}


def _grown(part: Part) -> frozenset[str]:
    """The axis grows where it is in money."""
    by = {benefit.get("by", "measure") if isinstance(benefit.get("by", "measure"), str) else "" for a in part.agreements for benefit in a["benefits"]}
    return frozenset({"measure", "base", "target", "baseline", "incentive", "curve_payout"} | ({"axis_value"} if by <= {"measure", "growth_amount"} else set()))


def add_thresholds(part: Part) -> Part:
    """Between the last two tiers another that says nothing new: what holds there, or a point on the line."""
    return replace(part, agreements=[a | {"benefits": [_with_threshold(b) for b in a["benefits"]]} for a in part.agreements])


def _with_threshold(benefit: Row) -> Row:
    tiers, method = benefit.get("tiers", []), benefit.get("method", "whole")
    if len(tiers) < 2 or method in ("rolling", "total") or tiers[-2]["from"] == tiers[-1]["from"]:
        return benefit
    low, high = tiers[-2:]
    middle = low | {"from": (low["from"] + high["from"]) / 2}
    if method == "graduated" and "amount" in middle:
        middle["amount"] = Decimal(0)
    if method == "linear":
        middle |= {form: (low.get(form, 0) + high.get(form, 0)) / 2 for form in {*low, *high} - {"from"}}
    return benefit | {"tiers": [*tiers[:-1], middle, high]}


def amend_and_revert(part: Part) -> Part:
    """Version 2 changes what is paid, version 3 takes that back, both from the same day on."""
    agreements = []
    for first in part.agreements:
        day = first["term"]["from"] + (first["term"]["to"] - first["term"]["from"]) / 2
        since = {"effective": day, "amendment": "restate" if first["agreement"][-1] == "A" else "next_window"}
        changed = [benefit | {"limits": {"at_most": Decimal(1)}} for benefit in first["benefits"]]
        agreements += [first, first | since | {"version": 2, "benefits": changed}, first | since | {"version": 3}]
    return replace(part, agreements=agreements)


# -- for whom ------------------------------------------------------------------------------------------------------------


def _lacks(*patterns: str) -> Callable[[Part], bool]:
    """Holds where no agreement says any of these."""
    return lambda part: not any(re.search(pattern, part.text()) for pattern in patterns)


def _own_money(part: Part) -> bool:
    """Nothing is converted and nothing shared, so that no line is rounded."""
    currencies = {row["currency"] for row in part.feeds["transactions"]} | {a["currency"] for a in part.agreements}
    return len(currencies) == 1 and not part.feeds["assignments"] and not part.feeds["credits"]


def _is_money(part: Part) -> bool:
    """All measures and bases are money, and no threshold is a length of the axis that a share multiplies."""
    benefits = [benefit for a in part.agreements for benefit in a["benefits"]]
    graduated = any(b.get("method") == "graduated" and any("share" in tier for tier in b["tiers"]) for b in benefits)
    return _own_money(part) and not graduated and _lacks("quantity", "points", "count", "distinct", "every", "net_of", "where: .*amount", "rule: best")(part)


#: What is rounded, or falls due by a sum of what is.
_ROUNDED = frozenset({"earned", "prior_earned", "carried", "payout", ACCRUED, "axis_value", "released", "waiting", "due_date"})
VALUES = ("where: .*(amount|quantity)", "times: (points|product)")  # a condition on what is split or negated, or a product with it
#: Terms that are written in another way.
EQUAL_TERMS = (
    Property("amended from the first day", "F", amend_on_the_first_day, may_amend, frozenset({"agreement_version"})),
    Property("amended with equal terms", "E", amend_with_equal_terms, may_amend, frozenset({"agreement_version"})),
    Property("one group is the whole", "G", group_as_one, may_group, frozenset({"axis_value", "tier"})),
    Property("a pool of one", "P", place_one_member, may_place, against=with_one_member),
    Property("over its own days", "D", see_own_days, may_see_own_days, against=with_base),
)
PROPERTIES = (
    Property("ids renamed, agreements added", "N", keep),
    Property("lines split", "S", split_lines, lambda part: _own_money(part) and _lacks("count", "net_of", *VALUES)(part)),
    Property("+x and -x added", "O", add_opposites, lambda part: not part.feeds["credits"] and _lacks("count", "net_of", *VALUES)(part)),
    Property("money scaled", "M", scale_money, _is_money, _ROUNDED, _grown),
    Property("a threshold that says nothing", "T", add_thresholds, _lacks("placement:\n *tier", "of: tier", "net_of"), frozenset({"tier"})),
    Property("amended and reverted", "V", amend_and_revert, _lacks("effective", "version: [23]"), frozenset({"agreement_version"})),
    *EQUAL_TERMS,
)


# -- runs ----------------------------------------------------------------------------------------------------------------


def check(seed: int, clusters: int, features: frozenset[str], wanted: Iterable[Property] = PROPERTIES) -> tuple[Counter[str], list[str]]:
    """Rows compared by property, and what a property does not hold for."""
    book = aim(draw_book(seed, clusters, features), rounds=2)
    properties = [p for p in wanted if p.letter != "V" or "amendments" in features]
    parts = [part_of(book, name) for name in sorted({cluster.name for cluster in book.cluster_of.values()})]
    changed = [(p, part, p.change(rename_part(part, p.letter))) for p in properties for part in parts if p.holds_for(part)]
    others = {(p.name, part.name): p.against(rename_part(part, p.letter.lower())) for p, part, _ in changed if p.against}
    with tempfile.TemporaryDirectory(prefix="torture") as folder:
        together = _run(_joined(book, [*parts, *(variant for _, _, variant in changed), *others.values()]), Path(folder) / "together", 3)
        alone = _run(_shuffled(book), Path(folder) / "alone", 5)
    compared, message = Counter[str](), []
    for key, row in alone.items():
        compared["order"] += 1
        message += [f"order of rows, files, agreements: {text}" for text in _unequal(key, row, together.get(key), frozenset(), frozenset())]
    for p, part, variant in changed:
        scaled = p.scaled(part)
        known, name = (together, others[p.name, part.name].name) if p.against else (alone, part.name)
        for key, row in known.items():
            if key[0].startswith(name):
                compared[p.name] += 1
                twin = together.get(tuple(rename(list(key), name, variant.name)))
                message += [f"{p.name}: {text}" for text in _unequal(key, row, twin, p.leaves - scaled, scaled)]
    return compared, message


def rename_part(part: Part, letter: str) -> Part:
    name = letter + part.name[1:]
    return replace(part, name=name, agreements=rename(part.agreements, part.name, name), feeds=rename(part.feeds, part.name, name))


def _joined(book: TortureBook, parts: list[Part]) -> TortureBook:
    feeds = book.feeds | {feed: [row for part in parts for row in part.feeds[feed]] for feed in parts[0].feeds}
    return replace(book, agreements=[a for part in parts for a in part.agreements], feeds=feeds)


def _shuffled(book: TortureBook) -> TortureBook:
    rng = random.Random(book.seed)
    return replace(
        book,
        agreements=rng.sample(book.agreements, len(book.agreements)),
        feeds={feed: rng.sample(rows, len(rows)) for feed, rows in book.feeds.items()},
    )


def _run(book: TortureBook, folder: Path, transaction_files: int) -> Found:
    """Payouts by key and accruals by key and period."""
    run_program(write_book(book, folder, transaction_files))
    rows = published_rows(folder, "fct_payout", f"{PAYOUT_KEY}, {', '.join(CALCULATED)}")
    found: Found = {row[:4]: dict(zip(CALCULATED, row[4:], strict=True)) for row in rows}
    return found | {row[:5]: {ACCRUED: row[5]} for row in published_rows(folder, "fct_accrual", f"{PAYOUT_KEY}, period, accrued_to_date")}


def _unequal(key: Key | tuple[Any, ...], row: Row, twin: Row | None, leaves: frozenset[str], scaled: frozenset[str]) -> Iterator[str]:
    if twin is None:
        yield f"{_told(key)}: no such row"
        return
    for column, value in row.items():
        other = twin[column]
        if column in leaves or value == other:
            continue
        # what was rounded to twelve decimals first may be off by as many of them afterwards
        if column in scaled and value is not None and other is not None and abs(value * FACTOR - other) <= FACTOR * Decimal("0.000000000001"):
            continue
        yield f"{_told(key)} {column}: {value}, changed {other}"


def _told(key: tuple[Any, ...]) -> str:
    return " ".join(part.isoformat() if isinstance(part, dt.date) else str(part) for part in key)


def run_all(seeds: Iterable[int], features: frozenset[str], clusters: int = 12) -> int:
    """Every property on the book of every seed; tells what does not hold. 1 when something does not."""
    failed = 0
    for seed in seeds:
        compared, message = check(seed, clusters, features)
        failed += len(message)
        by_property = ", ".join(f"{name} {count:,}" for name, count in compared.items())
        print(f"seed {seed}: {compared.total():,} rows compared ({by_property}), {len(message)} differ", *message[:12], sep="\n  ", flush=True)
    return 1 if failed else 0
