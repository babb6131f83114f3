"""The tables `terms.*`: their columns and types, as agreements are written into them and as SQL and the calculation read them.

Belongs here: names and types. Does not belong here: how a row is made (terms.py).
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import polars as pl

from models.book.settings import Accounts
from models.calendars import Window
from models.feeds.columns import TRANSACTION_TYPES

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
    "windows": {"benefit_key": INT, **{field.name: {"int": INT, "dt.date": DATE}[str(field.type)] for field in fields(Window)}},
    "periods": {"period_no": INT, "period": TEXT, "fiscal_year": INT, "number": INT, "first_day": DATE, "last_day": DATE},
    "days": {"day": DATE, "period_no": INT, "prior_period_no": INT, "counts_as": DATE},
}
