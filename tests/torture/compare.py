"""Program and reference on the same book, and every number in which they differ.

Belongs here: running both, pairing their rows. Does not belong here: drawing books, telling results (__main__.py).
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import duckdb

from tests.reference.compute import Results, compute
from tests.reference.read import read_book
from tests.torture.books import TortureBook, write_book
from tests.torture.drawing import Row

Key = tuple[str, str, str, dt.date]  # agreement, benefit, participant, window start
Payouts = dict[Key, Row]

#: Columns of fct_payout that the calculation decides.
CALCULATED = (
    "agreement_version", "window_end", "span_start", "status", "status_reason", "measure", "base", "quantity", "target", "baseline", "incentive",
    "axis_value", "tier", "curve_payout", "multiplier", "gate_factor", "earned", "prior_earned", "carried", "payout", "due_date",
    "released", "waiting",
)  # fmt: skip
#: Those that say something of a blocked result too.
OF_BLOCKED = ("agreement_version", "window_end", "span_start", "status", "status_reason", "payout", "due_date", "released", "waiting")
PAYOUT_KEY = "agreement_id, benefit_id, participant_id, window_start"


@dataclass(frozen=True)
class Difference:
    """One number: table and column, whose, and what either says."""

    agreement: str
    where: str
    column: str
    program: Any
    reference: Any

    def __str__(self) -> str:
        return f"{self.where}: {self.column}: program {self.program}, reference {self.reference}"


@dataclass
class Comparison:
    """What was compared, how often, and where the two differ; with the reference's payouts."""

    payouts: Payouts
    compared: Counter[str] = field(default_factory=Counter)
    differences: list[Difference] = field(default_factory=list)


def reference_results(folder: Path) -> Results:
    return compute(read_book(folder))


def reference_payouts(book: TortureBook) -> Payouts:
    """What the reference computes for a book that is not written yet."""
    with tempfile.TemporaryDirectory(prefix="torture") as folder:
        return reference_results(write_book(book, Path(folder) / "book")).payouts


class Unpublished(Exception):
    """The program published nothing: it refuses the book, or a check of its own failed."""


def run_program(folder: Path) -> None:
    """Every step of the program, as the command runs them. Raises Unpublished."""
    from assets.runtime.context import CheckFailed
    from models.documents import InputError
    from pipelines.run import run_book

    try:
        run_book(folder)
    except (CheckFailed, InputError) as error:
        raise Unpublished(f"{type(error).__name__}: {error}") from error


def published_rows(folder: Path, table: str, columns: str, where: str = "true", order: str = "all") -> list[tuple[Any, ...]]:
    """Rows of a published table; the other tables stand beside it under their names."""
    with duckdb.connect() as con:
        for path in (folder / "published" / "current").glob("*.parquet"):
            con.execute(f"create view {path.stem} as from read_parquet('{path}')")
        return con.sql(f"select {columns} from {table} where {where} order by {order}").fetchall()


def compare(folder: Path) -> Comparison:
    """Run both on the book in `folder`."""
    results = reference_results(folder)
    comparison = Comparison(results.payouts)
    try:
        run_program(folder)
    except Unpublished as error:
        comparison.differences.append(_refusal(error, results))
        return comparison
    _compare_payouts(folder, results, comparison)
    _compare_accruals(folder, results, comparison)
    _compare_projected(folder, results, comparison)
    _compare_lines(folder, results, comparison)
    return comparison


def _refusal(error: Unpublished, results: Results) -> Difference:
    """Nothing was published: what the program says, and of which payout, where it names one."""
    ids = {hashlib.sha256(chr(31).join(map(str, key)).encode()).hexdigest()[:20]: key for key in results.payouts}
    key = next((ids[found] for found in re.findall(r"[0-9a-f]{20}", str(error)) if found in ids), ("?",))
    return Difference(key[0], " ".join(map(str, key)), "run", str(error), "a result")


