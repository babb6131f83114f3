"""Agreements as flat tables for SQL and Polars. The only module that knows both the language and the tables `terms.*`.

Belongs here: how rows are made. Does not belong here: columns (terms_columns.py), any calculation of results.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from bisect import bisect_right
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from itertools import groupby
from typing import Any, NamedTuple

import polars as pl

from models.agreements.agreement_limits import limits_of_window, year_end
from models.agreements.approval import approval_in_force, canonical_text
from models.agreements.lint.payments import has_constant_rate
from models.agreements.parse import Source
from models.agreements.rules.draws import balances_begin
from models.agreements.rules.groups import compares_as_today, needs_prior_year, net_levels
from models.agreements.rules.rules import MEASURES, pay_forms
from models.agreements.schema import (
    NO_SCOPE,
    Agreement,
    Benefit,
    FixedRates,
    Matrix,
    Measured,
    MetricAxis,
    PriorYear,
    ProductSelection,
    RatioAxis,
    Scope,
    WeightedTarget,
    axes_of,
    axis_name,
    base_of,
    compared_axis,
    distinct_of,
    factor_of,
    has_curve,
    measure_of,
    over_of,
    parts_of,
    releases_of,
    scope_of,
    tie_figures,
)
from models.agreements.tables.measured_spans import counted_from, measured_periods
from models.agreements.tables.target_weights import target_weights
from models.agreements.tables.terms_columns import NUMBER, SCHEMAS
from models.agreements.versions import OwnedWindows, Part, effective_from, own_windows, periods_of, slots_of, window_parts
from models.book.accounts import AccountMapping, more_specific
from models.book.settings import Book
from models.calendars import Period, Window, prior_year_days
from models.currencies import MINOR_UNITS, payout_unit
from models.curves.vocabulary import CURVE, FIRST_GATE, GRID_FORMS, PAY_FORMS
from models.documents import Path
from models.feeds.attributes import column_named
from models.feeds.columns import FEEDS, TRANSACTION_TYPES
from models.feeds.expressions import compile_expression
from models.slots import Slot, days_of
from models.sql_text import identifier

Row = dict[str, Any]


#: By what lines are grouped where `each` names their transaction: a line with an original belongs to the original's.
TRANSACTION = "original_transaction_id or transaction_id"


class LineSet(NamedTuple):
    """The lines that a figure adds up: those of a scope, the attribute that is measured or that multiplies, what it multiplies, and the attribute by whose
    values sums are kept apart, and the first day that counts where other days are measured. prior_from, prior_to: of lines of the prior year alone, the days
    for which they count; they are credited by the hierarchy of the last of them."""

    scope_key: int
    attribute: str | None = None
    multiplied: str | None = None
    grouped_by: str | None = None
    counts_from: dt.date | None = None
    prior_from: dt.date | None = None
    prior_to: dt.date | None = None


def make_terms(book: Book, sources: Sequence[Source], as_of: dt.date) -> dict[str, pl.DataFrame]:
    """Every table of `terms.*` by name. Keys follow the order of the sources, so the same agreements give the same keys."""
    terms = _Terms(book, sources, as_of)
    return {name: pl.DataFrame(terms.rows[name], schema=schema, orient="row") for name, schema in SCHEMAS.items()}


class _Terms:
    """The rows of every table while they are collected, and the keys of rows that agreements share."""

    def __init__(self, book: Book, sources: Sequence[Source], as_of: dt.date) -> None:
        self.rows: dict[str, list[tuple[Any, ...]]] = {name: [] for name in SCHEMAS}
        self.as_of = as_of
        self.scopes: dict[str, int] = {}
        self.conditions: dict[tuple[str, ...], int] = {}
        self.conversions: dict[str, int] = {}
        self.series: dict[tuple[str, str], int] = {}
        self.benefit_keys: dict[tuple[str, int, str], int] = {}
        self.compared: dict[tuple[str, int, str, dt.date], int] = {}
        self.payout_units = {currency: payout_unit(currency, book.minor_units) for currency in MINOR_UNITS}
        unit = self.payout_units[book.currency]
        of_book = {"book": book.book, "currency": book.currency, "rounding": book.rounding, "require_approval": book.require_approval}
        self._add("settings", **of_book, payout_unit=unit, as_of=as_of)
        for currency, unit in self.payout_units.items():
            self._add("currencies", currency=currency, payout_unit=unit)
        self.of_partners: dict[str, int] = {}
        self._add("accounts", **{name: getattr(book.accounts, name) for name in SCHEMAS["accounts"]})
        agreements = [source.agreement for source in sources]
        self.balances = balances_begin(agreements)
        periods = periods_of(book.calendar, agreements, as_of)
        slots = slots_of(periods, agreements)
        self._add_calendar(book, periods, slots)
        levels, versions = net_levels(agreements), {name: list(each) for name, each in groupby(agreements, key=lambda a: a.agreement)}
        owned = own_windows(agreements, periods, slots)
        in_force, held = _days_in_force(versions, owned), _held_windows(versions, owned)
        for key, (source, windows) in enumerate(zip(sources, owned, strict=True)):
            self._add_agreement(key, source, in_force[key], levels[source.agreement.agreement])
            agreement = source.agreement
            from_days = {b.id: counted_from(agreement, b, windows[b.id], periods, slots) for b in agreement.benefits}
            line_sets, compared = self._line_sets(key, source, from_days, held[key])
            self.compared |= {(agreement.agreement, agreement.version, *of_window): line_set for of_window, line_set in compared.items()}
            for position, benefit in enumerate(source.agreement.benefits):
                self._add_benefit(key, source, position, line_sets[position])
                self._add_accounts(benefit.accounts, agreement.accounts, book.accounts)
                benefit_key = len(self.rows["benefits"]) - 1
                # the columns of the table are the fields of a Window; naming each of them here would repeat the list
                begun = [w for w in windows[benefit.id] if w.window_start <= as_of]
                for w in begun:
                    unit, of_agreement = self.payout_units[agreement.currency], versions[agreement.agreement]
                    # limits hold for what curves pay
                    limits = limits_of_window(of_agreement, agreement, w, periods, unit) if has_curve(benefit) else (None, None, None)
                    seen = measured_periods(agreement, benefit, w, periods, slots)
                    weights = target_weights(agreement, benefit, w, periods)
                    of_prior = compared.get((benefit.id, w.window_start))
                    row = (benefit_key, *vars(w).values(), *weights, *limits, *seen, year_end(agreement, w, periods), of_prior)
                    self.rows["windows"].append(row)
                    self._add_parts(benefit_key, versions[agreement.agreement], benefit.id, w, periods, slots)

    def _add(self, table: str, **row: Any) -> None:
        """Adds one row with every column by name, so that neighbours of the same type cannot be swapped."""
        columns = SCHEMAS[table]
        if row.keys() != columns.keys():
            raise ValueError(f"terms.{table}: the row and the table differ in the columns {', '.join(sorted(row.keys() ^ columns.keys()))}")
        self.rows[table].append(tuple([row[name] for name in columns]))

    def _add_calendar(self, book: Book, periods: list[Period], slots: list[Slot]) -> None:
        for slot in slots:
            p = slot.period
            named = {"period": p.name, "fiscal_year": p.fiscal_year, "number": p.number, "period_first_day": p.first_day, "period_last_day": p.last_day}
            is_end = slot.last_day == p.last_day
            self._add("periods", period_no=slot.slot_no, first_day=slot.first_day, last_day=slot.last_day, is_period_end=is_end, **named)
        period_of = dict(days_of(slots))
        counts_as = prior_year_days(book.calendar, periods)
        for day, period_no in period_of.items():
            later = counts_as(day)
            self._add("days", day=day, period_no=period_no, prior_period_no=period_of.get(later) if later else None, counts_as=later)

    def _add_parts(self, benefit_key: int, versions: list[Agreement], benefit_id: str, window: Window, periods: list[Period], slots: list[Slot]) -> None:
        """The parts of a window in which different terms hold. Versions follow each other, and so do the keys of their benefits."""
        for number, part in enumerate(_amended_parts(versions, benefit_id, window), 1):
            version = versions[part.version]
            own = next(b for b in version.benefits if b.id == benefit_id)
            to_date, of_year = target_weights(version, own, window, periods)
            first, last = (bisect_right(slots, day, key=lambda slot: slot.first_day) - 1 for day in (part.first_day, part.last_day))
            days = {"first_day": part.first_day, "last_day": part.last_day, "first_period": first, "last_period": last}
            of_prior = self.compared.get((version.agreement, version.version, benefit_id, window.window_start))
            weights = {"weight_to_date": to_date, "weight_of_year": of_year, "prior_line_set_key": of_prior}
            key = self.benefit_keys[version.agreement, version.version, benefit_id]
            keys = {"benefit_key": benefit_key, "window_no": window.window_no, "part_no": number, "part_benefit_key": key}
            self._add("window_parts", **keys, version=version.version, **days, **weights)

    def _add_agreement(self, key: int, source: Source, in_force: Row, net_level: int) -> None:
        agreement = source.agreement
        conversion_key = self._conversion(agreement)
        unit = self.payout_units[agreement.currency]
        self._add("agreements", **_agreement_row(key, source), payout_unit=unit, conversion_key=conversion_key, net_level=net_level, **in_force)
        for other in agreement.combine.agreements or ():
            self._add("nets", agreement_key=key, agreement_id=other)
        for attribute, value in _participant_rules(agreement):
            self._add("participant_rules", agreement_key=key, attribute=attribute, value=value)
        if agreement.combine.rule == "exclusive":
            self._add("claims", agreement_key=key, scope_key=self._scope(source, ("scope",), agreement.scope))

    def _line_sets(
        self, agreement_key: int, source: Source, counted_from: dict[str, dt.date | None], windows: OwnedWindows
    ) -> tuple[list[list[int]], dict[tuple[str, dt.date], int]]:
        """The keys of each benefit's line sets: of its own lines, its measure, its base, and of each figure that breaks ties. Benefits with the same scope
        share a line set. counted_from: by benefit, the first day that its measure counts if it sees other days than the window. And by benefit and start of
        the window the key of the prior year's lines, where they are credited by the hierarchy of its last day."""
        wanted: list[list[LineSet]] = []
        compared: dict[tuple[str, dt.date], LineSet] = {}
        with_prior_year: set[LineSet] = set()
        outer = source.agreement.scope
        for position, benefit in enumerate(source.agreement.benefits):
            at = ("benefits", position)
            (measure, measure_scope), (base, base_scope) = measure_of(benefit), base_of(benefit)
            own_scope = self._scope(source, (*at, "scope"), outer, scope_of(benefit))

            def narrowed(scope: Scope, key: str, at: Path = at, own: Scope = benefit.scope, otherwise: int = own_scope) -> int:
                return otherwise if scope is NO_SCOPE else self._scope(source, (*at, key, "scope"), outer, own, scope)

            factor = factor_of(benefit)
            attribute = factor or (None if measure in MEASURES else measure)
            each = TRANSACTION if benefit.each == "transaction_id" else benefit.each
            measured = LineSet(narrowed(measure_scope, "measure"), attribute, measure if factor else None, distinct_of(benefit) or each)
            measured = measured._replace(counts_from=counted_from[benefit.id])
            has_own_lines = distinct_of(benefit) is None and measured.counts_from is None
            own = measured if measured.scope_key == own_scope and has_own_lines else LineSet(own_scope, grouped_by=each)
            based = LineSet(narrowed(base_scope, "base"), grouped_by=each)
            if base in ("measure", "increment") or (based.scope_key == measured.scope_key and has_own_lines):
                based = measured
            elif based.scope_key == own.scope_key:
                based = own
            breaking = [own if name in MEASURES else LineSet(own_scope, name) for name in tie_figures(benefit) if isinstance(name, str)]
            wanted.append([own, measured, based, *breaking])
            if needs_prior_year(benefit) and (not compares_as_today(benefit) or benefit.accrue.forecast == "seasonal"):
                with_prior_year.add(measured)
            if compares_as_today(benefit):
                compared |= {
                    (benefit.id, w.window_start): measured._replace(prior_from=w.span_start, prior_to=w.window_end) for w in windows.get(benefit.id, [])
                }
        keys: dict[LineSet, int] = {}
        for line_set in (*(line_set for line_sets in wanted for line_set in line_sets), *compared.values()):
            if line_set not in keys:
                keys[line_set] = len(self.rows["line_sets"])
                with_prior = line_set in with_prior_year or line_set.prior_to is not None
                self._add("line_sets", line_set_key=keys[line_set], agreement_key=agreement_key, needs_prior_year=with_prior, **line_set._asdict())
        return [[keys[line_set] for line_set in line_sets] for line_sets in wanted], {name: keys[line_set] for name, line_set in compared.items()}

    def _add_benefit(self, agreement_key: int, source: Source, position: int, line_sets: list[int]) -> None:
        benefit, key = source.agreement.benefits[position], len(self.rows["benefits"])
        self.benefit_keys[source.agreement.agreement, source.agreement.version, benefit.id] = key
        series = self.series.setdefault((source.agreement.agreement, benefit.id), len(self.series))
        own, measured, based, *breaking = line_sets
        shared = based if over_of(benefit) else measured
        sets = {"line_set_key": own, "measure_line_set_key": measured, "base_line_set_key": based, "share_line_set_key": shared}
        self._add("benefits", benefit_key=key, series_key=series, agreement_key=agreement_key, **sets, **_benefit_row(position, benefit, source))
        for i, t in enumerate(benefit.tiers or (), 1):
            self._add("tiers", benefit_key=key, tier=i, from_value=t.from_, rate=t.rate, per_unit=t.per_unit, amount=t.amount, share=t.share)
        for slot, axis in enumerate(axes_of(benefit)):
            if axis is not None:
                name = axis_name(axis)
                rank_of = compared_axis(axis) if name == "rank" else None
                metric = axis.metric if isinstance(axis, MetricAxis) else None
                ratio_of, ratio_to = axis.ratio if isinstance(axis, RatioAxis) else (None, None)
                self._add("axes", benefit_key=key, slot=slot, axis=name, rank_of=rank_of, metric=metric, ratio_of=ratio_of, ratio_to=ratio_to)
            for number, part in enumerate(parts_of(axis), 1):
                seen = {"of_benefit": part.benefit, "figure": part.of if part.benefit else None, "metric": part.metric}
                self._add("axis_parts", benefit_key=key, slot=slot, part_no=number, **seen, weight=part.weight, at_most=part.at_most)
        sums = iter(breaking)
        for place, figure in enumerate(tie_figures(benefit), 1):
            if isinstance(figure, MetricAxis):
                self._add("tie_breakers", benefit_key=key, place=place, line_set_key=None, measure="metric", metric=figure.metric)
            else:
                measure = figure if figure in MEASURES else "attribute"
                self._add("tie_breakers", benefit_key=key, place=place, line_set_key=next(sums), measure=measure, metric=None)
        for slot, gate in enumerate(benefit.requires, FIRST_GATE):
            bounds = {"at_least": gate.at_least, "above": gate.above, "at_most": gate.at_most, "below": gate.below}
            self._add("gates", benefit_key=key, slot=slot, **bounds, otherwise=gate.otherwise)
        if multiply := benefit.multiply:
            self._add("multipliers", benefit_key=key, method=multiply.method, boundary=multiply.boundary, above=multiply.above)
            for i, point in enumerate(multiply.tiers, 1):
                self._add("multiplier_tiers", benefit_key=key, tier=i, from_value=point.from_, factor=point.factor)
        released = Fraction(0)
        for i, release in enumerate(releases_of(benefit.settle), 1):
            released += release.share
            share = round(Decimal(release.share.numerator) / release.share.denominator, NUMBER.scale)
            parts = {"share_to": released.numerator, "share_divisor": released.denominator}
            self._add("releases", benefit_key=key, release_no=i, share=share, **parts, after=release.after, lag_days=release.lag_days)
        if draw := benefit.draw:
            terms = {"draw_amount": draw.amount, "against": draw.against, "recovers": draw.recover, "ceiling": draw.ceiling, "from_agreement_id": draw.from_}
            self._add("draws", benefit_key=key, **terms, first_agreement_id=self.balances[source.agreement.agreement, benefit.id])
        if benefit.matrix:
            self._add_matrix(key, benefit.matrix)

    def _add_accounts(self, *mappings: AccountMapping | None) -> None:
        """The accounts of the benefit added last, where they are others than the book's own."""
        for rule in more_specific(mappings):
            identity = canonical_text(rule.where)
            if rule.where and identity not in self.of_partners:
                self.of_partners[identity] = len(self.of_partners)
                for attribute, value in sorted({(name, value) for name, values in rule.where.items() for value in values}):
                    self._add("account_conditions", condition_no=self.of_partners[identity], attribute=attribute, value=value)
            for role, account in rule.accounts.items():
                place = {"benefit_key": len(self.rows["benefits"]) - 1, "place": rule.place, "condition_no": self.of_partners.get(identity)}
                self._add("account_rules", **place, account_role=role, account=account)

    def _add_matrix(self, benefit_key: int, matrix: Matrix) -> None:
        for i, place in enumerate(matrix.rows.from_, 1):
            self._add("tiers", benefit_key=benefit_key, tier=i, from_value=place, **dict.fromkeys(PAY_FORMS))
        for j, place in enumerate(matrix.columns.from_, 1):
            self._add("matrix_columns", benefit_key=benefit_key, column_no=j, from_value=place)
        grids = {form: getattr(matrix, form) for form in GRID_FORMS}
        for i in range(len(matrix.rows.from_)):
            for j in range(len(matrix.columns.from_)):
                cell = {form: None if grid is None else grid[i][j] for form, grid in grids.items()}
                self._add("matrix_cells", benefit_key=benefit_key, tier=i + 1, column_no=j + 1, **cell)

    def _conversion(self, agreement: Agreement) -> int:
        """The key of the rule that converts amounts to the agreement's currency."""
        fixed = agreement.fx.fixed if isinstance(agreement.fx, FixedRates) else {}
        rate_on = "fixed" if fixed else agreement.fx
        identity = canonical_text([agreement.currency, rate_on, fixed])
        if identity not in self.conversions:
            key = self.conversions[identity] = len(self.conversions)
            to = agreement.currency
            self._add("conversions", conversion_key=key, to_currency=to, minor_units=MINOR_UNITS[to], rate_on=rate_on)
            for currency, rate in sorted(fixed.items()):
                self._add("fixed_rates", conversion_key=key, from_currency=currency, rate=rate)
        return self.conversions[identity]

    def _scope(self, source: Source, path: Path, *scopes: Scope) -> int:
        """The key of the intersection of the scopes. Many benefits share one, so that its products are looked up once."""
        include: dict[str, list[str]] = {}
        for scope in scopes:
            include = _common_values(include, scope.products)
        exclude = sorted({(k, v) for scope in scopes for k, values in scope.products.exclude.items() for v in values})
        types = [t for t in TRANSACTION_TYPES if all(scope.types is None or t in scope.types for scope in scopes)]
        places = (("scope",), (*path[:2], "scope"), path)  # of the agreement's scope, the benefit's, the measure's or base's own
        innermost = max((place for place, scope in enumerate(scopes) if scope.where), default=0)
        condition_key = self._condition(source, places[innermost], tuple(scope.where for scope in scopes if scope.where))
        identity = canonical_text([include, exclude, types, condition_key])
        if identity not in self.scopes:
            key = self.scopes[identity] = len(self.scopes)
            counts = {f"counts_{t}": t in types for t in TRANSACTION_TYPES}
            self._add("scopes", scope_key=key, has_include=bool(include), **counts, condition_key=condition_key)
            # scopes without a common value of an attribute leave no product: the rule's value is null, which nothing matches
            included = [("include", attribute, value) for attribute, values in include.items() for value in values or (None,)]
            for kind, attribute, value in (*included, *(("exclude", attribute, value) for attribute, value in exclude)):
                self._add("scope_rules", scope_key=key, kind=kind, attribute=attribute, value=value)
        return self.scopes[identity]

    def _condition(self, source: Source, path: Path, texts: tuple[str, ...]) -> int | None:
        """The key of a condition; None where there is none. Columns are read as text, as in a column mapping."""
        if texts and texts not in self.conditions:
            key = self.conditions[texts] = len(self.conditions)
            names = sorted({name for text in texts for name in compile_expression(text, None).columns})
            line_columns = [column_named(FEEDS["transactions"], name) for name in names]
            columns = {name: f"cast({identifier(column)} as varchar)" for name, column in zip(names, line_columns, strict=True)}
            compiled = [compile_expression(text, columns) for text in texts]
            passed = " and ".join(f"({c.sql})" for c in compiled)
            failed = " or ".join(f"({c.failed})" for c in compiled if c.failed)
            written = texts[0] if len(texts) == 1 else " and ".join(f"({text})" for text in texts)
            place = source.document.problem((*path, "where"), "")
            written_at = {"source_file": place.file, "source_line": place.line, "source_key": place.key}
            self._add(
                "conditions", condition_key=key, condition=passed, failed=failed, column_names=names, line_columns=line_columns, written=written, **written_at
            )
        return self.conditions.get(texts)


