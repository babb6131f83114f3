"""The same work in PySpark, as a team would write it: DataFrames on all cores. `python -m benchmarks.rivals.pyspark_script BOOK --out DIR`.

Belongs here: every step as Spark does it, in whole numbers so that it is exact. If 64 bits are too few, it uses decimals of 38 digits. It needs a full Java,
found by JAVA_HOME or on the path.
"""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import SparkSession, Window
from pyspark.sql import functions as f
from pyspark.sql.functions import broadcast, col, lit, when

from benchmarks.rivals.curves import ONE
from benchmarks.rivals.process import Stopwatch, read_arguments
from benchmarks.rivals.terms import AXES, CLAWBACKS, MEASURES, Table, Terms

_CARRY, _PAY, _NONE = (CLAWBACKS.index(rule) for rule in ("carry", "pay", "none"))
_ATTAINMENT, _GROWTH = (AXES.index(axis) for axis in ("attainment", "growth"))
_SCHEMA = """
    transaction_id string, line int, date date, partner_id string, product_id string, type string,
    quantity bigint, amount decimal(14, 2), cost decimal(14, 2), currency string"""
_SUMMED = ("amount", "cost", "quantity")
_MONTHLY = ("agreement", "participant", "month")
_WINDOW = ("benefit", "participant", "window_no")
_SPAN = ("benefit", "participant", "span_first_day")
_IDS = ("agreement_id", "benefit_id", "participant_id", "window_start")
#: Products up to here, doubled, still fit in 64 bits.
_NARROW = 4e18

Frame = Any  # a DataFrame of Spark; its types are not installed everywhere
Column = Any
Frames = dict[str, Frame]


def rounded(numerator: Column, denominator: Column | int) -> Column:
    """Half away from zero."""
    divisor = lit(denominator) if isinstance(denominator, int) else denominator
    half_up = f.call_function("div", 2 * f.abs(numerator) + divisor, 2 * divisor)
    return when(numerator < 0, -half_up).otherwise(half_up)


def wide(number: Column) -> Column:
    """In 38 digits."""
    return number.cast("decimal(38, 0)")


def measured() -> Column:
    """What the benefit measures."""
    amount, quantity = (col("measured") == MEASURES.index(name) for name in ("amount", "quantity"))
    return when(amount, col("amount")).when(quantity, col("quantity")).otherwise(col("amount") - col("cost"))


def start_spark(scratch: Path) -> SparkSession:
    """On all cores of this machine, with room for the lines that are cached."""
    settings = {
        "spark.driver.memory": "8g",
        "spark.sql.shuffle.partitions": "16",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.local.dir": str(scratch),
        "spark.sql.warehouse.dir": str(scratch / "warehouse"),
        "spark.sql.session.timeZone": "UTC",
    }
    builder = SparkSession.builder.master("local[*]").appName("rival")
    for name, value in settings.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def stop_spark(spark: SparkSession) -> None:
    """End Java, and wait for it: what it has used is part of the run."""
    gateway: Any = spark.sparkContext._gateway
    spark.stop()
    gateway.shutdown()
    gateway.proc.stdin.close()
    gateway.proc.wait()


def read_terms(spark: SparkSession, terms: Terms, scratch: Path) -> Frames:
    """The tables of terms.py and those of ids, by way of Parquet files."""
    named: dict[str, Table] = {name: {"key": ids.keys, "period" if name == "periods" else "id": np.array(ids.names)} for name, ids in terms.ids.items()}
    named["currency_ids"] = {"key": np.arange(len(terms.currencies)), "id": np.array(terms.currencies)}
    for name, columns in {**terms.tables, **named}.items():
        pq.write_table(pa.table({column: pa.array(values) for column, values in columns.items()}), scratch / f"{name}.parquet")
    return {name: spark.read.parquet(str(scratch / f"{name}.parquet")) for name in (*terms.tables, *named)}


