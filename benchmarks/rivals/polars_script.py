"""The same work in Polars: lazy scan, streaming engine. `python -m benchmarks.rivals.polars_script BOOK --out DIR`.

Belongs here: every step as Polars does it. If 64 bits are too few, it uses 128.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl
from polars import col, lit, when

from benchmarks.rivals.curves import ONE
from benchmarks.rivals.process import Stopwatch, read_arguments
from benchmarks.rivals.terms import AXES, CLAWBACKS, MEASURES, Table, Terms

_CARRY, _PAY, _NONE = (CLAWBACKS.index(rule) for rule in ("carry", "pay", "none"))
_ATTAINMENT, _GROWTH = (AXES.index(axis) for axis in ("attainment", "growth"))
_SCHEMA: dict[str, type[pl.DataType] | pl.DataType] = {
    "transaction_id": pl.String, "line": pl.Int32, "date": pl.Date, "partner_id": pl.String, "product_id": pl.String, "type": pl.String,
    "quantity": pl.Int64, "amount": pl.Decimal(14, 2), "cost": pl.Decimal(14, 2), "currency": pl.String,
}  # fmt: skip
_SUMMED = ("amount", "cost", "quantity")
_WINDOW = ("benefit", "participant", "window_no")
_SPAN = ("benefit", "participant", "span_first_day")

Frames = dict[str, pl.DataFrame]


def rounded(numerator: pl.Expr, denominator: pl.Expr | int) -> pl.Expr:
    """Half away from zero."""
    return numerator.sign() * ((2 * numerator.abs() + denominator) // (2 * denominator))


def wide(number: pl.Expr) -> pl.Expr:
    """In 128 bits."""
    return number.cast(pl.Int128)


def measured() -> pl.Expr:
    """What the benefit measures."""
    amount, quantity = (col("measured") == MEASURES.index(name) for name in ("amount", "quantity"))
    return when(amount).then("amount").when(quantity).then("quantity").otherwise(col("amount") - col("cost"))


def read_lines(terms: Terms) -> tuple[int, pl.DataFrame]:
    """How many rows the files have, and the lines that count: the last one with a key."""

    def keys(names: list[str], name: str, key: str) -> pl.LazyFrame:
        return pl.LazyFrame({name: names, key: range(len(names))}, schema={name: pl.String, key: pl.Int64})

    lines = (
        pl.scan_csv(terms.files, schema=_SCHEMA)
        .with_row_index("place")
        .join(keys(terms.partners, "partner_id", "partner"), on="partner_id", how="left")
        .join(keys(terms.products, "product_id", "product"), on="product_id", how="left")
        .join(keys(terms.currencies, "currency", "from_currency"), on="currency", how="left")
        .select(
            "place", "transaction_id", "line", "partner", "product", "from_currency",
            day=col("date").to_physical().cast(pl.Int64),
            is_sale=col("type") == "sale",
            quantity=col("quantity") * 100,
            amount=(col("amount") * 100).cast(pl.Int64),
            cost=(col("cost") * 100).cast(pl.Int64),
        )
        .collect(engine="streaming")
    )  # fmt: skip
    if lines.select(pl.sum_horizontal(pl.all().null_count())).item():
        raise SystemExit("lines with an unknown partner, product or currency, or without a value: the rivals do not compute this book")
    hashed = lines.select("place", key=pl.struct("transaction_id", "line").hash())
    repeated = lines.join(hashed.filter(col("key").is_duplicated()), on="place", how="semi").sort("place")
    superseded = repeated.filter(col("place") != col("place").last().over("transaction_id", "line"))
    return lines.height, lines.join(superseded, on="place", how="anti").drop("place")


def credit(lines: pl.DataFrame, frames: Frames, products: int) -> pl.DataFrame:
    """One row per line × agreement × participant, in the agreement's currency."""

    def share(column: str, total: pl.Expr) -> pl.Expr:
        return when(is_whole).then(total).otherwise(rounded(total * col("share_to"), 100) - rounded(total * col("share_from"), 100)).alias(column)

    def converted(column: str) -> pl.Expr:
        return when(col("rate") == 1_000_000).then(col(column)).otherwise(rounded(col(column) * col("rate"), 1_000_000))

    is_whole = (col("share_from") == 0) & (col("share_to") == 100)
    return (
        lines.lazy()
        .join(frames["memberships"].lazy(), on="partner")
        .filter(col("day").is_between("first_day", "last_day") & (col("is_sale") | ~col("sales_only")))
        .with_columns(
            covered_key=col("agreement") * products + col("product"), rate_key=col("day") * 100 + col("from_currency") * 10 + col("to_currency")
        )
        .join(frames["covered"].lazy(), on="covered_key", how="semi")
        .join(frames["rates"].lazy(), on="rate_key")
        .with_columns(amount=converted("amount"), cost=converted("cost"))
        .select(
            "agreement", "participant", "month", "day", "day_next_year", "transaction_id", "line",
            share("amount", col("amount")),
            share("cost", col("cost")),
            in_term=col("day") >= col("term_first_day"),
            quantity=col("quantity") * (col("share_to") - col("share_from")) // 100,
        )
        .collect(engine="streaming")
    )  # fmt: skip


