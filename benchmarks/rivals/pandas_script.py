"""The same work in pandas, as in the scripts of many teams: merge, filter, group. `python -m benchmarks.rivals.pandas_script BOOK --out DIR`.

Belongs here: every step as pandas does it, in whole numbers so that it is exact. If 64 bits are too few, it uses Python's integers.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from benchmarks.rivals.curves import ONE
from benchmarks.rivals.process import Stopwatch, read_arguments
from benchmarks.rivals.terms import AXES, CLAWBACKS, MEASURES, Terms

_CARRY, _PAY, _NONE = (CLAWBACKS.index(rule) for rule in ("carry", "pay", "none"))
_ATTAINMENT, _GROWTH = (AXES.index(axis) for axis in ("attainment", "growth"))
_EPOCH = np.datetime64("1970-01-01")
_SUMMED = ["amount", "cost", "quantity"]
_MONTHLY = ["agreement", "participant", "month"]
_WINDOW = ["benefit", "participant", "window_no"]
_SPAN = ["benefit", "participant", "span_first_day"]

Frame = Any  # pandas ships no types
Frames = dict[str, Frame]
Numbers = NDArray[Any]


def rounded(numerator: Any, denominator: Any) -> Numbers:
    """Half away from zero; for 64 bits and for Python's integers."""
    numbers = np.asarray(numerator)
    return np.asarray(np.where(numbers < 0, -1, 1) * ((2 * abs(numbers) + denominator) // (2 * denominator)))


def measured(frame: Frame) -> Numbers:
    """What the benefit measures."""
    amount, quantity = (frame["measured"] == MEASURES.index(name) for name in ("amount", "quantity"))
    return np.select([amount, quantity], [frame["amount"], frame["quantity"]], frame["amount"] - frame["cost"])


def read_lines(terms: Terms) -> tuple[int, Frame]:
    """How many rows the files have, and the lines that count: the last one with a key."""

    def key(ids: list[str], column: str) -> Frame:
        return lines[column].map(pd.Series(np.arange(len(ids)), index=ids))

    text = dict.fromkeys(("transaction_id", "partner_id", "product_id", "type", "currency"), str)
    lines = pd.concat([pd.read_csv(path, dtype=text) for path in terms.files], ignore_index=True)
    rows = len(lines)
    lines = lines.drop_duplicates(["transaction_id", "line"], keep="last")
    typed = pd.DataFrame(
        {
            "transaction_id": lines["transaction_id"],
            "line": lines["line"],
            "day": (pd.to_datetime(lines["date"]).to_numpy().astype("datetime64[D]") - _EPOCH).astype("int64"),
            "partner": key(terms.partners, "partner_id"),
            "product": key(terms.products, "product_id"),
            "from_currency": key(terms.currencies, "currency"),
            "is_sale": lines["type"] == "sale",
            "quantity": lines["quantity"] * 100,
            "amount": (lines["amount"] * 100).round().astype("int64"),
            "cost": (lines["cost"] * 100).round().astype("int64"),
        }
    )
    if typed.isna().any().any():
        raise SystemExit("lines with an unknown partner, product or currency, or without a value: the rivals do not compute this book")
    return rows, typed


def credit(lines: Frame, frames: Frames, products: int) -> Frame:
    """One row per line × agreement × participant, in the agreement's currency."""
    credits = lines.merge(frames["memberships"], on="partner")
    credits = credits[credits["day"].between(credits["first_day"], credits["last_day"]) & (credits["is_sale"] | ~credits["sales_only"])]
    credits = credits.assign(
        covered_key=credits["agreement"] * products + credits["product"],
        rate_key=credits["day"] * 100 + credits["from_currency"] * 10 + credits["to_currency"],
    )
    credits = credits.merge(frames["covered"], on="covered_key").merge(frames["rates"], on="rate_key")
    is_whole = (credits["share_from"] == 0) & (credits["share_to"] == 100)
    for column in ("amount", "cost"):
        converted = np.where(credits["rate"] == 1_000_000, credits[column], rounded(credits[column] * credits["rate"], 1_000_000))
        part = rounded(converted * credits["share_to"], 100) - rounded(converted * credits["share_from"], 100)
        credits[column] = np.where(is_whole, converted, part)
    credits["quantity"] = credits["quantity"] * (credits["share_to"] - credits["share_from"]) // 100
    credits["in_term"] = credits["day"] >= credits["term_first_day"]
    return credits[[*_MONTHLY, "day", "day_next_year", "in_term", "transaction_id", "line", *_SUMMED]]


def results_by_month(credits: Frame, frames: Frames) -> Frame:
    """One row per benefit × participant × window × month, with what the span holds by the end of the month."""
    sums = credits[credits["in_term"]].groupby(_MONTHLY, as_index=False)[_SUMMED].sum()
    agreements = frames["agreements"]
    looking_back = credits.merge(agreements.loc[agreements["needs_prior_year"], ["agreement", "term_first_day", "term_last_day"]], on="agreement")
    looking_back = looking_back[looking_back["day_next_year"].between(looking_back["term_first_day"], looking_back["term_last_day"])]
    prior = looking_back.assign(month=looking_back["month"] + 12).groupby(_MONTHLY, as_index=False)[_SUMMED].sum()
    windows, benefits = frames["window_months"], frames["benefits"][["benefit", "agreement", "measured", "axis"]]
    baselines = windows[windows["is_last"]].merge(benefits[benefits["axis"] == _GROWTH], on="benefit").merge(prior, on="agreement", suffixes=("", "_prior"))
    baselines = baselines[baselines["month_prior"].between(baselines["span_first_month"], baselines["window_last_month"])]
    baselines = baselines.assign(baseline=measured(baselines)).groupby(_WINDOW, as_index=False)["baseline"].sum()
    results = windows.merge(benefits, on="benefit").merge(frames["results"], on="agreement").merge(sums, on=_MONTHLY, how="left")
    results[_SUMMED] = results[_SUMMED].fillna(0).astype("int64")
    results = results.assign(measure=measured(results)).sort_values([*_SPAN, "month"])
    results["window_measure"] = results.groupby(_WINDOW)["measure"].transform("sum")
    results[["measure", "quantity"]] = results.groupby(_SPAN)[["measure", "quantity"]].cumsum()
    results = results.merge(frames["targets"], on=["benefit", "participant", "window_first_day"], how="left").merge(baselines, on=_WINDOW, how="left")
    results["has_target"] = results["target"].notna() & results["incentive"].notna()
    values = ["target", "incentive", "baseline"]
    results[values] = results[values].fillna(0).astype("int64")
    return results


def earn(results: Frame, frames: Frames) -> Frame:
    """What the span to date earns; no row where a value is missing."""
    rows = results.merge(frames["benefits"].drop(columns=["agreement", "measured", "axis"]), on="benefit")
    by_attainment, by_growth = rows["axis"] == _ATTAINMENT, rows["axis"] == _GROWTH
    change = rows["measure"] - rows["baseline"]
    rows["position"] = np.select([by_attainment, by_growth], [rows["measure"] * ONE, change * ONE], rows["measure"])
    rows["divisor"] = np.select([by_attainment, by_growth], [rows["target"], rows["baseline"]], 1)
    rows["base"] = np.where(rows["is_on_increment"], change.clip(lower=0), rows["measure"])
    rows = rows[(rows["divisor"] > 0) & (~by_attainment | rows["has_target"])].merge(frames["pieces"], on="benefit")
    rows = rows[
        (rows["is_lowest"] | (rows["position"] >= rows["low"] * rows["divisor"] + rows["low_moved"]))
        & (rows["is_highest"] | (rows["position"] < rows["high"] * rows["divisor"] + rows["high_moved"]))
    ]
    level = rows["base"] * rows["rate"] + rows["quantity"] * rows["per_unit"] + rows["incentive"] * rows["share"] + rows["constant"]
    floored, half_up = (level // ONE).to_numpy(copy=True), rounded(level, ONE)
    is_sloped = (rows["rise"] != 0).to_numpy()
    floored[is_sloped], half_up[is_sloped] = _earn_on_slopes(rows[is_sloped], level[is_sloped])
    capped = np.where(floored < rows["pays_from"], 0, np.minimum(rows["at_most"], half_up))
    return rows.assign(earned=np.maximum(rows["at_least"], capped))


def _earn_on_slopes(rows: Frame, level: Frame) -> tuple[Numbers, Numbers]:
    """What is paid between two points, rounded down and to the nearest: 64 bits are too few for it."""
    big = rows[["incentive", "rise", "position", "start", "divisor", "run"]].astype(object)
    scale = big["divisor"] * big["run"]
    numerator = level.astype(object) * scale + big["incentive"] * big["rise"] * (big["position"] - big["start"] * big["divisor"])
    denominator = (scale * ONE).to_numpy()
    return (numerator.to_numpy() // denominator).astype("int64"), rounded(numerator, denominator).astype("int64")


def settle(earnings: Frame) -> Frame:
    """What earlier windows leave to pay, by the rule of the benefit."""
    rows = earnings[earnings["is_last"]].sort_values(_WINDOW)
    is_pay = rows["clawback"] == _PAY
    rows["change"] = rows["earned"] - rows.groupby(_SPAN)["earned"].shift(1).fillna(0).astype("int64")
    rows["total"] = np.where(rows["clawback"] == _CARRY, rows.groupby(["benefit", "participant"])["change"].cumsum(), rows["earned"])
    rows["begins_anew"] = np.where(rows["clawback"] == _NONE, rows["span_first_day"], 0)
    keys = ["benefit", "participant", "begins_anew"]
    rows["highest"] = rows.groupby(keys)["total"].cummax()
    rows["highest"] = rows.groupby(keys)["highest"].shift(1).fillna(0).astype("int64").clip(lower=0)
    rows["payout"] = np.where(is_pay, rows["change"], (rows["total"] - rows["highest"]).clip(lower=0))
    rows["paid_before"] = np.where(is_pay, rows["earned"] - rows["change"], rows["highest"] - rows["total"] + rows["earned"])
    return rows[[*_WINDOW, "tier", "payout", "paid_before"]]


def list_payouts(results: Frame, settled: Frame) -> Frame:
    """One row per benefit × participant × window."""
    payouts = results[results["is_last"]].merge(settled, on=_WINDOW, how="left").sort_values(_WINDOW, ignore_index=True)
    payouts["is_blocked"] = payouts["payout"].isna()
    payouts[["tier", "payout"]] = payouts[["tier", "payout"]].fillna(0).astype("int64")
    return payouts.assign(payout_id=np.arange(len(payouts)))


def accrue(earnings: Frame, settled: Frame) -> Frame:
    """What the measure to date earns, month by month."""
    rows = earnings.merge(settled.drop(columns="tier"), on=_WINDOW).sort_values([*_WINDOW, "month"])
    to_date = rows["earned"] - rows["paid_before"]
    rows["to_date"] = np.where(rows["clawback"] == _PAY, to_date, to_date.clip(lower=0))
    rows["accrual"] = rows["to_date"] - rows.groupby(_WINDOW)["to_date"].shift(1).fillna(0).astype("int64")
    return rows


def share_out(payouts: Frame, credits: Frame, frames: Frames) -> Frame:
    """Each payout over the lines of its window: the running share, rounded, minus the one before it."""
    paying = payouts[payouts["payout"] != 0]
    due = paying.loc[paying["window_measure"] > 0, ["payout_id", *_WINDOW, "agreement", "tier", "payout", "window_measure"]]
    due = due.merge(frames["window_months"][["benefit", "window_no", "month"]], on=["benefit", "window_no"])
    due = due.merge(frames["benefits"][["benefit", "measured"]], on="benefit")
    lines = credits[credits["in_term"]].merge(due, on=_MONTHLY)
    lines["measure"] = measured(lines)
    lines = lines.sort_values(["payout_id", "day", "transaction_id", "line"])
    lines["so_far"] = lines.groupby("payout_id")["measure"].cumsum()
    is_narrow = lines["payout"].abs().astype(float) * (lines["so_far"].abs() + lines["measure"].abs()) < 4e18
    parts = []
    for some, kind in ((lines[is_narrow], "int64"), (lines[~is_narrow], object)):
        payout, so_far, measure, total = (some[name].astype(kind).to_numpy() for name in ("payout", "so_far", "measure", "window_measure"))
        share = rounded(payout * so_far, total) - rounded(payout * (so_far - measure), total)
        parts.append(some[["payout_id", "transaction_id", "line", "tier", "measure"]].assign(line_payout=share.astype("int64")))
    without_lines = paying.loc[paying["window_measure"] <= 0, ["payout_id", "tier"]].assign(line_payout=paying["payout"])
    return pd.concat([part for part in (*parts, without_lines) if len(part)], ignore_index=True)


def write_tables(out: Path, terms: Terms, payouts: Frame, accruals: Frame, lines: Frame) -> None:
    """The three published tables."""

    def money(cents: Frame) -> pa.Array:
        whole = pa.array(cents.astype("Int64"), pa.int64()).cast(pa.decimal128(19, 0))
        return pc.multiply(whole, pa.scalar(Decimal("0.01"))).cast(pa.decimal128(18, 2))

    def ids(frame: Frame) -> dict[str, Any]:
        return {
            "agreement_id": np.array(terms.agreements)[frame["agreement"]],
            "benefit_id": np.array(terms.benefits)[frame["benefit"]],
            "participant_id": np.array(terms.partners)[frame["participant"]],
            "window_start": _EPOCH + frame["window_first_day"].to_numpy().astype("timedelta64[D]"),
        }

    periods = pd.Series(terms.ids["periods"].names, index=terms.ids["periods"].keys)
    status = np.where(payouts["is_blocked"], "blocked", "ok")
    measures = {"status": status, "measure": money(payouts["measure"]), "tier": payouts["tier"], "payout": money(payouts["payout"])}
    amounts = {"accrued_to_date": money(accruals["to_date"]), "accrual": money(accruals["accrual"])}
    keys = {"payout_id": lines["payout_id"], "transaction_id": lines["transaction_id"], "line": pa.array(lines["line"].astype("Int64")), "tier": lines["tier"]}
    tables = {
        "fct_payout": {"payout_id": payouts["payout_id"], **ids(payouts), **measures},
        "fct_accrual": {**ids(accruals), "period": accruals["month"].map(periods), **amounts},
        "fct_payout_line": {**keys, "credited_measure": money(lines["measure"]), "line_payout": money(lines["line_payout"])},
    }
    for name, columns in tables.items():
        pq.write_table(pa.table(columns), out / f"{name}.parquet")


def main() -> None:
    """One run."""
    book, out = read_arguments(__doc__)
    watch = Stopwatch()
    terms = Terms(book)
    frames = {name: pd.DataFrame(table) for name, table in terms.tables.items()}
    watch.mark("terms")
    rows, lines = read_lines(terms)
    watch.mark("ingest")
    counted = len(lines)
    credits = credit(lines, frames, len(terms.products))
    del lines
    watch.mark("credit")
    results = results_by_month(credits, frames)
    watch.mark("sums")
    earnings = earn(results, frames)
    watch.mark("curves")
    settled = settle(earnings)
    payouts, accruals = list_payouts(results, settled), accrue(earnings, settled)
    watch.mark("payouts")
    shared = share_out(payouts, credits, frames)
    watch.mark("lines")
    write_tables(out, terms, payouts, accruals, shared)
    watch.mark("write")
    sums = payouts["payout_id"].map(shared.groupby("payout_id")["line_payout"].sum()).fillna(0)
    if wrong := int((sums != payouts["payout"]).sum()):
        raise SystemExit(f"{wrong} payouts whose lines do not add up")
    watch.print_result(
        lines_read=rows,
        superseded=rows - counted,
        lines_credited=credits["in_term"].sum(),
        payouts=len(payouts),
        payout_cents=payouts["payout"].sum(),
        payout_lines=len(shared),
        accruals=len(accruals),
    )


if __name__ == "__main__":
    main()
