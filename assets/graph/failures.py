"""Errors of the steps as Dagster shows them: what happened, and the way out.

Belongs here: Dagster's failure and its metadata. Does not belong here: which error has which way out (assets/ways_out.py).
"""

from __future__ import annotations

import dagster as dg

from assets.runtime.masking import mask
from assets.ways_out import is_foreseen, way_out

KEPT_MESSAGE = "The previous set stays published."
WAY_OUT = "way out"


def as_failure(error: Exception) -> dg.Failure:
    """The error as Dagster's failure: its message, and the way out as metadata."""
    text = str(error) if is_foreseen(error) else f"{type(error).__name__}: {error}"
    return dg.Failure(mask(text), metadata={WAY_OUT: way_out(error)}, allow_retries=False)


def cause(error: Exception) -> Exception | None:
    """What the page shows below the failure: the traceback of a bug, and nothing if the message is sufficient."""
    return None if is_foreseen(error) else error


def attached_way_out(error: BaseException | None) -> str:
    """The way out attached to a failure, otherwise that of the error."""
    metadata: dict[str, dg.MetadataValue] = getattr(error, "metadata", {})  # as_failure put it there
    return str(metadata[WAY_OUT].value) if WAY_OUT in metadata else way_out(error)
