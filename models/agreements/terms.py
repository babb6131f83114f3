"""Agreements as flat tables: what SQL and Polars read. The one place where the language meets the tables `terms.*`.

Belongs here: the shape of those tables (docs/architecture.md). Does not belong here: any calculation of results.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import polars as pl

from models.agreements.groups import needs_prior_year, net_levels
from models.agreements.parse import Source
from models.agreements.rules import pay_forms
from models.agreements.schema import (
    NO_SCOPE,
    Agreement,
    Benefit,
    FixedRates,
    MetricAxis,
    PriorYear,
    ProductSelection,
    Scope,
    axes_of,
    axis_name,
    base_of,
    compared_axis,
    measure_of,
)
from models.agreements.versions import effective_from, own_windows
from models.book.settings import Accounts, Book
from models.calendars import Period, days_of, make_periods, prior_year_days
from models.documents import Path
from models.feeds.attributes import column_named
from models.feeds.columns import FEEDS, TRANSACTION_TYPES
from models.feeds.expressions import compile_expression
from models.money import MINOR_UNITS

NUMBER = pl.Decimal(38, 12)
TEXT, INT, BOOL, DATE = pl.String, pl.Int32, pl.Boolean, pl.Date

SCHEMAS: dict[str, dict[str, Any]] = {
    "settings": {"book": TEXT, "currency": TEXT, "minor_units": INT, "rounding": TEXT, "as_of": DATE},
    "currencies": {"currency": TEXT, "minor_units": INT},
    "accounts": dict.fromkeys(Accounts.model_fields, TEXT),
    "agreements": {
        "agreement_key": INT,
        "agreement_id": TEXT,
        "version": INT,
        "effective": DATE,
        "title": TEXT,
        "direction": TEXT,
        "currency": TEXT,
        "minor_units": INT,
        "term_from": DATE,
        "term_to": DATE,
        "pool": TEXT,
        "payee_id": TEXT,
        "include_children": BOOL,
        "document": TEXT,
        "review_by": DATE,
        "approved_by": TEXT,
        "approved_on": DATE,
        "source_file": TEXT,
        "source_line": INT,
        "content_sha256": TEXT,
        "conversion_key": INT,
        "returns": TEXT,
        "combine_rule": TEXT,
        "combine_group": TEXT,
        "priority": INT,
        "net_level": INT,
        "net_of": TEXT,
        "valid_from": DATE,
        "valid_to": DATE,
    },
    "nets": {"agreement_key": INT, "agreement_id": TEXT},
    "conversions": {"conversion_key": INT, "to_currency": TEXT, "minor_units": INT, "rate_on": TEXT},
    "fixed_rates": {"conversion_key": INT, "from_currency": TEXT, "rate": NUMBER},
    "participant_rules": {"agreement_key": INT, "attribute": TEXT, "value": TEXT},
    "scopes": {"scope_key": INT, "has_include": BOOL, **{f"counts_{t}": BOOL for t in TRANSACTION_TYPES}, "condition_key": INT},
    "scope_rules": {"scope_key": INT, "kind": TEXT, "attribute": TEXT, "value": TEXT},
    "conditions": {
        "condition_key": INT,
        "condition": TEXT,
        "failed": TEXT,
        "column_names": pl.List(TEXT),
        "line_columns": pl.List(TEXT),
        "source_file": TEXT,
        "source_line": INT,
        "source_key": TEXT,
    },
    "line_sets": {"line_set_key": INT, "agreement_key": INT, "scope_key": INT, "attribute": TEXT, "needs_prior_year": BOOL},
    "claims": {"agreement_key": INT, "scope_key": INT},
    "benefits": {
        "benefit_key": INT,
        "series_key": INT,
        "agreement_key": INT,
        "line_set_key": INT,
        "measure_line_set_key": INT,
        "base_line_set_key": INT,
        "benefit_id": TEXT,
        "clause": TEXT,
        "quote": TEXT,
        "position": INT,
        "window_kind": TEXT,
        "accumulate": TEXT,
        "measure": TEXT,
        "measure_attribute": TEXT,
        "base": TEXT,
        "by_axis": TEXT,
        "method": TEXT,
        "matrix_method": TEXT,
        "boundary": TEXT,
        "above": TEXT,
        "ties": TEXT,
        "prorate": TEXT,
        "target_source": TEXT,
        "target_value": NUMBER,
        "target_times": NUMBER,
        "baseline_source": TEXT,
        "baseline_value": NUMBER,
        "incentive_source": TEXT,
        "incentive_value": NUMBER,
        "at_most": NUMBER,
        "at_least": NUMBER,
        "pays_from": NUMBER,
        "clawback": TEXT,
        "lag_days": INT,
        "placement": TEXT,
        "placement_tier": INT,
        "forecast": TEXT,
        "pays_per_unit": BOOL,
        "pays_share": BOOL,
        "definition": TEXT,
    },
    "tiers": {"benefit_key": INT, "tier": INT, "from_value": NUMBER, "rate": NUMBER, "per_unit": NUMBER, "amount": NUMBER, "share": NUMBER},
    "matrix_columns": {"benefit_key": INT, "column_no": INT, "from_value": NUMBER},
    "matrix_cells": {"benefit_key": INT, "tier": INT, "column_no": INT, "rate": NUMBER, "amount": NUMBER, "share": NUMBER},
    "axes": {"benefit_key": INT, "slot": INT, "axis": TEXT, "rank_of": TEXT, "metric": TEXT},
    "multipliers": {"benefit_key": INT, "method": TEXT, "boundary": TEXT, "above": TEXT},
    "multiplier_tiers": {"benefit_key": INT, "tier": INT, "from_value": NUMBER, "factor": NUMBER},
    "gates": {"benefit_key": INT, "slot": INT, "at_least": NUMBER, "above": NUMBER, "at_most": NUMBER, "below": NUMBER, "otherwise": NUMBER},
    "windows": {
        "benefit_key": INT,
        "window_no": INT,
        "window_start": DATE,
        "window_end": DATE,
        "span_start": DATE,
        "span_end": DATE,
        "whole_start": DATE,
        "whole_end": DATE,
        "span_first_period": INT,
        "first_period": INT,
        "last_period": INT,
    },
    "periods": {"period_no": INT, "period": TEXT, "fiscal_year": INT, "number": INT, "first_day": DATE, "last_day": DATE},
    "days": {"day": DATE, "period_no": INT, "prior_period_no": INT, "counts_as": DATE},
}


#: Slots of terms.axes: the curve (or a matrix's rows), its columns, `multiply`; the gates follow.
CURVE_SLOT, COLUMN_SLOT, MULTIPLY_SLOT, FIRST_GATE_SLOT = range(4)
#: Measures that are columns of every transaction; any other name is an attribute.
MEASURES = ("amount", "quantity", "margin", "count")

Rows = dict[str, list[tuple[Any, ...]]]
A_YEAR = dt.timedelta(days=366)


def make_terms(book: Book, sources: Sequence[Source], as_of: dt.date) -> dict[str, pl.DataFrame]:
    """Every table of `terms.*` by name. Keys follow the order of the sources: the same agreements give the same keys."""
    terms = _Terms(book, sources, as_of)
    return {name: pl.DataFrame(terms.rows[name], schema=schema, orient="row") for name, schema in SCHEMAS.items()}


class _Terms:
    """The rows of every table while they are gathered, and the keys that are shared."""

    def __init__(self, book: Book, sources: Sequence[Source], as_of: dt.date) -> None:
        self.rows: Rows = {name: [] for name in SCHEMAS}
        self.as_of = as_of
        self.scopes: dict[str, int] = {}
        self.conditions: dict[tuple[str, ...], int] = {}
        self.conversions: dict[str, int] = {}
        self.series: dict[tuple[str, str], int] = {}
        self.rows["settings"].append((book.book, book.currency, MINOR_UNITS[book.currency], book.rounding, as_of))
        self.rows["currencies"] += MINOR_UNITS.items()
        self.rows["accounts"].append(tuple(str(account) for account in vars(book.accounts).values()))
        agreements = [source.agreement for source in sources]
        periods = _add_calendar(self.rows, book, agreements, as_of)
        levels = net_levels(agreements)
        for key, (source, windows) in enumerate(zip(sources, own_windows(agreements, periods), strict=True)):
            owned = [w for listed in windows.values() for w in listed]
            valid = (min(w.window_start for w in owned), max(w.window_end for w in owned)) if owned else (None, None)
            agreement, combine = source.agreement, source.agreement.combine
            netting = (levels[agreement.agreement], " and ".join(combine.agreements) if combine.agreements else None)
            together = (self._conversion(agreement), agreement.returns, combine.rule, combine.group, combine.priority, *netting)
            self.rows["agreements"].append((*_agreement_row(key, source), *together, *valid))
            self.rows["nets"] += [(key, other) for other in agreement.combine.agreements or ()]
            self.rows["participant_rules"] += [(key, *rule) for rule in _participant_rules(agreement)]
            if agreement.combine.rule == "exclusive":
                self.rows["claims"].append((key, self._scope(source, ("scope",), agreement.scope)))
            line_sets = self._line_sets(key, source)
            for position, benefit in enumerate(agreement.benefits):
                self._add_benefit(key, source, position, line_sets[position])
                benefit_key = len(self.rows["benefits"]) - 1
                self.rows["windows"] += [(benefit_key, *vars(w).values()) for w in windows[benefit.id] if w.window_start <= as_of]

    def _line_sets(self, agreement_key: int, source: Source) -> list[tuple[int, int, int]]:
        """The line_sets of each benefit: of its own lines, of its measure, of its base. Benefits with the same scope share one."""
        wanted: list[list[tuple[int, str | None]]] = []
        looking: set[tuple[int, str | None]] = set()
        outer = source.agreement.scope
        for position, benefit in enumerate(source.agreement.benefits):
            at = ("benefits", position)
            (measure, measure_scope), (base, base_scope) = measure_of(benefit), base_of(benefit)
            own_scope = self._scope(source, (*at, "scope"), outer, benefit.scope)

            def narrowed(scope: Scope, key: str, at: Path = at, own: Scope = benefit.scope, otherwise: int = own_scope) -> int:
                return otherwise if scope is NO_SCOPE else self._scope(source, (*at, key, "scope"), outer, own, scope)

            measured = narrowed(measure_scope, "measure"), None if measure in MEASURES else measure
            own: tuple[int, str | None] = measured if measured[0] == own_scope else (own_scope, None)
            based: tuple[int, str | None] = narrowed(base_scope, "base"), None
            based = measured if base in ("measure", "increment") or based[0] == measured[0] else own if based[0] == own[0] else based
            wanted.append([own, measured, based])
            if needs_prior_year(benefit):
                looking.add(measured)
        keys: dict[tuple[int, str | None], int] = {}
        for line_set in (line_set for line_sets in wanted for line_set in line_sets):
            if line_set not in keys:
                keys[line_set] = len(self.rows["line_sets"])
                self.rows["line_sets"].append((keys[line_set], agreement_key, *line_set, line_set in looking))
        return [(keys[own], keys[measured], keys[based]) for own, measured, based in wanted]

    def _add_benefit(self, agreement_key: int, source: Source, position: int, line_sets: tuple[int, int, int]) -> None:
        benefit, key = source.agreement.benefits[position], len(self.rows["benefits"])
        series = self.series.setdefault((source.agreement.agreement, benefit.id), len(self.series))
        self.rows["benefits"].append((key, series, agreement_key, *line_sets, *_benefit_row(position, benefit, source)))
        self.rows["tiers"] += [(key, i, t.from_, t.rate, t.per_unit, t.amount, t.share) for i, t in enumerate(benefit.tiers or (), 1)]
        for slot, axis in enumerate(axes_of(benefit)):
            if axis is not None:
                name = axis_name(axis)
                rank_of = compared_axis(axis) if name == "rank" else None
                self.rows["axes"].append((key, slot, name, rank_of, axis.metric if isinstance(axis, MetricAxis) else None))
        for slot, gate in enumerate(benefit.requires, FIRST_GATE_SLOT):
            self.rows["gates"].append((key, slot, gate.at_least, gate.above, gate.at_most, gate.below, gate.otherwise))
        if benefit.multiply:
            self.rows["multipliers"].append((key, benefit.multiply.method, benefit.multiply.boundary, benefit.multiply.above))
            self.rows["multiplier_tiers"] += [(key, i, t.from_, t.factor) for i, t in enumerate(benefit.multiply.tiers, 1)]
        if matrix := benefit.matrix:
            self.rows["tiers"] += [(key, i, place, None, None, None, None) for i, place in enumerate(matrix.rows.from_, 1)]
            self.rows["matrix_columns"] += [(key, i, place) for i, place in enumerate(matrix.columns.from_, 1)]
            for i in range(len(matrix.rows.from_)):
                cells = [[None] * len(matrix.columns.from_) if grid is None else grid[i] for grid in (matrix.rate, matrix.amount, matrix.share)]
                self.rows["matrix_cells"] += [(key, i + 1, j, *values) for j, values in enumerate(zip(*cells, strict=True), 1)]

    def _conversion(self, agreement: Agreement) -> int:
        """The key of how amounts come into the agreement's currency."""
        fixed = agreement.fx.fixed if isinstance(agreement.fx, FixedRates) else {}
        rate_on = "fixed" if fixed else agreement.fx
        identity = _canonical([agreement.currency, rate_on, fixed])
        if identity not in self.conversions:
            key = self.conversions[identity] = len(self.conversions)
            self.rows["conversions"].append((key, agreement.currency, MINOR_UNITS[agreement.currency], rate_on))
            self.rows["fixed_rates"] += [(key, currency, rate) for currency, rate in sorted(fixed.items())]
        return self.conversions[identity]

    def _scope(self, source: Source, path: Path, *scopes: Scope) -> int:
        """The key of the scope that is left of all: many benefits share one, and its products are found once."""
        include: dict[str, list[str]] = {}
        for scope in scopes:
            include = _both(include, scope.products)
        exclude = sorted({(k, v) for scope in scopes for k, values in scope.products.exclude.items() for v in values})
        types = [t for t in TRANSACTION_TYPES if all(scope.types is None or t in scope.types for scope in scopes)]
        places = (("scope",), (*path[:2], "scope"), path)  # of the agreement's scope, the benefit's, the measure's or base's own
        innermost = max((place for place, scope in enumerate(scopes) if scope.where), default=0)
        condition_key = self._condition(source, places[innermost], tuple(scope.where for scope in scopes if scope.where))
        identity = _canonical([include, exclude, types, condition_key])
        if identity not in self.scopes:
            key = self.scopes[identity] = len(self.scopes)
            self.rows["scopes"].append((key, bool(include), *(t in types for t in TRANSACTION_TYPES), condition_key))
            # scopes that leave no common value of an attribute leave no product: a rule that nothing matches
            for attribute, values in include.items():
                self.rows["scope_rules"] += [(key, "include", attribute, value) for value in values or (None,)]
            self.rows["scope_rules"] += [(key, "exclude", attribute, value) for attribute, value in exclude]
        return self.scopes[identity]

    def _condition(self, source: Source, path: Path, texts: tuple[str, ...]) -> int | None:
        """The key of a condition; None where there is none. Columns are looked at as text, as in a column mapping."""
        if texts and texts not in self.conditions:
            key = self.conditions[texts] = len(self.conditions)
            names = sorted({name for text in texts for name in compile_expression(text, None).columns})
            line_columns = [column_named(FEEDS["transactions"], name) for name in names]
            columns = {name: f"cast({_quoted(column)} as varchar)" for name, column in zip(names, line_columns, strict=True)}
            compiled = [compile_expression(text, columns) for text in texts]
            passed = " and ".join(f"({c.sql})" for c in compiled)
            failed = " or ".join(f"({c.failed})" for c in compiled if c.failed)
            place = source.document.problem((*path, "where"), "")
            self.rows["conditions"].append((key, passed, failed, names, line_columns, place.file, place.line, place.key))
        return self.conditions.get(texts)


