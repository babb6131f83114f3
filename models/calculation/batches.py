"""Batches of participants: what is computed at once, so that memory does not grow with their number.

Belongs here: which participants are computed together. Does not belong here: how large a batch may be (assets/transform/calculate.py), the calculation.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import polars as pl

from models.calculation.places.placed_pools import IS_PLACED
from models.calculation.places.ranks import RANKED

#: Input frames with rows of one participant, and the column that names it.
OF_PARTICIPANTS = {
    "participants": "participant_key",
    "participations": "participant_key",
    "measures": "participant_key",
    "groups": "participant_key",
    "openings": "participant_key",
    "missing_rates": "participant_key",
    "targets": "participant_id",
    "metrics": "participant_id",
    "runs": "participant_key",
    "lines": "participant_key",
}


def split_frames(frames: Mapping[str, pl.DataFrame], most_rows: int) -> Iterator[dict[str, pl.DataFrame]]:
    """The frames of columns.INPUTS, once per batch, with the rows of its participants. There is at least one batch.

    A batch has about `most_rows` results (payout × period), and more where participants are ranked with each other or have one place in a pool: those
    are never parted.
    """
    ids = frames["participants"].select("participant_key", participant_id="figures_of").unique()
    batch_of = _number_batches(frames, most_rows).join(ids, on="participant_key")
    for number in sorted(batch_of["batch"].unique()) or [0]:
        chosen = batch_of.filter(pl.col("batch") == number)
        yield {**frames, **{name: frames[name].join(chosen.select(key), on=key, how="semi", maintain_order="left") for name, key in OF_PARTICIPANTS.items()}}


def _number_batches(frames: Mapping[str, pl.DataFrame], most_rows: int) -> pl.DataFrame:
    """participant_key, batch: one row per participant with results."""
    periods = pl.col("last_period") - pl.col("first_period") + 1
    windows = frames["windows"].join(frames["benefits"], on="benefit_key").group_by("agreement_key").agg(periods.cast(pl.Int64).sum().alias("rows"))
    results = frames["participants"].join(windows, on="agreement_key")
    together = _ranked_together(results.join(_contests(frames), on="agreement_key", how="semi"))
    groups = (
        results.group_by("participant_key")
        .agg(pl.col("rows").sum())
        .join(together, on="participant_key", how="left")
        .with_columns(pl.coalesce("group", "participant_key").alias("group"))
    )
    sizes = groups.group_by("group").agg(pl.col("rows").sum()).sort("group")
    count = max(1, -(-int(sizes["rows"].sum()) // most_rows))
    of_group = sizes.with_columns(((pl.col("rows").cum_sum() - pl.col("rows")) * count // pl.col("rows").sum()).alias("batch"))
    return groups.join(of_group.select("group", "batch"), on="group").select("participant_key", "batch")


def _contests(frames: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """agreement_key of the agreements with a rank or percentile, or a placed pool."""
    ranked = frames["axes"].filter(pl.col("axis").is_in(RANKED))
    contests = frames["benefits"].join(ranked, on="benefit_key", how="semi"), frames["benefits"].filter(IS_PLACED)
    return pl.concat(contests).select("agreement_key").unique()


def _ranked_together(contestants: pl.DataFrame) -> pl.DataFrame:
    """participant_key, group: the smallest key of those that a chain of contests connects. contestants: agreement_key, participant_key of contests."""
    linked = contestants.select("agreement_key", "participant_key", pl.col("participant_key").alias("group"))
    while True:
        through = linked.with_columns(pl.col("group").min().over("agreement_key")).with_columns(pl.col("group").min().over("participant_key"))
        if through["group"].equals(linked["group"]):
            return linked.select("participant_key", "group").unique()
        linked = through
