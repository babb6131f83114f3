"""The agreements in a pack: the texts that the run used, and each version as one canonical document.

Belongs here: finding them in the archive. Does not belong here: what they mean.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from assets.archive.run_history import published_line, read_terms
from assets.runtime.errors import rejection
from models.agreements.approval import canonical_text
from models.agreements.for_each import read_documents
from models.book.settings import Book, parse_book
from models.currencies import MINOR_UNITS, payout_unit
from models.records.chain import canonical_json, sha256
from models.records.run_history import EndedRun


@dataclass(frozen=True)
class Terms:
    """What the published run was made of. `documents`: the canonical text of every agreement version by its sha256."""

    run: EndedRun
    texts: dict[str, str]
    documents: dict[str, str]
    book: Book


def read_pack_terms(folder: Path) -> Terms:
    """The terms of the published run, from the archive. Raises InputError where nothing is published or a file is missing."""
    run = published_line(folder / "published")
    if run is None:
        raise rejection(str(folder), "nothing is published yet; run `tierledger run` first")
    texts = read_terms(folder / "archive", run.terms_sha256)
    return Terms(run, texts, canonical_documents(texts), parse_book(texts["book.yaml"]))


def canonical_documents(texts: Mapping[str, str]) -> dict[str, str]:
    """The canonical text of every agreement version in the texts, by its sha256."""
    documents = read_documents({name: text for name, text in texts.items() if name != "book.yaml"})[0]
    return {sha256(text.encode()): text for text in (canonical_text(each.value) for each in documents)}


def write_terms(terms: Terms, folder: Path) -> None:
    """Write the texts as one file whose hash the run's history names, and every agreement version by its hash."""
    (folder / "terms").mkdir()
    (folder / "terms" / "texts.json").write_bytes(canonical_json(terms.texts))
    (folder / "agreements").mkdir()
    for name, text in terms.documents.items():
        (folder / "agreements" / f"{name}.json").write_text(text, encoding="utf-8", newline="")


def check_terms(con: duckdb.DuckDBPyConnection, terms: Terms) -> None:
    """Raises InputError where a published agreement version is not in the archived texts: another version of the program read them otherwise."""
    rows = con.execute("select agreement_id, agreement_version, content_sha256 from dim_agreement order by all").fetchall()
    if lost := [f"{agreement} version {version}" for agreement, version, content_sha256 in rows if content_sha256 not in terms.documents]:
        raise rejection("archive/terms", f"{lost[0]} has another hash there than in dim_agreement; `tierledger run --force` publishes it anew")


def make_net_of(con: duckdb.DuckDBPyConnection, terms: Terms) -> None:
    """Make the temporary table `net_of_agreement`: one row per agreement version and agreement that its amounts are net of."""
    con.execute("create temp table net_of_agreement (agreement_id varchar, agreement_version integer, other_id varchar)")
    for document in map(json.loads, terms.documents.values()):
        for other in document.get("combine", {}).get("agreements", []):
            con.execute("insert into net_of_agreement values (?, ?, ?)", [str(document["agreement"]), int(document.get("version", 1)), str(other)])


def settings_of(terms: Terms) -> dict[str, Any]:
    """What of book.yaml decides how amounts are rounded and which periods there are. `units`: currency to what a payout is rounded to."""
    book = terms.book
    currencies = {book.currency, *(str(json.loads(text)["currency"]) for text in terms.documents.values())}
    return {
        "currency": book.currency,
        "rounding": book.rounding,
        "inverts_rates": "fx_rates" in book.feeds and book.feeds["fx_rates"].invert,
        "units": {each: f"{payout_unit(each, book.minor_units)}/10000" for each in sorted(currencies)},
        "minor_units": {each: MINOR_UNITS[each] for each in sorted(currencies)},
        "calendar": book.calendar.model_dump(mode="json"),
        "accounts": book.accounts.model_dump(mode="json"),
    }