def read_lines(spark: SparkSession, terms: Terms, frames: Frames) -> Frame:
    """The lines that count: the last one with a key."""

    def keys(table: str, name: str, key: str) -> Frame:
        return broadcast(frames[table].select(col("id").alias(name), col("key").cast("bigint").alias(key)))

    latest = Window.partitionBy("transaction_id", "line").orderBy(col("file").desc())
    return (
        spark.read.csv(terms.files, schema=_SCHEMA, header=True, mode="FAILFAST")
        .withColumn("file", f.input_file_name())
        .withColumn("place", f.row_number().over(latest))
        .filter(col("place") == 1)
        .join(keys("partner_ids", "partner_id", "partner"), "partner_id", "left")
        .join(keys("product_ids", "product_id", "product"), "product_id", "left")
        .join(keys("currency_ids", "currency", "from_currency"), "currency", "left")
        .select(
            "transaction_id",
            "line",
            "partner",
            "product",
            "from_currency",
            f.unix_date("date").cast("bigint").alias("day"),
            (col("type") == "sale").alias("is_sale"),
            (col("quantity") * 100).alias("quantity"),
            (col("amount") * 100).cast("bigint").alias("amount"),
            (col("cost") * 100).cast("bigint").alias("cost"),
        )
    )


def credit(lines: Frame, frames: Frames, products: int) -> Frame:
    """One row per line × agreement × participant, in the agreement's currency."""

    def share(total: Column) -> Column:
        part = rounded(total * col("share_to"), 100) - rounded(total * col("share_from"), 100)
        return when(is_whole, total).otherwise(part)

    def converted(column: str) -> Column:
        return when(col("rate") == 1_000_000, col(column)).otherwise(rounded(col(column) * col("rate"), 1_000_000))

    is_whole = (col("share_from") == 0) & (col("share_to") == 100)
    return (
        lines.join(broadcast(frames["memberships"]), "partner")
        .filter(col("day").between(col("first_day"), col("last_day")) & (col("is_sale") | ~col("sales_only")))
        .withColumn("covered_key", col("agreement") * products + col("product"))
        .withColumn("rate_key", col("day") * 100 + col("from_currency") * 10 + col("to_currency"))
        .join(broadcast(frames["covered"]), "covered_key", "left_semi")
        .join(broadcast(frames["rates"]), "rate_key")
        .select(
            *_MONTHLY,
            "day",
            "day_next_year",
            "transaction_id",
            "line",
            share(converted("amount")).alias("amount"),
            share(converted("cost")).alias("cost"),
            f.call_function("div", col("quantity") * (col("share_to") - col("share_from")), lit(100)).alias("quantity"),
            (col("day") >= col("term_first_day")).alias("in_term"),
        )
    )


def sum_by_month(credits: Frame, shift: int = 0) -> Frame:
    """Per agreement × participant × month, moved on by `shift` months."""
    sums = [f.sum(name).alias(name) for name in _SUMMED]
    return credits.groupBy("agreement", "participant", (col("month") + shift).alias("month")).agg(*sums)


def results_by_month(credits: Frame, frames: Frames) -> Frame:
    """One row per benefit × participant × window × month, with what the span holds by the end of the month."""
    sums = sum_by_month(credits.filter("in_term"))
    looking_back = credits.join(frames["agreements"].filter("needs_prior_year"), "agreement")
    prior = sum_by_month(looking_back.filter(col("day_next_year").between(col("term_first_day"), col("term_last_day"))), shift=12)
    benefits = frames["benefits"].select("benefit", "agreement", "measured", "axis")
    baselines = (
        frames["window_months"]
        .filter("is_last")
        .drop("month")
        .join(benefits.filter(col("axis") == _GROWTH), "benefit")
        .join(prior, "agreement")
        .filter(col("month").between(col("span_first_month"), col("window_last_month")))
        .groupBy(*_WINDOW)
        .agg(f.sum(measured()).alias("baseline"))
    )
    in_window, in_span = Window.partitionBy(*_WINDOW), Window.partitionBy(*_SPAN).orderBy("month")
    return (
        frames["window_months"]
        .join(benefits, "benefit")
        .join(frames["results"], "agreement")
        .join(sums, list(_MONTHLY), "left")
        .fillna(0, list(_SUMMED))
        .withColumn("measure", measured())
        .withColumn("window_measure", f.sum("measure").over(in_window))
        .withColumn("measure", f.sum("measure").over(in_span))
        .withColumn("quantity", f.sum("quantity").over(in_span))
        .join(frames["targets"], ["benefit", "participant", "window_first_day"], "left")
        .join(baselines, list(_WINDOW), "left")
        .fillna(0, ["baseline"])
    )


