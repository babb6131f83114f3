"""The largest groups of payouts whose curve is applied to groups of lines (`each`): what each of them pays, and all others together.

Belongs here: which groups are shown, with their figures and tiers. Does not belong here: formulas (steps.py), what groups earn
(calculation/earnings/groups.py).
"""

from __future__ import annotations

import polars as pl

from models.money import EXACT

#: How many groups of a payout are shown.
SHOWN = 3


def list_largest(groups: pl.DataFrame, settled: pl.DataFrame, tiers: pl.DataFrame) -> pl.DataFrame:
    """One row per payout × group that is shown, in order of `place`, with its figures and what its tier pays; and one for the sum of the others, whose
    number is in `others`. groups: of groups.list_groups. settled: one row per payout.
    """
    if groups.is_empty():
        return groups
    ordered = groups.sort("payout_key", "pays", "measure", "group_value", descending=[False, True, True, False], nulls_last=True).with_columns(
        (pl.int_range(pl.len()).over("payout_key") + 1).cast(pl.Int32).alias("place"), pl.lit(None, pl.Int64).alias("others")
    )
    rest = ordered.filter(pl.col("place") > SHOWN).group_by("payout_key", maintain_order=True)
    of_others = rest.agg(pl.col("pays").sum().cast(EXACT), pl.len().cast(pl.Int64).alias("others"), pl.lit(SHOWN + 1, pl.Int32).first().alias("place"))
    names = ("each", "method", "pays_per_unit", "at_most", "rate_at_most", "pays_from", "at_least")
    terms = settled.select("payout_key", "benefit_key", *names, base_name="base")
    shown = (
        ordered.filter(pl.col("place") <= SHOWN)
        .join(terms, on="payout_key", maintain_order="left")
        .join(tiers.drop("from_value"), on=["benefit_key", "tier"], how="left", maintain_order="left")
    )
    return pl.concat([shown, of_others.with_columns(pl.lit(None, groups["group_value"].dtype).alias("group_value"))], how="diagonal")
