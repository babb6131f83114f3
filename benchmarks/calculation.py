"""How many rows a minute the Polars models compute: `python -m benchmarks.calculation --rows 1000000 [--kinds contest]`.

A row is a benefit × participant × window. Four benefits of different kinds over 24 months, participants repeated until there are enough
rows: `plain` has curves on the participant's own figures, `contest` a rank with shared ties, a bilinear matrix with a multiplier, gates by
percentile, and quarters accrued by their forecast. Only `compute_results` is timed, as the calculation step calls it, without reading or writing.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import random
import resource
import time
from decimal import Decimal

import duckdb
import polars as pl

from assets.transform.calculate import QUERIES
from models.agreements.parse import parse_agreements
from models.agreements.tables.terms import make_terms
from models.book.settings import parse_book
from models.calculation.columns import INPUTS
from models.calculation.results import compute_results

BOOK = """
book: calculation
currency: EUR
as_of: 2025-12-31
feeds: {transactions: {files: "*.csv"}}
"""
AGREEMENT = """
agreement: A
title: four kinds
currency: EUR
term: {from: 2024-01-01, to: 2025-12-31}
participants: [P]
benefits:
  - {id: whole, clause: "1", window: month, accumulate: year, tiers: [{from: 1000, rate: 0.01}, {from: 20000, rate: 0.02}]}
  - {id: graduated, clause: "2", window: month, method: graduated, tiers: [{from: 0, rate: 0.005}, {from: 8000, rate: 0.02, amount: 50}]}
  - id: plan
    clause: "3"
    window: month
    by: attainment
    target: 5000
    incentive: 300
    method: linear
    tiers: [{from: 0.8, share: 0}, {from: 1.2, share: 1.5}]
  - id: growth
    clause: "4"
    window: month
    by: growth
    baseline: {prior: year}
    base: increment
    tiers: [{from: 0, rate: 0.02}, {from: 0.1, rate: 0.05}]
"""
CONTEST = """
agreement: A
title: four kinds
currency: EUR
term: {from: 2024-01-01, to: 2025-12-31}
participants: [P]
benefits:
  - {id: rank, clause: "1", window: month, by: rank, ties: share, tiers: [{from: 1, amount: 500}, {from: 10, amount: 100}, {from: 100, amount: 0}]}
  - id: matrix
    clause: "2"
    window: month
    target: 5000
    baseline: {prior: year}
    incentive: 300
    matrix:
      method: linear
      rows: {by: attainment, from: [0.8, 1, 1.2]}
      columns: {by: growth, from: [-0.5, 0, 0.1]}
      share: [[0.2, 0.4, 0.6], [0.8, 1, 1.2], [1, 1.3, 1.5]]
    multiply: {by: measure, method: linear, tiers: [{from: 0, factor: 0.8}, {from: 10000, factor: 1.2}]}
  - id: gates
    clause: "3"
    window: month
    target: 5000
    tiers: [{from: 0, rate: 0.01}]
    requires: [{by: percentile, at_least: 0.5, otherwise: 0.5}, {by: attainment, at_least: 1}]
  - id: forecast
    clause: "4"
    window: quarter
    method: graduated
    tiers: [{from: 0, rate: 0.005}, {from: 20000, rate: 0.02}]
    accrue: {placement: forecast}
"""
KINDS = {"plain": AGREEMENT, "contest": CONTEST}
#: Frames that come from feeds instead of agreements.
FED = ("participants", "measures", "missing_rates", "targets", "metrics")
#: Participants with figures of their own; further ones repeat them.
DISTINCT = 1_000


def make_frames(rows: int, agreement: str = AGREEMENT) -> tuple[dict[str, pl.DataFrame], dt.date, int]:
    """The frames that the step reads, for about `rows` results; `as_of` and its period."""
    book = parse_book(BOOK)
    assert book.as_of is not None
    terms = make_terms(book, parse_agreements({"a.yaml": agreement}), book.as_of)
    with duckdb.connect() as con:
        con.execute("create schema terms")
        for name, frame in terms.items():
            con.register("frame", frame)
            con.execute(f"create table terms.{name} as from frame")
        frames = {name: con.sql(QUERIES[name]).pl() for name in QUERIES if name not in FED}
    periods = terms["days"].filter(pl.col("day") == book.as_of)["period_no"].item()
    participants = rows // frames["windows"].height
    keys = pl.int_range(participants, dtype=pl.Int32, eager=True)
    frames["participants"] = pl.DataFrame({"agreement_key": pl.repeat(0, participants, dtype=pl.Int32, eager=True), "participant_key": keys}).with_columns(
        participant_id=pl.format("P-{}", "participant_key")
    )
    frames["measures"] = _measures(frames, participants)
    frames |= {name: pl.DataFrame(schema=INPUTS[name]) for name in ("missing_rates", "targets", "metrics")}
    return frames, book.as_of, periods


def _measures(frames: dict[str, pl.DataFrame], participants: int) -> pl.DataFrame:
    """Sums per line_set × participant × period, this year's and the prior year's: drawn for DISTINCT participants, then repeated."""
    draw = random.Random(1)
    first, last = frames["windows"].select(pl.col("first_period").min(), pl.col("last_period").max()).row(0)
    drawn = [
        (line_set, participant, period, is_prior, Decimal(draw.randrange(0, 1_500_000)).scaleb(-2))
        for line_set in frames["benefits"]["line_set_key"].unique()
        for participant in range(min(DISTINCT, participants))
        for period in range(first, last + 1)
        for is_prior in (False, True)
    ]
    one = pl.DataFrame(
        drawn,
        schema={"line_set_key": pl.Int32, "drawn_key": pl.Int32, "period_no": pl.Int32, "is_prior": pl.Boolean, "amount": pl.Decimal(38, 6)},
        orient="row",
    )
    repeated = frames["participants"].select("participant_key", drawn_key=(pl.col("participant_key") % DISTINCT))
    nothing = pl.lit(0, pl.Int64)
    return repeated.join(one, on="drawn_key").select(
        "line_set_key", "participant_key", "period_no", "is_prior", "amount", cost=pl.lit(0, pl.Decimal(38, 6)), quantity=pl.lit(1, pl.Decimal(38, 12)),
        attribute_value=pl.lit(0, pl.Decimal(38, 12)), is_after_as_of=pl.lit(False), line_count=nothing + 1, missing_rates=nothing, missing_costs=nothing,
        missing_quantities=nothing, missing_attributes=nothing,
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--kinds", choices=KINDS, default="plain")
    chosen = parser.parse_args()
    frames, as_of, period = make_frames(chosen.rows, KINDS[chosen.kinds])
    wall, cpu = time.perf_counter(), time.process_time()
    payouts = dict(compute_results(frames, as_of, period, "half_up"))["payouts"].height
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    result = {"rows": payouts, "seconds": round(wall, 2), "cpu_seconds": round(cpu, 2), "rows_per_minute": round(payouts / wall * 60), "peak_rss_mb": peak}
    print(json.dumps(result))


if __name__ == "__main__":
    main()
