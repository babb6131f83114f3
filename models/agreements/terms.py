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

from models.agreements.parse import Source
from models.agreements.schema import Agreement, Benefit, PriorBaseline, PriorYear, ProductSelection, Scope
from models.book import Book
from models.calendars import Period, days_of, make_periods, make_windows, one_year_later
from models.feeds import TRANSACTION_TYPES
from models.money import MINOR_UNITS

NUMBER = pl.Decimal(38, 12)
TEXT, INT, BOOL, DATE = pl.String, pl.Int32, pl.Boolean, pl.Date

SCHEMAS: dict[str, dict[str, Any]] = {
    "settings": {"book": TEXT, "currency": TEXT, "minor_units": INT, "rounding": TEXT, "as_of": DATE},
    "currencies": {"currency": TEXT, "minor_units": INT},
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
    },
    "participant_rules": {"agreement_key": INT, "attribute": TEXT, "value": TEXT},
    "scopes": {"scope_key": INT, "has_include": BOOL, **{f"counts_{t}": BOOL for t in TRANSACTION_TYPES}},
    "scope_rules": {"scope_key": INT, "kind": TEXT, "attribute": TEXT, "value": TEXT},
    "bases": {"basis_key": INT, "agreement_key": INT, "scope_key": INT, "looks_back": BOOL},
    "benefits": {
        "benefit_key": INT,
        "agreement_key": INT,
        "basis_key": INT,
        "benefit_id": TEXT,
        "clause": TEXT,
        "quote": TEXT,
        "position": INT,
        "window_kind": TEXT,
        "accumulate": TEXT,
        "measure": TEXT,
        "base": TEXT,
        "by_axis": TEXT,
        "method": TEXT,
        "boundary": TEXT,
        "above": TEXT,
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
        "forecast": TEXT,
        "definition": TEXT,
    },
    "tiers": {"benefit_key": INT, "tier": INT, "from_value": NUMBER, "rate": NUMBER, "per_unit": NUMBER, "amount": NUMBER, "share": NUMBER},
    "windows": {
        "benefit_key": INT,
        "window_no": INT,
        "window_start": DATE,
        "window_end": DATE,
        "span_start": DATE,
        "span_end": DATE,
        "span_first_period": INT,
        "first_period": INT,
        "last_period": INT,
    },
    "periods": {"period_no": INT, "period": TEXT, "fiscal_year": INT, "number": INT, "first_day": DATE, "last_day": DATE},
    "days": {"day": DATE, "period_no": INT, "prior_period_no": INT, "counts_as": DATE},
}


def make_terms(book: Book, sources: Sequence[Source], as_of: dt.date) -> dict[str, pl.DataFrame]:
    """Every table of `terms.*` by name. Keys follow the order of the sources: the same agreements give the same keys."""
    rows: dict[str, list[tuple[Any, ...]]] = {name: [] for name in SCHEMAS}
    rows["settings"].append((book.book, book.currency, MINOR_UNITS[book.currency], book.rounding, as_of))
    rows["currencies"] += MINOR_UNITS.items()
    periods = _add_calendar(rows, book, sources, as_of)
    scopes: dict[str, int] = {}
    for agreement_key, source in enumerate(sources):
        agreement = source.agreement
        rows["agreements"].append(_agreement_row(agreement_key, source))
        rows["participant_rules"] += [(agreement_key, *rule) for rule in _participant_rules(agreement)]
        bases: dict[int, list[Benefit]] = {}
        for benefit in agreement.benefits:
            bases.setdefault(_intern(rows, scopes, agreement.scope, benefit.scope), []).append(benefit)
        basis_keys = {}
        for scope_key, benefits in bases.items():
            basis_keys[scope_key] = len(rows["bases"])
            rows["bases"].append((len(rows["bases"]), agreement_key, scope_key, any(map(_looks_back, benefits))))
        for position, benefit in enumerate(agreement.benefits):
            benefit_key = len(rows["benefits"])
            scope_key = _intern(rows, scopes, agreement.scope, benefit.scope)
            rows["benefits"].append((benefit_key, agreement_key, basis_keys[scope_key], *_benefit_row(position, benefit, source)))
            rows["tiers"] += [(benefit_key, i, t.from_, t.rate, t.per_unit, t.amount, t.share) for i, t in enumerate(benefit.tiers, 1)]
            windows = make_windows(benefit.window, benefit.accumulate, agreement.term.from_, agreement.term.to, as_of, periods)
            rows["windows"] += [(benefit_key, *vars(w).values()) for w in windows]
    return {name: pl.DataFrame(rows[name], schema=schema, orient="row") for name, schema in SCHEMAS.items()}