def sum_by_month(credits: pl.LazyFrame, shift: int = 0) -> pl.DataFrame:
    """Per agreement × participant × month, moved on by `shift` months."""
    return credits.group_by("agreement", "participant", col("month") + shift).agg(col(_SUMMED).sum()).collect()


def results_by_month(credits: pl.DataFrame, frames: Frames) -> pl.DataFrame:
    """One row per benefit × participant × window × month, with what the span holds by the end of the month."""
    sums = sum_by_month(credits.lazy().filter("in_term"))
    looking_back = credits.lazy().join(frames["agreements"].lazy().filter("needs_prior_year"), on="agreement")
    prior = sum_by_month(looking_back.filter(col("day_next_year").is_between("term_first_day", "term_last_day")), shift=12)
    benefits = frames["benefits"].select("benefit", "agreement", "measured", "axis")
    baselines = (
        frames["window_months"]
        .filter("is_last")
        .join(benefits.filter(col("axis") == _GROWTH), on="benefit")
        .join(prior, on="agreement", suffix="_prior")
        .filter(col("month_prior").is_between("span_first_month", "window_last_month"))
        .group_by(_WINDOW)
        .agg(baseline=measured().sum())
    )
    return (
        frames["window_months"]
        .join(benefits, on="benefit")
        .join(frames["results"], on="agreement")
        .join(sums, on=["agreement", "participant", "month"], how="left")
        .with_columns(col(_SUMMED).fill_null(0))
        .with_columns(measure=measured())
        .sort(*_SPAN, "month")
        .with_columns(
            window_measure=col("measure").sum().over(_WINDOW),
            measure=col("measure").cum_sum().over(_SPAN),
            quantity=col("quantity").cum_sum().over(_SPAN),
        )
        .join(frames["targets"], on=["benefit", "participant", "window_first_day"], how="left")
        .join(baselines, on=_WINDOW, how="left")
        .with_columns(col("baseline").fill_null(0))
    )


