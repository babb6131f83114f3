"""A proposal tried out: the whole file is loaded with it in a scratch folder, as a run would.

Belongs here: what would be taken and what not, the key that holds, and figures for an example. Does not belong here: the proposal (propose.py).
"""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
import tempfile
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

import duckdb

from assets.feeds.load import load_feeds
from assets.feeds.proposal.proposal import Proposal
from assets.runtime.context import RunContext
from models.book.settings import parse_book
from models.documents import InputError
from models.feeds.settings import ROW_IN_KEY
from models.sql_text import literal

#: Keys that are tried, by feed.
_KEYS = {"transactions": ["transaction_id", "line"], "fx_rates": ["date", "from_currency", "to_currency"]}


@dataclass(frozen=True)
class Trial:
    """What a run would do with the file. `problem`: why it would refuse the file. `reasons`: rejected rows by message, the most first.

    `key_holds`: no two rows share the feed's key. `documents_hold`: all rows of one document have one partner and one day.
    `largest_partner`: the one with the largest amount, with that partner's usual amount per quarter.
    """

    rows: int = 0
    taken: int = 0
    ignored: int = 0
    reasons: tuple[tuple[int, str], ...] = ()
    problem: str = ""
    key: tuple[str, ...] = ()
    key_holds: bool = False
    documents_hold: bool = False
    totals: tuple[tuple[str, Decimal], ...] = ()
    largest_partner: str = ""
    quarterly_amount: Decimal = Decimal(0)
    last_day: dt.date | None = None

    @property
    def currency(self) -> str:
        """That of most lines; empty where there are none."""
        return self.totals[0][0] if self.totals else ""

    def sentence(self) -> str:
        """498 of 500 rows would be taken; 2 because …"""
        if self.problem:
            return f"no row would be taken: {self.problem}"
        counts = [f"{count:,} because {reason}" for count, reason in self.reasons[:3]]
        counts += ["others for further reasons"] if len(self.reasons) > 3 else []
        data = self.rows - self.ignored
        taken = ("the 1 row" if data == 1 else f"all {data:,} rows") if self.taken == data else f"{self.taken:,} of {data:,} rows"
        aside = f" ({self.ignored:,} more {'is' if self.ignored == 1 else 'are'} no data)" if self.ignored else ""
        return "; ".join([f"{taken} would be taken{aside}", *counts])


def try_with_key(proposal: Proposal, path: Path) -> Trial:
    """Load the file as the proposal says, and add the key that the file keeps, if there is one.

    Rows of a document without numbers of their own get the number of their place in it. If its rows have several customers or days, the number of the
    document may come again in another file, and no key is proposed.
    """
    trial = try_out(proposal, path)
    if trial.key_holds:
        proposal.key = list(trial.key)
    elif trial.documents_hold and "line" not in proposal.columns and proposal.columns["transaction_id"] != proposal.columns["partner_id"]:
        proposal.columns["line"] = ROW_IN_KEY
        proposal.reasons["line"] = "the place of a row among those of its document"
        proposal.key = list(trial.key)
        trial = try_out(proposal, path)
    return trial


def try_out(proposal: Proposal, path: Path) -> Trial:
    """Load the file as the proposal says."""
    with tempfile.TemporaryDirectory(prefix="tierledger-") as scratch:
        folder = Path(scratch)
        landing = folder / "feeds" / proposal.feed
        landing.mkdir(parents=True)
        _put(path, landing / path.name)
        feeds = {"transactions": {"files": "none"}} | {
            proposal.feed: proposal.feed_settings(f"feeds/{proposal.feed}/*") | {"key": proposal.key, "max_rejected": 1}
        }
        book = json.dumps({"book": "trial", "currency": "EUR", "feeds": feeds}, ensure_ascii=False)
        (folder / "book.yaml").write_text(book, encoding="utf-8")
        now = dt.datetime.now(dt.UTC) + dt.timedelta(minutes=1)
        try:
            load_feeds(RunContext(folder, parse_book(book), now.date(), now))
        except InputError as error:
            return Trial(rows=proposal.rows, problem=error.problems[0].message)
        with duckdb.connect(str(folder / "warehouse.duckdb"), read_only=True) as con:
            return _judged(con, proposal.feed)


def _put(path: Path, target: Path) -> None:
    """The file under another name; a copy where the two are on different disks."""
    try:
        os.link(path.resolve(), target)
    except OSError:
        shutil.copyfile(path, target)


def _judged(con: duckdb.DuckDBPyConnection, feed: str) -> Trial:
    rows, taken = con.execute(f"select (select sum(rows_read) from raw.feed_files), count(*) from raw.{feed}").fetchall()[0]
    ignored = con.execute("select count(*) from raw.ignored_rows").fetchall()[0][0]
    reasons = con.execute(
        """select count(*) as n, any_value(message order by row_no) from raw.rejects
           group by reason, column_name, regexp_replace(message, '^([a-z_]+: ).*?( (is|has|are) )', '\\1\\2') order by n desc, 2"""
    ).fetchall()
    key = _KEYS[feed]
    holds = con.execute(f"select count(distinct ({', '.join(key)})) = count(*) from raw.{feed}").fetchall()[0][0]
    trial = Trial(int(rows or 0), taken, ignored, tuple(reasons), key=tuple(key), key_holds=bool(taken and holds))
    if feed == "transactions" and taken:
        several = "select 1 from raw.transactions group by transaction_id having count(distinct (partner_id, date)) > 1 limit 1"
        trial = replace(trial, documents_hold=not con.execute(several).fetchall())
    return _with_figures(con, trial) if feed == "transactions" and taken else trial


def _with_figures(con: duckdb.DuckDBPyConnection, trial: Trial) -> Trial:
    """Totals by currency, and the partner with the largest amount in the currency with the most rows."""
    totals = con.execute("select currency, sum(amount) from raw.transactions group by all order by count(*) desc, 1").fetchall()
    partner, last_day, usual = con.execute(
        f"""select partner_id, (select max(date) from raw.transactions), sum(amount) / greatest(count(distinct date_trunc('quarter', date)), 1)
        from raw.transactions where currency = {literal(totals[0][0])} group by partner_id order by sum(amount) desc, partner_id limit 1"""
    ).fetchall()[0]
    amount = Decimal(str(usual)).quantize(Decimal(1))
    return replace(trial, totals=tuple(totals), largest_partner=partner, last_day=last_day, quarterly_amount=amount)