def content_sha256(source: Source) -> str:
    """What an agreement says, as a hash: the same for any layout of the same content."""
    return hashlib.sha256(_canonical(source.document.value).encode()).hexdigest()


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, default=str, separators=(",", ":"))


def _quoted(name: str) -> str:
    """A column's name in SQL."""
    return '"' + name.replace('"', '""') + '"'


def _add_calendar(rows: Rows, book: Book, agreements: Sequence[Agreement], as_of: dt.date) -> list[Period]:
    """From two years before the first term, where prior-year lines lie, to a year after the last day of any term, where differences are posted."""
    firsts = [a.term.from_ for a in agreements] or [as_of]
    lasts = [a.term.to for a in agreements] or [as_of]
    first = min(firsts).replace(year=min(firsts).year - 2, day=1)
    periods = make_periods(book.calendar, min(first, as_of), max(*lasts, as_of) + A_YEAR)
    period_of = dict(days_of(periods))
    rows["periods"] += [(p.period_no, p.name, p.fiscal_year, p.number, p.first_day, p.last_day) for p in periods]
    stands_for = prior_year_days(book.calendar, periods)
    for day, period_no in period_of.items():
        later = stands_for(day)
        rows["days"].append((day, period_no, period_of.get(later) if later else None, later))
    return periods