def content_sha256(source: Source) -> str:
    """The hash of an agreement's content, whatever the layout of its file."""
    return hashlib.sha256(canonical_text(source.document.value).encode()).hexdigest()


def _agreement_row(key: int, source: Source) -> Row:
    a, combine = source.agreement, source.agreement.combine
    approval = approval_in_force(a, source.document.approved_terms)
    return {
        "agreement_key": key,
        "agreement_id": a.agreement,
        "version": a.version,
        "effective": effective_from(a),
        "title": a.title or a.agreement,
        "direction": a.direction,
        "currency": a.currency,
        "term_from": a.term.from_,
        "term_to": a.term.to,
        "pool": a.pool,
        "payee_id": a.payee,
        "include_children": a.include_children,
        "windows_from": a.windows and a.windows.from_,
        "document": a.document,
        "review_by": a.review_by,
        "approved_by": approval and approval.by,
        "approved_on": approval and approval.on,
        "source_file": source.document.file,
        "source_line": source.document.line,
        "content_sha256": content_sha256(source),
        "returns": a.returns,
        "combine_rule": combine.rule,
        "combine_group": combine.group,
        "priority": combine.priority,
        "net_of": " and ".join(combine.agreements) if combine.agreements else None,
        "limits_at_most": a.limits and a.limits.at_most,
        "limits_at_least": a.limits and a.limits.at_least,
        "limits_per": a.limits and a.limits.per,
    }


