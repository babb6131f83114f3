"""Books of one file per feed and one benefit per agreement, taken in up to the SQL.

Belongs here: writing them, and the steps before dbt. Does not belong here: what the SQL makes of them.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from assets.agreements.load import load_agreements
from assets.archive.run_identity import identify_run
from assets.closing.load_ledger import load_ledger
from assets.feeds.load import load_feeds
from assets.runtime.book_folder import open_run
from assets.runtime.context import RunContext

BOOK = """
book: lines
currency: EUR
as_of: 2026-06-20
feeds:
  transactions: {files: "feeds/transactions/*.csv", key: [transaction_id, line]}
  partners: {files: "feeds/partners/*.csv"}
  products: {files: "feeds/products/*.csv"}
  assignments: {files: "feeds/assignments/*.csv"}
  credits: {files: "feeds/credits/*.csv"}
  disputes: {files: "feeds/disputes/*.csv"}
  collections: {files: "feeds/collections/*.csv"}
  fx_rates: {files: "feeds/fx_rates/*.csv"}
"""
YEAR = "term: {from: 2026-01-01, to: 2026-12-31}\ncurrency: EUR"
BENEFIT = 'benefits: [{{id: b, clause: "1", window: {window}, {rest}}}]'
TRANSACTIONS = "transaction_id,line,date,partner_id,amount,currency\nt,1,2026-01-01,a,1.00,EUR\n"
PARTNERS = "partner_id,name,parent_id,from,to\na,,,,\nb,,,,\n"
BASE = {
    "transactions/t.csv": TRANSACTIONS,
    "partners/p.csv": PARTNERS,
    "products/p.csv": "product_id,name\nP,\n",
    "assignments/a.csv": "partner_id,participant_id,share,from,to\na,b,1,,\n",
    "fx_rates/f.csv": "date,from_currency,to_currency,rate\n2026-01-01,USD,EUR,0.9\n",
}
AGREEMENT = {"one": ("[a]", "", "year", "tiers: [{from: 0, rate: 1}]")}


def write_book(folder: Path, files: dict[str, str], agreements: dict[str, tuple[str, str, str, str]], book: str = BOOK) -> RunContext:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "book.yaml").write_text(book)
    for name, text in files.items():
        path = folder / "feeds" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (folder / "agreements").mkdir(exist_ok=True)
    for name, (participants, more, window, rest) in agreements.items():
        text = f"agreement: {name}\ntitle: {name}\n{YEAR}\nparticipants: {participants}\n{more}\n{BENEFIT.format(window=window, rest=rest)}\n"
        (folder / "agreements" / f"{name}.yaml").write_text(text)
    return open_run(folder, None, dt.datetime(2026, 7, 1, tzinfo=dt.UTC))


def read_feeds(context: RunContext) -> None:
    load_ledger(context)
    load_feeds(context)
    load_agreements(context)
    identify_run(context)