def earn(results: Frame, frames: Frames) -> Frame:
    """What the span to date earns; no row where a value is missing."""
    measure, baseline, incentive = col("measure"), col("baseline"), f.coalesce("incentive", lit(0))
    by_attainment, by_growth = col("axis") == _ATTAINMENT, col("axis") == _GROWTH
    placed = (
        results.join(frames["benefits"].drop("agreement", "measured", "axis"), "benefit")
        .withColumn("position", when(by_attainment, measure * ONE).when(by_growth, (measure - baseline) * ONE).otherwise(measure))
        .withColumn("divisor", when(by_attainment, col("target")).when(by_growth, baseline).otherwise(1))
        .withColumn("base", when(col("is_on_increment"), f.greatest(measure - baseline, lit(0))).otherwise(measure))
        .filter((col("divisor") > 0) & (~by_attainment | col("incentive").isNotNull()))
    )
    level = col("base") * col("rate") + col("quantity") * col("per_unit") + incentive * col("share") + col("constant")
    slope = wide(incentive * col("rise")) * wide(col("position") - col("start") * col("divisor"))
    scale = wide(when(col("rise") == 0, 1).otherwise(col("divisor") * col("run")))
    capped = f.least(col("at_most"), rounded(col("numerator"), col("denominator")))
    return (
        placed.join(broadcast(frames["pieces"]), "benefit")
        .filter(
            (col("is_lowest") | (col("position") >= col("low") * col("divisor") + col("low_moved")))
            & (col("is_highest") | (col("position") < col("high") * col("divisor") + col("high_moved")))
        )
        .withColumn("numerator", wide(wide(level) * scale + slope))
        .withColumn("denominator", wide(scale * ONE))
        .withColumn("earned", when(col("numerator") < wide(wide(col("pays_from")) * col("denominator")), 0).otherwise(capped))
        .withColumn("earned", f.greatest("at_least", "earned"))
    )


def settle(earnings: Frame) -> Frame:
    """What earlier windows leave to pay, by the rule of the benefit."""
    is_pay, earned = col("clawback") == _PAY, col("earned")
    earlier = Window.partitionBy("benefit", "participant", "begins_anew").orderBy("window_no").rowsBetween(Window.unboundedPreceding, -1)
    to_date = Window.partitionBy("benefit", "participant").orderBy("window_no")
    return (
        earnings.filter("is_last")
        .withColumn("change", earned - f.lag("earned", 1, 0).over(Window.partitionBy(*_SPAN).orderBy("window_no")))
        .withColumn("total", when(col("clawback") == _CARRY, f.sum("change").over(to_date)).otherwise(earned))
        .withColumn("begins_anew", when(col("clawback") == _NONE, col("span_first_day")).otherwise(0))
        .withColumn("highest", f.greatest(f.coalesce(f.max("total").over(earlier), lit(0)), lit(0)))
        .select(
            *_WINDOW,
            "tier",
            when(is_pay, col("change")).otherwise(f.greatest(col("total") - col("highest"), lit(0))).alias("payout"),
            when(is_pay, earned - col("change")).otherwise(col("highest") - col("total") + earned).alias("paid_before"),
        )
    )


def list_payouts(results: Frame, settled: Frame) -> Frame:
    """One row per benefit × participant × window; blocked where a value is missing."""
    return (
        results.filter("is_last")
        .join(settled, list(_WINDOW), "left")
        .withColumn("is_blocked", col("payout").isNull())
        .fillna(0, ["payout", "tier"])
        .withColumn("payout_id", f.concat_ws("/", *_WINDOW))
    )


def accrue(earnings: Frame, settled: Frame) -> Frame:
    """What the measure to date earns, month by month."""
    to_date = col("earned") - col("paid_before")
    before = f.lag("to_date", 1, 0).over(Window.partitionBy(*_WINDOW).orderBy("month"))
    return (
        earnings.join(settled.drop("tier", "payout"), list(_WINDOW))
        .withColumn("to_date", when(col("clawback") == _PAY, to_date).otherwise(f.greatest(to_date, lit(0))))
        .withColumn("accrual", col("to_date") - before)
    )