def _amended_parts(versions: Sequence[Agreement], benefit_id: str, window: Window) -> list[Part]:
    """The parts of a window's span; none where the terms of one version hold in all of it."""
    if all(version.amendment != "from_date" for version in versions):
        return []
    parts = window_parts(versions, benefit_id, window)
    return [] if [(part.first_day, part.last_day) for part in parts] == [(window.span_start, window.window_end)] else parts


def _held_windows(versions: dict[str, list[Agreement]], owned: Sequence[OwnedWindows]) -> list[OwnedWindows]:
    """The windows that each version owns, and those of later versions in which its terms hold on some days."""
    held = [{benefit_id: list(windows) for benefit_id, windows in each.items()} for each in owned]
    first = 0
    for listed in versions.values():
        for i in range(len(listed)):
            for benefit_id, windows in owned[first + i].items():
                for window in windows:
                    for version in {part.version for part in _amended_parts(listed, benefit_id, window)} - {i}:
                        held[first + version].setdefault(benefit_id, []).append(window)
        first += len(listed)
    return held


def _days_in_force(versions: dict[str, list[Agreement]], owned: Sequence[OwnedWindows]) -> list[Row]:
    """First and last day of the windows that each version owns, or of its parts of windows; null: it has none."""
    days: list[list[tuple[dt.date, dt.date]]] = [[] for _ in owned]
    first = 0
    for listed in versions.values():
        for i in range(len(listed)):
            for benefit_id, windows in owned[first + i].items():
                for window in windows:
                    parts = _amended_parts(listed, benefit_id, window)
                    for part in parts or [Part(i, window.window_start, window.window_end)]:
                        days[first + part.version].append((part.first_day, part.last_day))
        first += len(listed)
    return [{"valid_from": min((a for a, _ in each), default=None), "valid_to": max((b for _, b in each), default=None)} for each in days]


