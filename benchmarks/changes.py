"""What happens to a book that has run: `python -m benchmarks.changes BOOK NAME` makes one change, before the next run.

Belongs here: each change as the file or the edit that a person or another system would deliver, chosen from what the book has published, so that it
touches something. Does not belong here: running the book and measuring (rerun.py).
"""

from __future__ import annotations

import argparse
import datetime as dt
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Delivery:
    """One more file of a feed. `rows`: a query over the published {lines} and {payouts}, the {open} ones at {as_of}, feeds, and the {day}'s file."""

    title: str
    feed: str
    rows: str


@dataclass(frozen=True)
class Edit:
    """A file of the book that is written anew."""

    title: str
    write: Callable[[Path], None]


def raise_rates(book: Path) -> None:
    """The rates of one agreement that pays in an open window: a tenth of a percent more in each tier."""
    import duckdb
    import yaml

    with duckdb.connect() as con:
        paying = {row[0] for row in con.execute(f"select distinct agreement_id from {_sources(book)['open']} where payout > 0").fetchall()}
    for file in sorted((book / "agreements").iterdir()):
        documents = list(yaml.safe_load_all(file.read_text(encoding="utf-8")))
        tiers = next((rated for document in documents if document["agreement"] in paying and (rated := _rated(document))), None)
        if tiers:
            for tier in tiers:
                tier["rate"] = round(tier["rate"] + 0.001, 4)
            file.unlink()  # it may be a link to another book's
            file.write_text(yaml.safe_dump_all(documents, sort_keys=False), encoding="utf-8")
            return
    raise SystemExit(f"{book}: no agreement with rates pays in an open window")


def move_as_of(book: Path) -> None:
    """`as_of` is a day later, and nothing else."""
    later, settings = _as_of(book) + dt.timedelta(1), book / "book.yaml"
    text = re.sub(r"(?m)^as_of:.*$", f"as_of: {later}", settings.read_text(encoding="utf-8"))
    settings.unlink()
    settings.write_text(text, encoding="utf-8")


#: Name: change, in the order in which a book goes through them.
CHANGES: dict[str, Delivery | Edit] = {
    "day": Delivery("one more day", "transactions", "from {day}"),
    "quiet-day": Delivery(
        "a day that moves no tier",  # as many lines, each a sale of one cent and no units
        "transactions",
        """select * replace ('Q' || transaction_id as transaction_id, 'sale' as type, '0' as quantity, '0.01' as amount, '0' as cost) from {day}""",
    ),
    "correction": Delivery(
        "a corrected line",
        "transactions",
        """with first as (
             select transaction_id, line::varchar as line, source_file from {lines} where date >= date_trunc('month', {as_of}) order by all limit 1)
           select t.* exclude filename replace ((t.amount::decimal(18, 2) * 0.97)::decimal(18, 2) as amount)
           from {transactions} t join first f on (t.transaction_id, t.line) = (f.transaction_id, f.line) and ends_with(t.filename, f.source_file)""",
    ),
    "rate": Delivery(
        "a new rate",
        "fx_rates",
        """select (date_trunc('month', {as_of}) + interval 15 day)::date as date, from_currency, to_currency,
             (rate::decimal(18, 6) * 1.01)::decimal(18, 6) as rate
           from {fx_rates} r where (from_currency, to_currency) = ('USD', 'EUR') order by r.date desc limit 1""",
    ),
    "agreement": Edit("a changed agreement", raise_rates),
    "partner": Delivery(
        "a moved partner",  # of those with a parent, the one in the middle by lines
        "partners",
        """with partner as (from {partners}),
           moved as (
             select partner_id from {lines} semi join (from partner where parent_id is not null) using (partner_id)
             group by partner_id qualify row_number() over (order by count(*), partner_id) = 1 + count(*) over () // 2),
           parent as (select parent_id as id from partner)
           select p.* exclude filename replace ((
             select max(id) from parent where id <> p.parent_id and left(id, 1) = left(p.parent_id, 1)) as parent_id)
           from partner p semi join moved using (partner_id)""",
    ),
    "loud-day": Delivery(
        "a day that moves every rate",  # a line for each payout of an open window, as large as all its lines of the span
        "transactions",
        """with span as (
             select o.payout_id, o.quantity, p.payout_id as part
             from {open} o join {payouts} p using (agreement_id, benefit_id, participant_id, span_start)),
           doubled as (
             select arg_max((l.partner_id, l.product_id, l.currency), l.amount) as line, greatest(sum(l.amount), 100) as sales, max(s.quantity) as units
             from span s join {lines} l on l.payout_id = s.part where l.transaction_id is not null group by s.payout_id)
           select 'L' || lpad((row_number() over (order by line))::varchar, 9, '0') as transaction_id, 1 as line, {as_of} as date,
             line[1] as partner_id, line[2] as product_id, 'sale' as type, greatest(coalesce(max(units), 100), 1)::bigint as quantity,
             max(sales)::decimal(18, 2) as amount, (max(sales) * 0.7)::decimal(18, 2) as cost, line[3] as currency
           from doubled group by line""",
    ),
    "as-of": Edit("as_of a day later", move_as_of),
}


def make_change(book: Path, name: str) -> None:
    """Makes it."""
    change = CHANGES[name]
    if isinstance(change, Edit):
        change.write(book)
        return
    import duckdb

    arrived = len(list((book / "feeds").glob("*/zz-*.csv")))  # the last file counts: whole feeds arrive in the order of their names
    file = book / "feeds" / change.feed / f"zz-{arrived + 1:02d}-{name}.csv"
    with duckdb.connect() as con:
        con.execute(f"copy ({change.rows.format(**_sources(book))}) to '{file}' (header)").fetchall()


def _sources(book: Path) -> dict[str, str]:
    published, as_of = book / "published" / "current", f"date '{_as_of(book)}'"
    payouts = f"'{published / 'fct_payout.parquet'}'"
    feeds = {feed: f"read_csv('{book}/feeds/{feed}/*.csv', all_varchar = true, filename = true)" for feed in ("transactions", "partners", "fx_rates")}
    return feeds | {
        "day": f"read_csv('{book}/next/*.csv', all_varchar = true)",
        "lines": f"'{published / 'fct_payout_line*.parquet'}'",  # in parts where there are many
        "payouts": payouts,
        "open": f"(from {payouts} where {as_of} between window_start and window_end)",
        "as_of": as_of,
    }


def _as_of(book: Path) -> dt.date:
    import yaml

    day = yaml.safe_load((book / "book.yaml").read_text(encoding="utf-8"))["as_of"]
    assert isinstance(day, dt.date)
    return day


def _rated(document: dict[str, Any]) -> list[dict[str, Any]]:
    """The tiers of its first benefit, if all of them have rates."""
    tiers: list[dict[str, Any]] = document["benefits"][0]["tiers"]
    return tiers if all("rate" in tier for tier in tiers) else []


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("book", type=Path, help="a book that has run; it is changed")
    parser.add_argument("name", choices=CHANGES)
    chosen = parser.parse_args()
    make_change(chosen.book.resolve(), chosen.name)


if __name__ == "__main__":
    main()
