"""Inspecting a file without a mapping, and proposing how its columns map to the canonical ones of `transactions`.

Belongs here: the guess and its reasons. Does not belong here: writing the book (pipelines/cli/commands/init.py), taking files in (assets/feeds/load.py).
A column is proposed if its name is similar and its values fit. Every guess is a line of book.yaml, and `notes` lists what to check.
"""

from __future__ import annotations

import datetime as dt
import re
import tempfile
from dataclasses import dataclass, field
from decimal import Decimal
from difflib import SequenceMatcher
from pathlib import Path

import duckdb

from assets.feeds.inspection import Dialect
from assets.feeds.transcoding import write_plain
from assets.runtime.sql import as_pattern
from models.documents import InputError, Problem
from models.feeds.columns import FEEDS
from models.feeds.settings import DELIMITERS
from models.money import MINOR_UNITS
from models.sql_text import identifier, literal

#: Column names of other systems, without case, spaces and punctuation. The most certain come first.
NAMES: dict[str, tuple[str, ...]] = {
    "transaction_id": ("transactionid", "invoiceno", "invoicenumber", "invoiceid", "invoice", "orderid", "orderno", "ordernumber", "documentno",
                       "documentnumber", "docno", "receiptno", "salesorder", "belegnummer", "belegnr", "rechnungsnummer", "rechnungsnr", "id"),
    "line": ("line", "lineno", "linenumber", "linenum", "lineid", "itemno", "position", "pos"),
    "date": ("date", "invoicedate", "orderdate", "transactiondate", "documentdate", "salesdate", "saledate", "postingdate", "bookingdate", "datum",
             "belegdatum", "rechnungsdatum", "day", "timestamp"),
    "partner_id": ("partnerid", "partner", "customerid", "customerno", "customernumber", "customer", "clientid", "client", "accountid", "account",
                   "dealerid", "dealer", "vendorid", "vendor", "supplierid", "supplier", "soldto", "kunde", "kundennummer", "kundenid"),
    "product_id": ("productid", "product", "productcode", "sku", "itemid", "itemcode", "item", "stockcode", "articleid", "article", "articleno",
                   "materialno",
                   "material", "artikel", "artikelnummer", "artikelnr", "upc", "ean"),
    "quantity": ("quantity", "qty", "units", "pieces", "menge", "anzahl", "volume", "cases"),
    "amount": ("amount", "netamount", "netvalue", "lineamount", "linetotal", "total", "netsales", "sales", "revenue", "value", "turnover", "betrag",
               "nettobetrag", "umsatz", "totalprice", "extendedprice"),
    "cost": ("cost", "costamount", "costofgoods", "cogs", "totalcost", "kosten", "wareneinsatz"),
    "currency": ("currency", "currencycode", "curr", "waehrung", "währung"),
}  # fmt: skip
PRICES = ("unitprice", "price", "priceperunit", "salesprice", "preis", "einzelpreis", "stückpreis")
#: A column is a date when this share of its values reads as one.
DATE_LIKE = 0.95
DATE_FORMATS = (
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d.%m.%Y",
    "%d-%m-%Y",
    "%m-%d-%Y",
    "%Y/%m/%d",
    "%Y%m%d",
    "%d/%m/%y",
    "%m/%d/%y",
    "%d.%m.%y",
    "%d-%b-%Y",
    "%d %b %Y",
)
TIME_SUFFIXES = ("", " %H:%M", " %H:%M:%S")
LIKE_ENOUGH = 0.82


@dataclass
class Proposal:
    """How to read the file. `columns`: canonical name to SQL expression; `notes`: what a person should check."""

    header: list[str]
    rows: int
    columns: dict[str, str] = field(default_factory=dict)
    defaults: dict[str, str] = field(default_factory=dict)
    key: list[str] | None = None
    notes: list[str] = field(default_factory=list)
    #: the feed's settings `encoding` and `delimiter`, where they are not UTF-8 and comma
    written: dict[str, str] = field(default_factory=dict)
    #: the file must be rewritten as comma-separated UTF-8 text, because no feed can read it as it is
    needs_rewrite: bool = False
    largest_partner: str = ""
    last_day: dt.date | None = None
    quarterly_amount: Decimal = Decimal(0)