def share_out(payouts: Frame, credits: Frame, frames: Frames) -> Frame:
    """Each payout over the lines of its window: the running share, rounded, minus the one before it."""

    def part(total: Column, payout: Column) -> Column:
        return rounded(payout * total, col("window_measure")) - rounded(payout * (total - col("measure")), col("window_measure"))

    paying = payouts.filter(col("payout") != 0)
    due = (
        paying.filter(col("window_measure") > 0)
        .select("payout_id", *_WINDOW, "agreement", "tier", "payout", "window_measure")
        .join(frames["window_months"].select("benefit", "window_no", "month"), ["benefit", "window_no"])
        .join(frames["benefits"].select("benefit", "measured"), "benefit")
    )
    so_far = f.sum("measure").over(Window.partitionBy("payout_id").orderBy("day", "transaction_id", "line"))
    is_narrow = f.abs("payout").cast("double") * (f.abs("so_far") + f.abs("measure")) < _NARROW
    columns = ("payout_id", "transaction_id", "line", "tier", "measure", "line_payout")
    lines = (
        credits.filter("in_term")
        .join(due, list(_MONTHLY))
        .withColumn("measure", measured())
        .withColumn("so_far", so_far)
        .withColumn("line_payout", when(is_narrow, part(col("so_far"), col("payout"))).otherwise(part(wide(col("so_far")), wide(col("payout")))))
        .select(*columns)
    )
    without_lines = paying.filter(col("window_measure") <= 0).select("payout_id", "tier", col("payout").alias("line_payout"))
    return lines.unionByName(without_lines, allowMissingColumns=True)


def money(cents: str, name: str = "") -> Column:
    """An amount as it is published."""
    return (col(cents).cast("decimal(20, 0)") * lit("0.01").cast("decimal(3, 2)")).cast("decimal(18, 2)").alias(name or cents)


def write_tables(out: Path, frames: Frames, payouts: Frame, accruals: Frame, lines: Frame) -> None:
    """The three published tables: folders of Parquet files, as Spark writes them."""

    def named(frame: Frame) -> Frame:
        for name in ("agreement", "benefit", "participant"):
            ids = frames[f"{'partner' if name == 'participant' else name}_ids"].select(col("key").alias(name), col("id").alias(f"{name}_id"))
            frame = frame.join(broadcast(ids), name)
        return frame.withColumn("window_start", f.date_add(lit(dt.date(1970, 1, 1)), col("window_first_day")))

    status = when(col("is_blocked"), "blocked").otherwise("ok").alias("status")
    periods = frames["periods"].withColumnRenamed("key", "month")
    tables = {
        "fct_payout": named(payouts).select("payout_id", *_IDS, "tier", status, money("measure"), money("payout")),
        "fct_accrual": named(accruals).join(periods, "month").select(*_IDS, "period", money("to_date", "accrued_to_date"), money("accrual")),
        "fct_payout_line": lines.select("payout_id", "transaction_id", "line", "tier", money("measure", "credited_measure"), money("line_payout")),
    }
    for name, table in tables.items():
        table.write.mode("overwrite").parquet(str(out / f"{name}.parquet"))


def main() -> None:
    """One run."""
    book, out = read_arguments(__doc__)
    watch = Stopwatch()
    scratch = out / "scratch"
    scratch.mkdir()
    spark = start_spark(scratch)
    watch.mark("start")
    terms = Terms(book)
    frames = read_terms(spark, terms, scratch)
    watch.mark("terms")
    credits = credit(read_lines(spark, terms, frames), frames, len(terms.products)).cache()
    lines_credited = credits.filter("in_term").count()
    watch.mark("credit")
    results = results_by_month(credits, frames).cache()
    earnings = earn(results, frames).cache()
    settled = settle(earnings).cache()
    payouts = list_payouts(results, settled).cache()
    payout_cents = payouts.agg(f.sum("payout")).first()[0]
    watch.mark("payouts")
    write_tables(out, frames, payouts, accrue(earnings, settled), share_out(payouts, credits, frames))
    watch.mark("lines")
    shared = spark.read.parquet(str(out / "fct_payout_line.parquet"))
    sums = shared.groupBy("payout_id").agg(f.sum("line_payout").alias("shared"))
    paying = payouts.filter(col("payout") != 0).select("payout_id", money("payout"))
    if wrong := paying.join(sums, "payout_id", "full").filter(~col("payout").eqNullSafe(col("shared"))).count():
        raise SystemExit(f"{wrong} payouts whose lines do not add up")
    watch.mark("check")
    watch.print_result(lines_credited=lines_credited, payouts=payouts.count(), payout_cents=payout_cents, payout_lines=shared.count())
    stop_spark(spark)
    shutil.rmtree(scratch)


if __name__ == "__main__":
    main()
