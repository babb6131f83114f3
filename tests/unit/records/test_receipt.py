"""A receipt says whether it is as a run wrote it."""

from __future__ import annotations

import pytest

from models.documents import InputError
from models.records.receipt import Receipt, as_bytes, parse_receipt


def test_a_receipt_reads_as_it_was_written() -> None:
    receipt = Receipt(load_no=7, run_id="r")
    assert parse_receipt(as_bytes(receipt)) == receipt


@pytest.mark.parametrize(("old", "new"), [(b'"load_no":7', b'"load_no":8'), (b'"run_id":"r"', b'"run_id":null'), (b"{", b""), (b"receipt_sha256", b"sha256")])
def test_one_that_was_changed_is_refused(old: bytes, new: bytes) -> None:
    changed = as_bytes(Receipt(load_no=7, run_id="r")).replace(old, new, 1)
    with pytest.raises(InputError, match="is damaged"):
        parse_receipt(changed)