def _compare_payouts(folder: Path, results: Results, comparison: Comparison) -> None:
    found = {row[:4]: dict(zip(CALCULATED, row[4:], strict=True)) for row in published_rows(folder, "fct_payout", f"{PAYOUT_KEY}, {', '.join(CALCULATED)}")}
    for key in sorted(found.keys() | results.payouts.keys()):
        program, reference = found.get(key), results.payouts.get(key)
        if program is None or reference is None:
            _differ(comparison, key, "fct_payout", "row", program and "there", reference and "there")
            continue
        comparison.compared["payouts"] += 1
        blocked = "blocked" in (program["status"], reference["status"])
        for column in OF_BLOCKED if blocked else CALCULATED:
            if column not in reference:
                continue
            comparison.compared[column] += 1
            if not same(program[column], reference[column]):
                _differ(comparison, key, "fct_payout", column, program[column], reference[column])


def _compare_projected(folder: Path, results: Results, comparison: Comparison) -> None:
    """What open windows would pay at their end, in the latest period."""
    latest = f"{PAYOUT_KEY}, last(projected_payout order by period)"
    found = {row[:4]: row[4] for row in published_rows(folder, "fct_achievement", latest, "true group by all")}
    for key, reference in sorted(results.projected.items()):
        if abs(reference) < 10**14:  # more than a column holds is not told
            comparison.compared["projected_payout"] += 1
            if not same(found.get(key), reference):
                _differ(comparison, key, "fct_achievement", "projected_payout", found.get(key), reference)


def _compare_accruals(folder: Path, results: Results, comparison: Comparison) -> None:
    """A row of nothing may be left out."""
    found = {row[:5]: row[5] for row in published_rows(folder, "fct_accrual", f"{PAYOUT_KEY}, period, accrued_to_date")}
    for key in sorted(found.keys() | results.accruals.keys()):
        program, reference = found.get(key, Decimal(0)), results.accruals.get(key)
        comparison.compared["accruals"] += 1
        if reference is None or not same(program, reference):
            _differ(comparison, key, "fct_accrual", "accrued_to_date", program, reference)


def _compare_lines(folder: Path, results: Results, comparison: Comparison) -> None:
    """Every line of every payout, with what it brings and what it carries. What lines of blocked payouts bring may lack a part."""
    columns = f"{', '.join('p.' + name for name in PAYOUT_KEY.split(', '))}, l.source_file, l.source_row, l.tier, l.credited_measure, l.line_payout"
    rows = published_rows(folder, "fct_payout_line as l join fct_payout as p using (payout_id)", columns)
    found = {(*row[:4], row[4] and Path(row[4]).name, row[5], row[6] or 0): row[7:] for row in rows}
    wanted = {
        (*key, row["file"] and Path(row["file"]).name, row["row"], row["tier"]): (row["credited_measure"], row["line_payout"])
        for key, lines in results.lines.items()
        for row in lines
    }
    for key in sorted(found.keys() | wanted.keys(), key=str):
        comparison.compared["lines"] += 1
        if key not in found or key not in wanted:
            _differ(comparison, key, "fct_payout_line", "row", found.get(key, "not there"), wanted.get(key, "not there"))
            continue
        for column, a, b in zip(("credited_measure", "line_payout"), found[key], wanted[key], strict=True):
            # thresholds that have no end are cut after twelve decimals, so that a slice of them may be one of the last place longer
            is_close = column == "credited_measure" and (b is None or (a is not None and abs(Fraction(a) - b) <= Fraction(2, 10**12)))
            if not is_close and not same(a, b):
                _differ(comparison, key, "fct_payout_line", column, a, b)


def _differ(comparison: Comparison, key: tuple[Any, ...], table: str, column: str, program: Any, reference: Any) -> None:
    comparison.differences.append(Difference(key[0], " ".join(map(str, (table, *key))), column, program, reference))


def same(program: Any, reference: Any) -> bool:
    """Whether a published value is the reference's. Figures that have no end are published with twelve decimals, a half away from zero."""
    if isinstance(program, Decimal) and reference is not None:
        exact = Fraction(reference)
        size = abs(exact) * 10**12
        rounded = int(size + Fraction(1, 2)) * (1 if exact >= 0 else -1)
        return Fraction(program) == Fraction(rounded, 10**12)
    return bool((program or None) == (reference or None))
