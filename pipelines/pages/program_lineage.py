"""Makes program.json: the lineage of the dbt models and of the calculation. `make lineage` runs it, a test says when it is out of date.

Belongs here: which queries there are, and joining them with what the Polars models declare. Does not belong here: reading one query
(sql_columns.py), what the calculation declares (models/calculation/reads.py).

The models are compiled for a book that uses everything and for one that uses nothing, because some have SQL of their own where a part of the language
is not in use. So the file depends on the program alone, and no run parses SQL.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from graphlib import TopologicalSorter
from typing import Any

from sqlglot import exp, parse_one

from assets.lineage.program import PROGRAM_FILE
from assets.lineage.sql_columns import QueryLineage, read_query
from assets.transform.calculate import GROUPS, MEASURES, QUERIES
from assets.transform.dbt import compile_models, load_manifest, read_default_book
from models.calculation.columns import TABLES
from models.calculation.reads import column_graph, frames_joined

#: The inputs of the levels of the calculation above the first.
_NETTED = {"measures": MEASURES.format(table="int_measures_netted"), "groups": GROUPS.format(table="int_measures_netted")}
#: What the steps write with SQL of their own.
_WRITTEN = {
    "calc.lines_netted": "select due.* from intermediate.int_net_of_deductions as due",
    "calc.differences_by_cause": "select agreement_id, benefit_id, participant_id, window_start, origin_period, reason, accrual from ledger.accruals",
}


def make_program() -> str:
    """The text of program.json: one line per column, so that a change of the SQL is a readable change of it."""
    whole = read_default_book()
    # lines have columns more where the book uses them
    models, plain = read_models(whole), read_models({name: False if value is True else value for name, value in whole.items()})
    columns = {
        f"{table}.{name}": (column.expression, sorted(column.inputs | (plain[table].columns[name].inputs if name in plain[table].columns else set())))
        for table, query in models.items()
        for name, column in query.columns.items()
    }
    rows = {table: sorted(query.rows | plain[table].rows) for table, query in models.items()}
    inputs = _input_columns({table: list(query.columns) for table, query in models.items()})
    for name, (meaning, names) in column_graph().items():
        columns[name] = (meaning, list(dict.fromkeys(source for each in names for source in inputs.get(each, [each]))))
    joined = sorted(set().union(*(inputs[name] for name in frames_joined())))
    rows |= {f"calc.{table}": joined for table in TABLES}
    return f'{{\n"columns": {{\n{_lines(columns)}\n}},\n"rows": {{\n{_lines(rows)}\n}}\n}}\n'


def _lines(entries: Mapping[str, Any]) -> str:
    return ",\n".join(f"{json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}" for name, value in sorted(entries.items()))


def read_models(book: dict[str, Any]) -> dict[str, QueryLineage]:
    """The lineage of every dbt model and of what steps write with SQL of their own, by schema.table. `book`: the var that the models are compiled with."""
    models, tables = compile_models(book=book), _source_columns(book)
    found: dict[str, QueryLineage] = {}
    for name in TopologicalSorter({name: _tables_of(sql) & models.keys() for name, sql in models.items()}).static_order():
        found[name] = read_query(models[name], tables)
        tables[name] = list(found[name].columns)
    # last: levels of the calculation read it, and it is written from those below
    return found | {name: read_query(sql, tables) for name, sql in _WRITTEN.items()}


def _input_columns(models: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """The columns of tables that each column of an input frame of the calculation is read from."""
    tables = {**_source_columns(read_default_book()), **models}
    found: dict[str, list[str]] = {}
    for queries in (QUERIES, _NETTED):
        for frame, sql in queries.items():
            for name, column in read_query(sql, tables).columns.items():
                found.setdefault(f"{frame}.{name}", []).extend(sorted(column.inputs))
    return found


def _source_columns(book: Mapping[str, Any]) -> dict[str, list[str]]:
    """The columns of the tables that steps of ours write, those included that the book carries along."""
    tables = {f"{source.schema}.{source.name}": list(source.columns) for source in load_manifest().sources.values()}
    for feed, settings in book["feeds"].items():
        tables[f"raw.{feed}"] += [column for _, column in settings["carried"]]
    return tables


def _tables_of(sql: str) -> set[str]:
    return {f"{table.db}.{table.name}" for table in parse_one(sql, dialect="duckdb").find_all(exp.Table) if table.db}


if __name__ == "__main__":
    PROGRAM_FILE.write_text(make_program(), encoding="utf-8")