def content_sha256(source: Source) -> str:
    """What an agreement says, as a hash: the same for any layout of the same content."""
    return hashlib.sha256(_canonical(source.document.value).encode()).hexdigest()


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, default=str, separators=(",", ":"))


def _add_calendar(rows: dict[str, list[tuple[Any, ...]]], book: Book, sources: Sequence[Source], as_of: dt.date) -> list[Period]:
    """From two years before the first term, where prior-year lines lie, to the last day of any term."""
    firsts = [s.agreement.term.from_ for s in sources] or [as_of]
    lasts = [s.agreement.term.to for s in sources] or [as_of]
    first = min(firsts).replace(year=min(firsts).year - 2, day=1)
    periods = make_periods(book.calendar, min(first, as_of), max(*lasts, as_of))
    period_of = dict(days_of(periods))
    rows["periods"] += [(p.period_no, p.name, p.fiscal_year, p.number, p.first_day, p.last_day) for p in periods]
    for day, period_no in period_of.items():
        later = one_year_later(day)
        rows["days"].append((day, period_no, period_of.get(later), later))
    return periods


def _agreement_row(key: int, source: Source) -> tuple[Any, ...]:
    a, approval = source.agreement, source.agreement.approved
    return (
        key, a.agreement, a.version, a.effective or a.term.from_, a.title, a.direction, a.currency, MINOR_UNITS[a.currency], a.term.from_, a.term.to, a.pool,
        a.payee, a.include_children, a.document, a.review_by, approval and approval.by, approval and approval.on, source.document.file, source.document.line,
        content_sha256(source),
    )  # fmt: skip


def _participant_rules(agreement: Agreement) -> list[tuple[str, str]]:
    if isinstance(agreement.participants, list):
        return [("partner_id", value) for value in agreement.participants]
    return [(attribute, value) for attribute, values in agreement.participants.items() for value in values]


def _intern(rows: dict[str, list[tuple[Any, ...]]], scopes: dict[str, int], outer: Scope, inner: Scope) -> int:
    """The key of the scope that is left of both: many benefits share one, and its products are found once."""
    include = _both(outer.products, inner.products)
    exclude = sorted({(k, v) for p in (outer.products, inner.products) for k, values in p.exclude.items() for v in values})
    types = [t for t in TRANSACTION_TYPES if all(scope.types is None or t in scope.types for scope in (outer, inner))]
    identity = _canonical([include, exclude, types])
    if identity not in scopes:
        key = scopes[identity] = len(scopes)
        rows["scopes"].append((key, bool(include), *(t in types for t in TRANSACTION_TYPES)))
        rows["scope_rules"] += [(key, "include", attribute, value) for attribute, values in include.items() for value in values]
        rows["scope_rules"] += [(key, "exclude", attribute, value) for attribute, value in exclude]
    return scopes[identity]


def _both(outer: ProductSelection, inner: ProductSelection) -> dict[str, list[str]]:
    """A product has one value per attribute, so two lists for one attribute leave their common values."""
    merged = {key: sorted(set(values)) for key, values in outer.include.items()}
    for key, values in inner.include.items():
        merged[key] = sorted(set(values) & set(merged.get(key, values)))
    return dict(sorted(merged.items()))


def _looks_back(benefit: Benefit) -> bool:
    return isinstance(benefit.baseline, PriorBaseline) or isinstance(benefit.target, PriorYear)


def _figure(value: Any) -> tuple[str, Decimal | None]:
    """Where a target, baseline or incentive comes from, and its number if it is one."""
    if value is None:
        return "none", None
    if isinstance(value, Decimal):
        return "number", value
    return ("feed" if value == "feed" else "prior"), None


def _benefit_row(position: int, b: Benefit, source: Source) -> tuple[Any, ...]:
    times = b.target.times if isinstance(b.target, PriorYear) else Decimal(1)
    return (
        b.id, b.clause, b.quote, position, b.window, b.accumulate, b.measure, b.base, b.by, b.method, b.boundary, b.above, *_figure(b.target), times,
        *_figure(b.baseline), *_figure(b.incentive), b.limits.at_most, b.limits.at_least, b.limits.pays_from, b.settle.clawback, b.settle.lag_days,
        b.accrue.placement, b.accrue.forecast, _canonical(source.document.value["benefits"][position]),
    )  # fmt: skip
