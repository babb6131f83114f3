"""Case documents to book folders, and what a run published to what the cases expect.

A case is one YAML document: agreements, feed rows and the payouts they must give (docs/testing.md has the format). Many cases share one book,
because a run costs seconds and a case costs nothing: ids must differ between cases, and rates of one pair of currencies may stand in one case only.

Belongs here: reading cases, writing books, comparing. Does not belong here: which cases there are, or running anything.
"""

from __future__ import annotations

import csv
import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl

from models.documents import parse_documents
from tests.support.exact_text import to_cell, to_yaml

Case = dict[str, Any]

KEYS = {
    "transactions": ["transaction_id", "line"],
    "partners": ["partner_id", "from"],
    "products": ["product_id"],
    "targets": ["agreement", "benefit", "participant_id", "window_start"],
    "metrics": ["participant_id", "metric", "date"],
    "fx_rates": ["date", "from_currency", "to_currency"],
    "payments": ["reference"],
    "adjustments": ["adjustment_id"],
    "collections": ["transaction_id", "line", "collected_on"],
    "balances": ["agreement", "benefit", "participant_id", "window_start"],
    "disputes": ["dispute_id"],
    "assignments": ["partner_id", "participant_id", "from"],
    "participations": ["agreement", "participant_id", "from"],
    "credits": ["transaction_id", "line", "participant_id"],
}
RESULT_KEY = ("agreement", "benefit", "participant", "window_start")
SIX = Decimal("0.000001")


def read_cases(path: Path) -> list[Case]:
    """Every case of a file, with what it leaves out filled in."""
    return [complete_case(document.value) for document in parse_documents(path.read_text(encoding="utf-8"), path.name)]


def complete_case(case: Case) -> Case:
    """A case may leave out what goes without saying: ids and titles (the case's own name), the only participant, benefit and currency."""
    name = case["case"]
    agreements = [{"agreement": name, "title": name, "participants": [name], **agreement} for agreement in case["agreements"]]
    first = agreements[0]
    named = first["participants"]
    payee = first.get("payee") if first.get("pool") == "together" else None
    participant = payee or (named[0] if isinstance(named, list) else None)
    result = {"agreement": first["agreement"], "benefit": first["benefits"][0]["id"], "participant": participant}
    transactions = [
        {"transaction_id": f"{name}-{n:03}", "partner_id": participant, "currency": first["currency"], **row}
        for n, row in enumerate(case.get("transactions", []), 1)
    ]
    targets = [{"agreement": first["agreement"], "benefit": result["benefit"], "participant_id": participant, **row} for row in case.get("targets", [])]
    case = {**case, "agreements": agreements, "transactions": transactions, "targets": targets}
    payee = {"agreement": first["agreement"], "benefit": result["benefit"], "participant_id": participant}
    case["payments"] = [{**payee, "reference": f"{name}-{n}", **row} for n, row in enumerate(case.get("payments", []), 1)]
    case["adjustments"] = [{**payee, "adjustment_id": f"{name}-{n}", **row} for n, row in enumerate(case.get("adjustments", []), 1)]
    told = {"raised_on": first["term"]["from"], "by": "ann", "reason": "not as agreed"}
    case["disputes"] = [{**payee, "dispute_id": f"{name}-{n}", **told, **row} for n, row in enumerate(case.get("disputes", []), 1)]
    case["balances"] = [{**payee, **row} for row in case.get("balances", [])]
    for key in ("expect", "expect_accrual", "expect_release"):
        case[key] = [{**result, **row} for row in case.get(key, [])]
    return _with_named_ids(case)


def _with_named_ids(case: Case) -> Case:
    """Partners and products that a case names without describing them."""
    partners = [row["partner_id"] for row in case["transactions"]]
    partners += [row[key] for row in case.get("assignments", []) for key in ("partner_id", "participant_id")]
    partners += [row["participant_id"] for row in case.get("credits", [])]
    for agreement in case["agreements"]:
        partners += agreement["participants"] if isinstance(agreement["participants"], list) else []
        partners += [agreement["payee"]] if "payee" in agreement else []
    products = [row["product_id"] for row in case["transactions"] if row.get("product_id") is not None]
    for feed, key, named in (("partners", "partner_id", partners), ("products", "product_id", products)):
        described = case.get(feed, [])
        known = {row[key] for row in described}
        case[feed] = [*described, *({key: value} for value in dict.fromkeys(named) if value not in known)]
    return case


def group_cases(cases: Iterable[Case]) -> dict[str, list[Case]]:
    """Cases that can share one run: equal settings, equal `as_of`. Cases without one join the latest that comes after all their terms."""
    cases = list(cases)
    dates = [case["as_of"] for case in cases if "as_of" in case]
    ended = [agreement["term"]["to"] + dt.timedelta(days=1) for case in cases if "as_of" not in case for agreement in case["agreements"]]
    latest = max([*dates, *ended])
    groups = defaultdict(list)
    for case in cases:
        settings = to_yaml(case.get("book", {})).strip()
        groups[f"{case.get('as_of', latest)} {settings}"].append(case)
    return dict(groups)