@dataclass(frozen=True)
class _Column:
    """One column of the file: its name and what its values look like (shares of the non-empty values)."""

    name: str
    likeness_text: str
    filled: int
    distinct: int
    numbers: float
    comma_numbers: float
    integers: float
    currencies: float
    date_expression: str | None
    is_ambiguous_date: bool


def propose_mapping(con: duckdb.DuckDBPyConnection, path: Path, currency: str) -> Proposal:
    """The proposal for a CSV, Parquet or JSON lines file. Leaves its rows, all text, in the table `sample` of `con`.

    Raises InputError when the file cannot be read or has no column that could be a required one.
    """
    written = _load(con, path)
    header = [row[0] for row in con.execute("describe sample").fetchall()]
    rows = (con.execute("select count(*) from sample").fetchone() or (0,))[0]
    if not rows:
        raise InputError([Problem(str(path), 0, "", "has no rows to look at")])
    proposal = Proposal(header, rows, written=written or {}, needs_rewrite=written is None)
    if "encoding" in proposal.written:
        message = f"the file is not UTF-8 text; it is read as {proposal.written['encoding']}: check that umlauts, accents and € are right"
        proposal.notes.append(message)
    columns = [_profile(con, name) for name in header]
    chosen = _match(columns)
    _map_date(proposal, chosen)
    _map_amounts(proposal, chosen, columns)
    for name in ("transaction_id", "line", "partner_id", "product_id", "currency"):
        if name in chosen:
            proposal.columns[name] = identifier_as_written(chosen[name].name)
    _fill_gaps(proposal, path, currency)
    proposal.columns = {c.name: proposal.columns[c.name] for c in FEEDS["transactions"].columns if c.name in proposal.columns}
    _choose_key(con, proposal)
    _measure_partner(con, proposal)
    return proposal


def identifier_as_written(name: str) -> str:
    """A column in a mapping: plain where SQL reads it as a name, else in quotes."""
    return name if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) and name.lower() not in _RESERVED else identifier(name)


_RESERVED = {
    "date",
    "order",
    "group",
    "type",
    "value",
    "from",
    "to",
    "end",
    "case",
    "table",
    "user",
    "desc",
    "line",
    "time",
    "timestamp",
    "position",
    "day",
}


def _load(con: duckdb.DuckDBPyConnection, path: Path) -> dict[str, str] | None:
    """Load the file's rows as text into `sample`. Returns the feed's settings for such files, or None if no feed can read the file as it is."""
    suffix = next((s for s in (".csv", ".parquet", ".jsonl", ".ndjson", ".json") if s in path.suffixes), "")
    source = literal(as_pattern(path))
    try:
        if suffix == ".parquet":
            con.execute(f"create table sample as select columns(*)::varchar from read_parquet({source})")
            return {}
        if suffix in (".jsonl", ".ndjson", ".json"):
            con.execute(f"create table sample as select columns(*)::varchar from read_json({source}, format = 'newline_delimited')")
            return {}
        with tempfile.TemporaryDirectory(prefix="tierledger-") as scratch:
            encoding = _encoding_of(path)
            if encoding != "utf-8":
                write_plain(path, ".csv", path.name, Dialect(encoding=encoding), [], Path(scratch) / "plain.csv")
                source = literal(f"{scratch}/plain.csv")
            con.execute(f"create table sample as from read_csv({source}, all_varchar = true, header = true, sample_size = -1)")
            delimiter, quote = (con.execute(f"select delimiter, quote from sniff_csv({source})").fetchone() or (",", '"'))[:2]
    except (duckdb.Error, OSError) as error:
        raise InputError([Problem(str(path), 0, "", f"cannot be read: {str(error).splitlines()[0]}")]) from None
    if suffix != ".csv" or delimiter not in DELIMITERS or quote not in ('"', "", "\0", "(empty)"):
        return None
    return ({} if encoding == "utf-8" else {"encoding": encoding}) | ({} if delimiter == "," else {"delimiter": delimiter})


