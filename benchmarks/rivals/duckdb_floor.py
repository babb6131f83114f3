"""The floor: hand-tuned DuckDB SQL, the fastest of the rivals. `python -m benchmarks.rivals.duckdb_floor BOOK --out DIR`.

Belongs here: reading lines and crediting them in the way that is fastest in DuckDB. The next steps are in statements.py.
"""

from __future__ import annotations

import duckdb
import numpy as np

from benchmarks.rivals import statements
from benchmarks.rivals.process import Stopwatch, read_arguments
from benchmarks.rivals.terms import Terms

# CSV files have no row count for the planner: keep the small tables on the hashed side of joins
_AS_WRITTEN = "set disabled_optimizers = 'join_order,build_side_probe_side'"
_AS_PLANNED = "set disabled_optimizers = ''"

_INGEST = """
create table lines as
select t.transaction_id, t.line, t.date - date '1970-01-01' as day, p.key as partner, x.key as product, t.type = 'sale' as is_sale,
    enum_code(t.currency)::int as currency, t.quantity * 100 as quantity, (t.amount * 100)::bigint as amount, (t.cost * 100)::bigint as cost,
    t.file_index::smallint as file, hash(t.transaction_id, t.line) as key_hash
from read_csv({files}, header = true, auto_detect = false, delim = ',', quote = '"', escape = '"', columns = {{
    transaction_id: 'varchar', line: 'integer', date: 'date', partner_id: 'varchar', product_id: 'varchar', type: 'enum(''sale'', ''return'')',
    quantity: 'integer', amount: 'decimal(12, 2)', cost: 'decimal(12, 2)', currency: 'enum({currencies})'}}) t
left join partner_ids p on p.id = t.partner_id
left join product_ids x on x.id = t.product_id;

create table repeated as
select rowid as line_no, row_number() over (partition by transaction_id, line order by file desc) as place,
    count(*) over (partition by transaction_id, line, file) as in_file
from lines
where key_hash in (select key_hash from lines group by key_hash having count(*) > 1)
"""
_UNKNOWN = """
select count(*) from lines
where partner is null or product is null or transaction_id is null or line is null or day is null or quantity is null or amount is null or cost is null
"""

_CREDIT = """
create table credits as
select agreement, participant, month, day, day_next_year, in_term, transaction_id, line,
    case when is_whole then amount else rounded(amount * share_to, 100) - rounded(amount * share_from, 100) end as amount,
    case when is_whole then cost else rounded(cost * share_to, 100) - rounded(cost * share_from, 100) end as cost,
    case when is_whole then quantity else quantity * (share_to - share_from) // 100 end as quantity
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
        and t.rowid not in (select line_no from repeated where place > 1)
)
"""


def load_terms(con: duckdb.DuckDBPyConnection, terms: Terms) -> None:
    """The tables of terms.py, those of ids, and the two functions of statements.py."""
    for name, columns in terms.tables.items():
        con.register("columns", columns)
        con.execute(f"create table {name} as from columns")
    for name, ids in terms.ids.items():
        con.register("columns", {"key": ids.keys, "id": np.array(ids.names, object)})
        con.execute(f"create table {name} as from columns")
    con.unregister("columns")
    con.execute("alter table periods rename id to period")
    con.execute("create macro rounded(n, d) as sign(n) * ((2 * abs(n) + d) // (2 * d))")
    con.execute("create macro wide(n) as n::hugeint")


def main() -> None:
    """One run."""
    book, out = read_arguments(__doc__)
    watch = Stopwatch()
    terms = Terms(book)
    con = duckdb.connect(config={"temp_directory": str(out / "spilled"), "preserve_insertion_order": False})
    load_terms(con, terms)
    watch.mark("terms")
    con.execute(_AS_WRITTEN)
    con.execute(_INGEST.format(files=terms.files, currencies=", ".join(f"''{currency}''" for currency in terms.currencies)))
    _expect_none(con, _UNKNOWN, "lines with an unknown partner or product, or without a value")
    _expect_none(con, "select count(*) from repeated where in_file > 1", "lines that one file holds twice")
    watch.mark("ingest")
    lines_read = _number(con, "select count(*) from lines")
    con.execute(_CREDIT.format(products=len(terms.products)))
    con.execute(_AS_PLANNED)
    con.execute("drop table lines")
    watch.mark("credit")
    for stage in ("sums", "curves", "payouts", "lines"):
        con.execute(getattr(statements, stage.upper()))
        watch.mark(stage)
    for table, query in statements.TABLES.items():
        con.execute(f"copy ({query}) to '{out / table}.parquet'")
    watch.mark("write")
    _expect_none(con, statements.UNBALANCED, "payouts whose lines do not add up")
    counts = {"superseded": "select count(*) from repeated where place > 1", **statements.COUNTS}
    watch.print_result(lines_read=lines_read, **{name: _number(con, query) for name, query in counts.items()})


def _number(con: duckdb.DuckDBPyConnection, query: str) -> int:
    row = con.execute(query).fetchone()
    return int(row[0] or 0) if row else 0


def _expect_none(con: duckdb.DuckDBPyConnection, query: str, what: str) -> None:
    if found := _number(con, query):
        raise SystemExit(f"{found} {what}: the rivals do not compute this book")


if __name__ == "__main__":
    main()