def write_book(folder: Path, name: str, cases: Sequence[Case]) -> Path:
    """The book folder of one group (named by group_cases): settings, agreements and feeds of all its cases."""
    _refuse_shared_ids(cases)
    feeds = {feed: [row for case in cases for row in case.get(feed, [])] for feed in KEYS}
    feeds = {feed: rows for feed, rows in feeds.items() if rows}
    said = cases[0].get("book", {}).get("feeds", {})
    settings = {
        "book": "cases",
        "currency": "EUR",
        "as_of": dt.date.fromisoformat(name.split(" ")[0]),
        "publish": {"duckdb": False},  # nobody reads it here
        **cases[0].get("book", {}),
        "feeds": {feed: {"files": f"feeds/{feed}/*.csv", "key": KEYS[feed], "decimal": ".", **said.get(feed, {})} for feed in feeds},
    }
    (folder / "agreements").mkdir(parents=True)
    (folder / "book.yaml").write_text(to_yaml(settings), encoding="utf-8")
    for case in cases:
        text = "---\n".join(to_yaml(agreement) for agreement in case["agreements"])
        (folder / "agreements" / f"{case['case']}.yaml").write_text(text, encoding="utf-8")
    for feed, rows in feeds.items():
        (folder / "feeds" / feed).mkdir(parents=True)
        columns = list(dict.fromkeys([*KEYS[feed], *(column for row in rows for column in row)]))
        with (folder / "feeds" / feed / f"{feed}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, columns)
            writer.writeheader()
            writer.writerows({column: to_cell(value) for column, value in row.items()} for row in rows)
    return folder


def _refuse_shared_ids(cases: Sequence[Case]) -> None:
    owner: dict[tuple[str, Any], str] = {}
    for case in cases:
        ids = {("partner", row["partner_id"]) for row in case["partners"]} | {("product", row["product_id"]) for row in case["products"]}
        ids |= {("rate", (row["from_currency"], row["to_currency"])) for row in case.get("fx_rates", [])}
        ids |= {("agreement", agreement["agreement"]) for agreement in case["agreements"]}
        for found in ids:
            other = owner.setdefault(found, case["case"])
            assert other == case["case"], (
                f"{found[0]} {found[1]} stands in the cases {other} and {case['case']}; cases share a book, so give it a name of its own"
            )


def read_results(book: Path) -> dict[str, pl.DataFrame]:
    """What a run of the book published, as the tables that cases speak about."""
    names = ("fct_payout", "fct_accrual", "fct_release")
    tables = {table: pl.read_parquet(book / "published" / "current" / f"{table}.parquet") for table in names}
    payouts = tables["fct_payout"].select("payout_id", "agreement_id", "benefit_id", "participant_id", "window_start")
    return tables | {"fct_release": tables["fct_release"].join(payouts, on="payout_id")}


def differences(case: Case, tables: dict[str, pl.DataFrame]) -> list[str]:
    """Where the published tables say something else than the case, one line per number; empty when they agree."""
    found = []
    expected = (
        ("fct_payout", RESULT_KEY, case["expect"]),
        ("fct_accrual", (*RESULT_KEY, "period"), case["expect_accrual"]),
        ("fct_release", (*RESULT_KEY, "release_no"), case["expect_release"]),
    )
    for table, key, rows in expected:
        if not rows:
            continue
        published = tables[table].filter(pl.col("agreement_id").is_in([a["agreement"] for a in case["agreements"]]))
        published = published.rename({"agreement_id": "agreement", "benefit_id": "benefit", "participant_id": "participant"})
        by_key = {tuple(row[k] for k in key): row for row in published.iter_rows(named=True)}
        for row in rows:
            place = tuple(row[k] for k in key)
            got = by_key.pop(place, None)
            where = f"{table} {' '.join(map(str, place))}"
            if row.get("absent"):
                found += [f"{where}: not expected"] if got else []
                continue
            if got is None:
                found.append(f"{where}: no such row; there are {', '.join(' '.join(map(str, k[2:])) for k in sorted(by_key)) or 'none'}")
                continue
            for column, value in row.items():
                column = "axis_value" if column == "attainment" else column
                if column not in key and not _equal(column, value, got[column]):
                    found.append(f"{where}: {column} expected {value}, published {got[column]}")
        if case.get("complete") and table == "fct_payout":
            found += [f"{table} {' '.join(map(str, place))}: not expected" for place in by_key]
    return found


def _equal(column: str, expected: Any, published: Any) -> bool:
    if column == "axis_value" and expected is not None and published is not None:
        return Decimal(expected).quantize(SIX) == published.quantize(SIX)
    return bool(expected == published)