def _encoding_of(path: Path) -> str:
    """UTF-16 is recognised by its byte order mark. Other text that is not UTF-8 is read as windows-1252. Compressed files are UTF-8."""
    with path.open("rb") as file:
        if file.read(2) in (b"\xff\xfe", b"\xfe\xff"):
            return "utf-16"
    if path.suffix not in (".gz", ".zst"):
        try:
            with path.open(encoding="utf-8") as text:
                while text.read(1_000_000):
                    pass
        except UnicodeDecodeError:
            return "windows-1252"
    return "utf-8"


def _profile(con: duckdb.DuckDBPyConnection, name: str) -> _Column:
    column = f"trim({identifier(name)})"
    values = f"(select {column} as v from sample where {column} <> '' limit 200000)"
    found = con.execute(
        f"""
        select count(*), count(distinct v), coalesce(avg(regexp_full_match(v, '-?[0-9]+(\\.[0-9]+)?')::int), 0),
            coalesce(avg(regexp_full_match(v, '-?[0-9]{{1,3}}([. ]?[0-9]{{3}})*,[0-9]{{1,2}}|-?[0-9]+,[0-9]+')::int), 0),
            coalesce(avg(regexp_full_match(v, '-?[0-9]+')::int), 0), coalesce(avg(list_contains(?, v)::int), 0)
        from {values}
        """,
        [list(MINOR_UNITS)],
    ).fetchone() or (0, 0, 0, 0, 0, 0)
    expressions = _date_expressions(con, name, values, found[0])
    filled, distinct, numbers, comma_numbers, integers, currencies = found
    return _Column(
        name=name,
        likeness_text=re.sub(r"[^a-z0-9äöüß]", "", name.lower()),
        filled=filled,
        distinct=distinct,
        numbers=numbers,
        comma_numbers=comma_numbers,
        integers=integers,
        currencies=currencies,
        date_expression=expressions[0] if expressions else None,
        is_ambiguous_date=len(expressions) > 1,
    )


def _date_expressions(con: duckdb.DuckDBPyConnection, name: str, values: str, filled: int) -> list[str]:
    """Expressions that read (nearly) every value of the column as a day, the best first. A few bad days are rejected rows, not another format."""
    if not filled:
        return []
    written = identifier_as_written(name)
    forms = {
        written: "case when regexp_full_match(v, '[0-9]{4}-[0-9]{2}-[0-9]{2}') then try_cast(v as date) end",
        f"CAST({written} AS DATE)": "case when regexp_matches(v, '^[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}') then try_cast(v as timestamp) end",
    } | {
        f"CAST(STRPTIME({written}, {literal(form + suffix)}) AS DATE)": f"try_strptime(v, {literal(form + suffix)})"
        for form in DATE_FORMATS
        for suffix in TIME_SUFFIXES
    }
    shares = ", ".join(f"avg((({reading}) is not null)::int)" for reading in forms.values())
    found = con.execute(f"select {shares} from {values}").fetchone() or ()
    read = sorted((-share, place, expression) for place, (share, expression) in enumerate(zip(found, forms, strict=True)) if share >= DATE_LIKE)
    if read and read[0][1] < 2:
        return [read[0][2]]  # an ISO date cannot be mistaken for another format
    return [expression for _, _, expression in read]


def _match(columns: list[_Column]) -> dict[str, _Column]:
    """The best column for each canonical name, the most certain pairs first. Every column is used once."""
    pairs = sorted(
        ((score, name, column) for column in columns for name in NAMES if (score := _likeness(name, column)) >= LIKE_ENOUGH),
        key=lambda pair: -pair[0],
    )
    chosen: dict[str, _Column] = {}
    for _, name, column in pairs:
        if name not in chosen and column not in chosen.values() and _allows(name, column):
            chosen[name] = column
    if "date" not in chosen:
        dates = [c for c in columns if c.date_expression and c not in chosen.values()]
        chosen.update({"date": dates[0]} if dates else {})
    return chosen


def _likeness(name: str, column: _Column) -> float:
    """1 for the most certain name, less for later ones; otherwise the similarity of the letters."""
    text = column.likeness_text
    if text in NAMES[name]:
        return 1.0 - NAMES[name].index(text) / 1000
    return max(SequenceMatcher(None, text, known).ratio() - 0.02 for known in NAMES[name])