def earn(results: pl.DataFrame, frames: Frames) -> pl.DataFrame:
    """What the span to date earns; no row where a value is missing."""
    measure, baseline, incentive = col("measure"), col("baseline"), col("incentive").fill_null(0)
    by_attainment, by_growth = col("axis") == _ATTAINMENT, col("axis") == _GROWTH
    placed = results.join(frames["benefits"].drop("agreement", "measured", "axis"), on="benefit").with_columns(
        position=when(by_attainment).then(measure * ONE).when(by_growth).then((measure - baseline) * ONE).otherwise(measure),
        divisor=when(by_attainment).then("target").when(by_growth).then(baseline).otherwise(1),
        base=when("is_on_increment").then((measure - baseline).clip(0)).otherwise(measure),
    )
    placed = placed.filter((col("divisor") > 0) & (~by_attainment | col("incentive").is_not_null()))
    level = col("base") * col("rate") + col("quantity") * col("per_unit") + incentive * col("share") + col("constant")
    slope = wide(incentive * col("rise")) * wide(col("position") - col("start") * col("divisor"))
    scale = wide(when(col("rise") == 0).then(1).otherwise(col("divisor") * col("run")))
    return (
        placed.join(frames["pieces"], on="benefit")
        .filter(
            (col("is_lowest") | (col("position") >= col("low") * col("divisor") + col("low_moved")))
            & (col("is_highest") | (col("position") < col("high") * col("divisor") + col("high_moved")))
        )
        .with_columns(numerator=wide(level) * scale + slope, denominator=scale * ONE)
        .with_columns(earned=pl.min_horizontal(wide(col("at_most")), rounded(col("numerator"), col("denominator"))))
        .with_columns(earned=when(col("numerator") < wide(col("pays_from")) * col("denominator")).then(0).otherwise("earned"))
        .with_columns(earned=pl.max_horizontal("at_least", "earned").cast(pl.Int64))
    )


def settle(earnings: pl.DataFrame) -> pl.DataFrame:
    """What earlier windows leave to pay, by the rule of the benefit."""
    is_pay, earned = col("clawback") == _PAY, col("earned")
    return (
        earnings.filter("is_last")
        .sort(_WINDOW)
        .with_columns(change=earned - earned.shift(1).over(_SPAN).fill_null(0))
        .with_columns(
            total=when(col("clawback") == _CARRY).then(col("change").cum_sum().over("benefit", "participant")).otherwise(earned),
            begins_anew=when(col("clawback") == _NONE).then("span_first_day").otherwise(0),
        )
        .with_columns(highest=col("total").cum_max().shift(1).over("benefit", "participant", "begins_anew").fill_null(0).clip(0))
        .select(
            *_WINDOW, "tier",
            payout=when(is_pay).then("change").otherwise((col("total") - col("highest")).clip(0)),
            paid_before=when(is_pay).then(earned - col("change")).otherwise(col("highest") - col("total") + earned),
        )
    )  # fmt: skip


def accrue(earnings: pl.DataFrame, settled: pl.DataFrame) -> pl.DataFrame:
    """What the measure to date earns, month by month."""
    to_date = col("earned") - col("paid_before")
    return (
        earnings.join(settled.drop("tier"), on=_WINDOW)
        .sort(*_WINDOW, "month")
        .with_columns(to_date=when(col("clawback") == _PAY).then(to_date).otherwise(to_date.clip(0)))
        .with_columns(accrual=col("to_date") - col("to_date").shift(1).over(_WINDOW).fill_null(0))
    )


def share_out(payouts: pl.DataFrame, credits: pl.DataFrame, frames: Frames) -> pl.DataFrame:
    """Each payout over the lines of its window: the running share, rounded, minus the one before it."""

    def part(total: pl.Expr, payout: pl.Expr) -> pl.Expr:
        return rounded(payout * total, col("window_measure")) - rounded(payout * (total - col("measure")), col("window_measure"))

    paying = payouts.filter(col("payout") != 0)
    due = (
        paying.filter(col("window_measure") > 0)
        .select("payout_id", *_WINDOW, "agreement", "tier", "payout", "window_measure")
        .join(frames["window_months"].select("benefit", "window_no", "month"), on=["benefit", "window_no"])
        .join(frames["benefits"].select("benefit", "measured"), on="benefit")
    )
    lines = (
        credits.lazy()
        .filter("in_term")
        .join(due.lazy(), on=["agreement", "participant", "month"])
        .select("payout_id", "tier", "payout", "window_measure", "day", "transaction_id", "line", measure=measured())
        .sort("payout_id", "day", "transaction_id", "line")
        .with_columns(so_far=col("measure").cum_sum().over("payout_id"))
        .collect()
    )
    is_narrow = col("payout").abs().cast(pl.Float64) * (col("so_far").abs() + col("measure").abs()) < 4e18
    columns = ("payout_id", "transaction_id", "line", "tier", "measure")
    without_lines = paying.filter(col("window_measure") <= 0).select("payout_id", "tier", line_payout="payout")
    narrow = lines.filter(is_narrow).select(*columns, line_payout=part(col("so_far"), col("payout")))
    others = lines.filter(~is_narrow).select(*columns, line_payout=part(wide(col("so_far")), wide(col("payout"))).cast(pl.Int64))
    return pl.concat([narrow, others, without_lines], how="diagonal")


