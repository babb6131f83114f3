"""What models/calculation/reads.py declares, held against what the steps read and what their results depend on.

Belongs here: that no step reads, and no result depends on, a column that is not declared. Does not belong here: lineage of SQL.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from assets.transform.calculate import QUERIES
from models.calculation import results
from models.calculation.columns import INPUTS, OPTIONAL, STEPS, TABLES
from models.calculation.reads import ALONG, WIDE, column_graph, is_read, list_reads, list_steps

AS_OF = dt.date(2026, 11, 15)
#: The input frames of each step by their place among its arguments; the others are given by value.
FRAMES = {
    "list_payouts": ("benefits", "windows", "participants", "participations"),
    "find_targets": (WIDE, "measures", "targets"),
    "measure_periods": (WIDE, "measures", "groups", "periods", "participations", "openings"),
    "open_windows": (WIDE, "openings"),
    "find_metrics": (WIDE, "axes", "metrics"),
    "find_tie_breaks": (WIDE, "tie_breakers", "measures", "metrics"),
    "rank_rows": (WIDE, "axes"),
    "find_ratios": (WIDE, "axes"),
    "forecast_rows": (WIDE, "measures", "axes"),
}
Call = tuple[Callable[..., pl.DataFrame], tuple[Any, ...], pl.DataFrame]


@pytest.fixture(scope="module")
def frames(demo_book: Path) -> dict[str, pl.DataFrame]:
    with duckdb.connect(str(demo_book / "warehouse.duckdb"), read_only=True) as con:
        return {name: con.sql(query).pl() for name, query in QUERIES.items()}


def compute(frames: dict[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    period = frames["periods"].filter(pl.col("first_day") <= AS_OF)["period_no"].max()
    return dict(results.compute_results(frames, AS_OF, period, "half_up"))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def calls(frames: dict[str, pl.DataFrame]) -> Iterator[dict[str, Call]]:
    """Each step as the demo calls it first: the function, its arguments, what it returned."""
    found: dict[str, Call] = {}

    def watch(step: str) -> None:
        run = getattr(results, step)

        def watched(*arguments: Any) -> pl.DataFrame:
            returned = run(*arguments)
            found.setdefault(step, (run, arguments, returned))
            return returned

        patch.setattr(results, step, watched)

    with pytest.MonkeyPatch.context() as patch:
        for step in list_steps():
            watch(step)
        compute(frames)
        yield found


def declared(step: str) -> frozenset[str]:
    return frozenset(name for names in list_reads(step).values() for name in names)


@pytest.mark.parametrize("step", list_steps())
def test_a_step_needs_no_column_that_it_does_not_declare(step: str, calls: dict[str, Call]) -> None:
    run, arguments, returned = calls[step]
    given = dict(zip(FRAMES.get(step, (WIDE,)), range(len(arguments)), strict=False))
    computed = {column for column in list_reads(step) if column != ALONG}
    needed = declared(step)
    restricted = list(arguments)
    for frame, place in given.items():
        of_frame = {name.removeprefix(f"{frame}.") for name in needed if name.startswith(f"{frame}.")}
        if step == "list_payouts" and frame in ("windows", "benefits"):
            keep = [column for column in arguments[place].columns if column in of_frame or column.startswith("axis_needs")]
        elif frame == WIDE:
            keep = [column for column in arguments[place].columns if is_read(column, needed | computed)]
        else:
            keep = [column for column in arguments[place].columns if column in of_frame]
        restricted[place] = arguments[place].select(keep)
    found = run(*restricted)
    assert found.equals(returned.select(found.columns))
    absent = {re.sub("_n$", "_0", column) for column in computed - set(found.columns)}
    assert {column for column in absent if not any(re.fullmatch(pattern, column) for pattern in OPTIONAL)} == set()


def test_every_column_that_a_step_adds_is_declared() -> None:
    for step, added in STEPS.items():
        assert set(added) <= set(list_reads(step)), step
    graph = column_graph()
    for table, columns in TABLES.items():
        assert {f"calc.{table}.{column}" for column in columns} <= graph.keys()


def test_every_name_that_is_declared_exists() -> None:
    graph = column_graph()
    inputs = {f"{frame}.{column}" for frame, columns in INPUTS.items() for column in columns}
    unknown = {name for _, names in graph.values() for name in names} - graph.keys() - inputs
    assert unknown == set()


def origins_of(node: str) -> set[str]:
    graph, found, ahead = column_graph(), set(), [node]
    while ahead:
        each = ahead.pop()
        if each not in found:
            found.add(each)
            ahead += graph[each][1] if each in graph else ()
    return found


#: Input columns that are values, and not keys, kinds or dates.
VALUES = (
    "measures.amount", "measures.cost", "measures.quantity", "tiers.rate", "tiers.per_unit", "tiers.amount", "tiers.from_value", "targets.target",
    "targets.incentive", "metrics.value", "benefits.at_most", "benefits.target_value", "gates.at_least", "multiplier_tiers.factor", "matrix_cells.rate",
)  # fmt: skip


@pytest.mark.parametrize("changed", VALUES)
def test_a_result_changes_only_with_what_it_is_declared_to_come_from(changed: str, frames: dict[str, pl.DataFrame]) -> None:
    frame, column = changed.split(".")
    dtype = frames[frame].schema[column]
    doubled = frames[frame].with_columns((pl.col(column) + pl.col(column)).cast(dtype))
    before, after = compute(frames), compute({**frames, frame: doubled})
    differing = [
        f"calc.{table}.{name}"
        for table in ("payouts", "achievement", "accruals")
        for name in TABLES[table]
        if not before[table][name].equals(after[table][name], null_equal=True)
    ]
    assert differing, "the demo has no benefit for which this column matters"
    assert [name for name in differing if changed not in origins_of(name)] == []