def _allows(name: str, column: _Column) -> bool:
    """Whether the column's values could be what the name says."""
    if name == "date":
        return column.date_expression is not None
    if name in ("amount", "quantity", "cost"):
        return max(column.numbers, column.comma_numbers + column.integers) > 0.9
    if name == "line":
        return column.integers > 0.99
    return column.currencies > 0.99 if name == "currency" else column.filled > 0


def _map_date(proposal: Proposal, chosen: dict[str, _Column]) -> None:
    column = chosen.get("date")
    if column is None or column.date_expression is None:
        return
    proposal.columns["date"] = column.date_expression
    if column.is_ambiguous_date:
        proposal.notes.append(f"date: the values of {column.name} can be read in more than one way; check the format in {column.date_expression}")


def _map_amounts(proposal: Proposal, chosen: dict[str, _Column], columns: list[_Column]) -> None:
    for name in ("quantity", "amount", "cost"):
        if name in chosen:
            proposal.columns[name] = _number(proposal, name, chosen[name])
    price = next((c for known in PRICES for c in columns if c.likeness_text == known and _allows("amount", c)), None)
    if "amount" not in chosen and price is not None and "quantity" in chosen:
        proposal.columns["amount"] = f"{proposal.columns['quantity']} * {_number(proposal, 'amount', price)}"
        proposal.notes.append(f"amount: no column for it; computed as quantity × {price.name}")


def _number(proposal: Proposal, name: str, column: _Column) -> str:
    written = identifier_as_written(column.name)
    if column.comma_numbers <= 0 or column.numbers > 0.9:
        return written
    proposal.notes.append(f"{name}: {column.name} is written with a decimal comma; points and spaces are read as thousands separators")
    return f"REPLACE(REPLACE(REPLACE({written}, '.', ''), ' ', ''), ',', '.')"


def _fill_gaps(proposal: Proposal, path: Path, currency: str) -> None:
    missing = [name for name in ("date", "partner_id", "amount") if name not in proposal.columns]
    if missing:
        header = ", ".join(proposal.header)
        advice = f"no column looks like {' or '.join(missing)}. Its columns: {header}. Rename them in the file, or write the mapping by hand"
        raise InputError([Problem(str(path), 1, "", advice)])
    if "transaction_id" not in proposal.columns:
        proposal.columns["transaction_id"] = proposal.columns["partner_id"]
        proposal.notes.append("transaction_id: no column for it; the partner is used instead; a corrected file would count twice")
    if "currency" not in proposal.columns:
        proposal.defaults["currency"] = currency
        proposal.notes.append(f"currency: no column holds ISO codes such as EUR in every row; every line is read as {currency}")


def _choose_key(con: duckdb.DuckDBPyConnection, proposal: Proposal) -> None:
    """transaction_id and line, if they identify each row."""
    named = [proposal.columns[name] for name in ("transaction_id", "line") if name in proposal.columns]
    distinct = con.execute(f"select count(*) from (select distinct {', '.join(named)} from sample)").fetchone()
    if distinct == (proposal.rows,):
        proposal.key = ["transaction_id", "line"]
    elif not any(note.startswith("transaction_id") for note in proposal.notes):
        proposal.notes.append("key: transaction_id (and line) do not identify each row, so lines are identified by file and row")


def _measure_partner(con: duckdb.DuckDBPyConnection, proposal: Proposal) -> None:
    """The partner with the largest amount, the last day, and that partner's usual amount per quarter, for a realistic example."""
    c = proposal.columns
    amount = " * ".join(f"try_cast({factor} as decimal(38, 6))" for factor in c["amount"].split(" * "))
    found = con.execute(
        f"""
        with lines as (select {c["partner_id"]} as partner, try(cast({c["date"]} as date)) as day, {amount} as amount from sample)
        select partner, (select max(day) from lines), sum(amount) / greatest(count(distinct date_trunc('quarter', day)), 1)
        from lines where partner is not null group by partner order by sum(amount) desc nulls last, partner limit 1
        """
    ).fetchone()
    if found:
        proposal.largest_partner, proposal.last_day = str(found[0]).strip(), found[1]
        proposal.quarterly_amount = Decimal(str(found[2] or 0)).quantize(Decimal(1))