def write_tables(out: Path, terms: Terms, frames: Frames, payouts: pl.DataFrame, accruals: pl.DataFrame, lines: pl.DataFrame) -> None:
    """The three published tables."""

    def money(cents: str) -> pl.Expr:
        return col(cents).cast(pl.Decimal(18, 2)) * lit("0.01").cast(pl.Decimal(18, 2))

    def named(frame: pl.DataFrame) -> pl.DataFrame:
        return frame.with_columns(
            agreement_id=pl.Series(terms.agreements).gather(frame["agreement"]),
            benefit_id=pl.Series(terms.benefits).gather(frame["benefit"]),
            participant_id=pl.Series(terms.partners).gather(frame["participant"]),
            window_start=col("window_first_day").cast(pl.Int32).cast(pl.Date),
        )

    ids = ("agreement_id", "benefit_id", "participant_id", "window_start")
    status = when("is_blocked").then(lit("blocked")).otherwise(lit("ok"))
    periods = pl.DataFrame({"month": terms.ids["periods"].keys, "period": terms.ids["periods"].names}, schema={"month": pl.Int64, "period": pl.String})
    tables = {
        "fct_payout": named(payouts).select("payout_id", *ids, "tier", status=status, measure=money("measure"), payout=money("payout")),
        "fct_accrual": named(accruals.join(periods, on="month")).select(*ids, "period", accrued_to_date=money("to_date"), accrual=money("accrual")),
        "fct_payout_line": lines.select("payout_id", "transaction_id", "line", "tier", credited_measure=money("measure"), line_payout=money("line_payout")),
    }
    for name, table in tables.items():
        table.write_parquet(out / f"{name}.parquet", compression="snappy")


def as_frame(table: Table) -> pl.DataFrame:
    """A table of terms.py; keys must all be of one type to be joined."""
    return pl.DataFrame(table).cast({pl.Int32: pl.Int64})


def main() -> None:
    """One run."""
    book, out = read_arguments(__doc__)
    watch = Stopwatch()
    terms = Terms(book)
    frames = {name: as_frame(table) for name, table in terms.tables.items()}
    watch.mark("terms")
    rows, lines = read_lines(terms)
    watch.mark("ingest")
    credits = credit(lines, frames, len(terms.products))
    watch.mark("credit")
    results = results_by_month(credits, frames)
    watch.mark("sums")
    earnings = earn(results, frames)
    watch.mark("curves")
    settled = settle(earnings)
    payouts = (
        results.filter("is_last")
        .join(settled, on=_WINDOW, how="left")
        .sort(_WINDOW)
        .with_row_index("payout_id")
        .with_columns(col("payout", "tier").fill_null(0), is_blocked=col("payout").is_null())
    )
    accruals = accrue(earnings, settled)
    watch.mark("payouts")
    shared = share_out(payouts, credits, frames)
    watch.mark("lines")
    write_tables(out, terms, frames, payouts, accruals, shared)
    watch.mark("write")
    sums = shared.group_by("payout_id").agg(col("line_payout").sum())
    wrong = payouts.filter(col("payout") != 0).join(sums, on="payout_id", how="full").filter(col("payout").ne_missing(col("line_payout")))
    if wrong.height:
        raise SystemExit(f"{wrong.height} payouts whose lines do not add up")
    watch.print_result(
        lines_read=rows,
        superseded=rows - lines.height,
        lines_credited=int(credits["in_term"].sum()),
        payouts=payouts.height,
        payout_cents=int(payouts["payout"].sum()),
        payout_lines=shared.height,
        accruals=accruals.height,
    )


if __name__ == "__main__":
    main()