def _agreement_row(key: int, source: Source) -> tuple[Any, ...]:
    a, approval = source.agreement, source.agreement.approved
    return (
        key, a.agreement, a.version, effective_from(a), a.title or a.agreement, a.direction, a.currency, MINOR_UNITS[a.currency], a.term.from_, a.term.to,
        a.pool, a.payee, a.include_children, a.document, a.review_by, approval and approval.by, approval and approval.on,
        source.document.file, source.document.line, content_sha256(source),
    )  # fmt: skip


def _participant_rules(agreement: Agreement) -> list[tuple[str, str]]:
    if isinstance(agreement.participants, list):
        return [("partner_id", value) for value in agreement.participants]
    return [(attribute, value) for attribute, values in agreement.participants.items() for value in values]


def _both(outer: dict[str, list[str]], inner: ProductSelection) -> dict[str, list[str]]:
    """A product has one value per attribute, so two lists for one attribute leave their common values."""
    merged = dict(outer)
    for key, values in inner.include.items():
        merged[key] = sorted(set(values) & set(merged.get(key, values)))
    return dict(sorted(merged.items()))


def _figure(value: Any) -> tuple[str, Decimal | None]:
    """Where a target, baseline or incentive comes from, and its number if it is one."""
    if value is None:
        return "none", None
    if isinstance(value, Decimal):
        return "number", value
    return ("feed" if value == "feed" else "prior"), None


def _benefit_row(position: int, b: Benefit, source: Source) -> tuple[Any, ...]:
    times = b.target.times if isinstance(b.target, PriorYear) else Decimal(1)
    measure, forms, placement = measure_of(b)[0], pay_forms(b), b.accrue.placement
    is_attribute = measure not in MEASURES
    return (
        b.id, b.clause, b.quote, position, b.window, b.accumulate, "attribute" if is_attribute else measure, measure if is_attribute else None, base_of(b)[0],
        axis_name(axes_of(b)[CURVE_SLOT]), "matrix" if b.matrix else b.method, b.matrix and b.matrix.method, b.boundary, b.above, b.ties, b.prorate,
        *_figure(b.target), times, *_figure(b.baseline), *_figure(b.incentive), b.limits.at_most, b.limits.at_least, b.limits.pays_from, b.settle.clawback,
        b.settle.lag_days, placement if isinstance(placement, str) else "tier", None if isinstance(placement, str) else placement.tier, b.accrue.forecast,
        "per_unit" in forms, "share" in forms, _canonical(source.document.value["benefits"][position]),
    )  # fmt: skip
