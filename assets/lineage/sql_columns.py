"""Where the columns of a query come from.

Belongs here: one query in DuckDB's SQL and the columns of the tables it reads. Does not belong here: which queries there are
(pipelines/pages/program_lineage.py).

sqlglot is imported here alone, and no run imports this module: the lineage of the program is computed when the program is built.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlglot import exp, parse_one
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import Scope, build_scope

#: Longer expressions are cut: they are for people to read.
_MOST_CHARACTERS = 300


@dataclass(frozen=True)
class QueryColumn:
    """A column of a query: the expression that computes it, and the columns of tables (schema.table.column) that its value comes from."""

    expression: str
    inputs: frozenset[str]


@dataclass(frozen=True)
class QueryLineage:
    """The columns of a query, and the columns by which it joins, filters and groups: they decide which rows there are."""

    columns: Mapping[str, QueryColumn]
    rows: frozenset[str]


def read_query(sql: str, tables: Mapping[str, Sequence[str]]) -> QueryLineage:
    """The lineage of a query. `tables`: the columns of every table it reads, by schema.table."""
    tree = parse_one(sql, dialect="duckdb")
    schema: dict[str, Any] = {}
    for table in {f"{each.db}.{each.name}" for each in tree.find_all(exp.Table) if each.db}:
        db, _, name = table.partition(".")
        schema.setdefault(db, {})[name] = dict.fromkeys(tables[table], "unknown")
    qualified = qualify(tree, dialect="duckdb", schema=schema, quote_identifiers=False)
    scope = build_scope(qualified)
    if scope is None:
        raise ValueError(f"not a query: {sql[:80]}")
    reader = _Reader()
    columns = {name: QueryColumn(reader.text_of(scope, name), frozenset(reader.inputs_of(scope, name))) for name in _names(scope)}
    return QueryLineage(columns, frozenset(reader.rows_of(scope)))


class _Reader:
    """Follows columns through the common tables and subqueries of one query. What was found is kept: a common table is read many times."""

    def __init__(self) -> None:
        self._inputs: dict[tuple[int, str], set[str]] = {}
        self._rows: dict[int, set[str]] = {}
        self._texts: dict[tuple[int, str], str] = {}

    def inputs_of(self, scope: Scope, name: str) -> set[str]:
        """The columns of tables that a column of the scope comes from."""
        key = id(scope), name
        if key not in self._inputs:
            self._inputs[key] = set()  # of a query that reads itself, what the others branches say
            self._inputs[key] = set().union(*(self._of_expression(branch, each) for branch, each in _projections(scope, name)))
        return self._inputs[key]

    def rows_of(self, scope: Scope) -> set[str]:
        """The columns by which the scope and all scopes below it choose, join and group rows."""
        if id(scope) not in self._rows:
            self._rows[id(scope)] = set()
            found: set[str] = set()
            for below in _scopes_below(scope):
                found |= self.rows_of(below)
            if isinstance(scope.expression, exp.Select):
                for clause in ("where", "group", "having", "qualify"):
                    if part := scope.expression.args.get(clause):
                        found |= self._of_expression(scope, part)
                for join in scope.expression.args.get("joins") or ():
                    if condition := join.args.get("on"):
                        found |= self._of_expression(scope, condition)
            self._rows[id(scope)] = found
        return self._rows[id(scope)]

    def text_of(self, scope: Scope, name: str) -> str:
        """The expression of a column, as far down as it is only passed on."""
        key = id(scope), name
        if key not in self._texts:
            self._texts[key] = ""
            self._texts[key] = self._text_of(scope, name)
        return self._texts[key]

    def _text_of(self, scope: Scope, name: str) -> str:
        texts: list[str] = []
        for branch, projection in _projections(scope, name):
            inner = projection.unalias()
            while isinstance(inner, exp.Cast | exp.Paren):
                inner = inner.this
            source = branch.sources.get(inner.table) if isinstance(inner, exp.Column) else None
            text = self.text_of(source, inner.name) if isinstance(source, Scope) else _plain(projection.unalias())
            if text and text not in texts:
                texts.append(text)
        joined = " | ".join(texts)
        return joined if len(joined) <= _MOST_CHARACTERS else f"{joined[:_MOST_CHARACTERS]} …"

    def _of_expression(self, scope: Scope, expression: exp.Expr) -> set[str]:
        found: set[str] = set()
        for column in expression.find_all(exp.Column):
            found |= self._of_column(scope, column)
        return found

    def _of_column(self, scope: Scope, column: exp.Column) -> set[str]:
        within = _scope_that_holds(scope, column)
        source = next((each.sources[column.table] for each in _outwards(within) if column.table in each.sources), None)
        if isinstance(source, exp.Table):
            return {f"{source.db}.{source.name}.{column.name}"}
        if isinstance(source, Scope):
            return self.inputs_of(source, column.name)
        return set()


def _names(scope: Scope) -> list[str]:
    if scope.expression.args.get("by_name"):
        return list(dict.fromkeys(name for branch in scope.set_operation_scopes for name in _names(branch)))
    return list(scope.expression.named_selects) if isinstance(scope.expression, exp.Query) else []


def _projections(scope: Scope, name: str) -> Iterator[tuple[Scope, exp.Expr]]:
    """The expressions of a column: one, or one per branch of a union, where columns go by their places."""
    if scope.set_operation_scopes:
        position = _names(scope).index(name)
        for branch in scope.set_operation_scopes:
            own = _names(branch)
            its_name = own[position] if not scope.expression.args.get("by_name") else name
            yield from _projections(branch, its_name) if its_name in own else ()
    elif isinstance(scope.expression, exp.Select):
        yield from ((scope, each) for each in scope.expression.selects if each.alias_or_name == name)
    else:
        yield scope, scope.expression  # unnest(…)


def _scopes_below(scope: Scope) -> Iterator[Scope]:
    yield from scope.set_operation_scopes or ()
    yield from scope.subquery_scopes
    yield from (source for source in scope.sources.values() if isinstance(source, Scope))


def _scope_that_holds(scope: Scope, column: exp.Column) -> Scope:
    """The scope of the innermost query around a column: that of a subquery within the expression."""
    query = column.find_ancestor(exp.Select)
    return next((below for below in _subqueries(scope) if below.expression is query), scope)


def _subqueries(scope: Scope) -> Iterator[Scope]:
    for below in scope.subquery_scopes:
        yield below
        yield from _subqueries(below)


def _outwards(scope: Scope | None) -> Iterator[Scope]:
    while scope is not None:
        yield scope
        scope = scope.parent


def _plain(expression: exp.Expr) -> str:
    """The expression without the names of tables, and without casts to types of our own, which are numbers for names."""
    bare = expression.copy()
    for column in list(bare.find_all(exp.Column)):
        column.set("table", None)
    for table in list(bare.find_all(exp.Table)):
        table.set("catalog", None)
    bare = bare.transform(lambda node: node.this if isinstance(node, exp.Cast) and node.to.this == exp.DataType.Type.USERDEFINED else node)
    return bare.sql(dialect="duckdb", comments=False)