def _participant_rules(agreement: Agreement) -> list[tuple[str, str]]:
    if isinstance(agreement.participants, list):
        return [("partner_id", value) for value in agreement.participants]
    return [(attribute, value) for attribute, values in agreement.participants.items() for value in values]


def _common_values(outer: dict[str, list[str]], inner: ProductSelection) -> dict[str, list[str]]:
    """The values of both, per attribute. A product has one value per attribute, so two lists for one attribute leave their common values."""
    merged = dict(outer)
    for key, values in inner.include.items():
        merged[key] = sorted(set(values) & set(merged.get(key, values)))
    return dict(sorted(merged.items()))


def _figure(name: str, value: Any) -> Row:
    """Where a target, baseline or incentive comes from, and its number if it is one."""
    if isinstance(value, WeightedTarget):
        return {f"{name}_source": "year", f"{name}_value": value.year}
    source = "none" if value is None else "number" if isinstance(value, Decimal) else "feed" if value == "feed" else "prior"
    return {f"{name}_source": source, f"{name}_value": value if source == "number" else None}


def _benefit_row(position: int, b: Benefit, source: Source) -> Row:
    measure, forms, placement = measure_of(b)[0], pay_forms(b), b.accrue.placement
    is_attribute = measure not in MEASURES
    kind = "attribute" if is_attribute else f"{measure}_times" if factor_of(b) else "distinct" if distinct_of(b) else measure
    every = b.measure.every if isinstance(b.measure, Measured) else None
    return {
        "benefit_id": b.id,
        "clause": b.clause,
        "quote": b.quote,
        "position": position,
        "window_kind": b.window,
        "accumulate": b.accumulate,
        "measure": kind,
        "measure_attribute": measure if is_attribute else None,
        "measure_times": factor_of(b),
        "measure_distinct": distinct_of(b),
        "measure_over": over if isinstance(over := over_of(b), str | None) else f"trailing {over.trailing}",
        "share_measure": base_of(b)[0] if over_of(b) else "amount" if distinct_of(b) else kind,
        "measure_every": every,
        "measure_round": b.measure.round if isinstance(b.measure, Measured) and every is not None else None,
        "base": base_of(b)[0],
        "by_axis": axis_name(axes_of(b)[CURVE]),
        "method": "matrix" if b.matrix else b.method,
        "matrix_method": b.matrix and b.matrix.method,
        "boundary": b.boundary,
        "above": b.above,
        "ties": b.ties if isinstance(b.ties, str) else "then",
        "ties_then": ", then ".join(figure.metric if isinstance(figure, MetricAxis) else figure for figure in tie_figures(b)) or None,
        "prorate": b.prorate,
        "each": b.each,
        "slices": b.slices,
        **_figure("target", b.target),
        "target_times": b.target.times if isinstance(b.target, PriorYear) else Decimal(1),
        **_figure("baseline", b.baseline),
        **_figure("incentive", b.incentive),
        "at_most": b.limits.at_most,
        "rate_at_most": b.limits.rate_at_most,
        "at_least": b.limits.at_least,
        "pays_from": b.limits.pays_from,
        "scaling_order": ", ".join(b.order),
        "clawback": b.settle.clawback,
        "lag_days": b.settle.lag_days,
        "minimum": b.settle.minimum,
        "paid_when": b.settle.when,
        "holds_disputed": b.settle.hold_disputed,
        "placement": placement if isinstance(placement, str) else "tier",
        "placement_tier": None if isinstance(placement, str) else placement.tier,
        "forecast": b.accrue.forecast,
        "pays_per_unit": "per_unit" in forms,
        "pays_share": "share" in forms,
        "has_constant_rate": has_constant_rate(b),
        "definition": canonical_text(source.document.value["benefits"][position]),
    }
