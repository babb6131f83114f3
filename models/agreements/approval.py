"""Approvals: the hash of the terms that were approved, and whether an approval counts.

Belongs here: what an approval covers, and what makes it void. Does not belong here: the keys (schema.py), writing an approval into a file
(assets/agreements/approve.py).
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from typing import Any

from models.agreements.schema import Agreement, Approval
from models.feeds.attributes import folded

_CANONICAL = json.JSONEncoder(sort_keys=True, ensure_ascii=False, default=str, separators=(",", ":"))


def canonical_text(value: Any) -> str:
    """A document as one text that does not depend on the layout of its file."""
    return _CANONICAL.encode(value)


def terms_sha256(value: dict[str, Any]) -> str:
    """The hash of everything that an agreement's document says, except its approval."""
    return hashlib.sha256(canonical_text({key: part for key, part in value.items() if key != "approved"}).encode()).hexdigest()


def is_same_person(one: str, other: str) -> bool:
    """Whether two names are the same, however they are capitalized and spaced."""
    return folded(" ".join(one.split())) == folded(" ".join(other.split()))


def approval_in_force(agreement: Agreement, value: dict[str, Any]) -> Approval | None:
    """The approval, unless the terms have changed since it was given."""
    approved = agreement.approved
    return approved if approved and approved.terms_sha256 in (None, terms_sha256(value)) else None


def missing_approval(agreement: Agreement, value: dict[str, Any], as_of: dt.date) -> str | None:
    """Why the agreement is not approved as of a day, with the way out; None: it is approved."""
    approved = agreement.approved
    way_out = f"`tierledger approve {agreement.agreement} --version {agreement.version} --by NAME`"
    if approved is None:
        return f"this book has require_approval: true, and nobody has approved these terms: {way_out}"
    if approval_in_force(agreement, value) is None:
        return f"the terms have changed since {approved.by} approved them on {approved.on}. Have them approved again: {way_out}"
    if approved.on > as_of:
        return f"{approved.on} is after {as_of}, the last day of this run; an approval counts from its own day on"
    if agreement.changed_by and is_same_person(approved.by, agreement.changed_by):
        return f"{approved.by} has written these terms (changed_by), and cannot approve them. Have another person approve them: {way_out}"
    return None
