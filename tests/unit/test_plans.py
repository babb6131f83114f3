"""Proposed agreements take the place of those of the same id and version, and of nothing else; their days move, nothing else does.

Belongs here: texts. Does not belong here: what plans cost (tests/integration/simulation).
"""

from __future__ import annotations

import datetime as dt

import pytest

from assets.simulation.plans import Plan, moved, only_in, place_plan, to_flow
from models.agreements.parse import parse_agreements
from models.documents import InputError, parse_documents
from tests.support.decision_book import SUPPLY, TARGET, VOLUME

BOTH = f"{VOLUME}\n---\n{TARGET}"
TEXTS = {"book.yaml": "book: b", "agreements/both.yaml": BOTH, "agreements/supply.yaml": SUPPLY}


def plan(text: str, *ids: str) -> Plan:
    return Plan("p", {"agreements/proposed/p.yaml": text}, frozenset(ids))


def placed(proposed: Plan, *instead_of: str) -> dict[str, object]:
    """Agreement and version to the benefits' tiers."""
    texts = place_plan(TEXTS, proposed, instead_of)
    sources = parse_agreements({name: text for name, text in texts.items() if name != "book.yaml"})
    return {f"{s.agreement.agreement}/{s.agreement.version}": s.agreement.benefits[0].tiers for s in sources}


def test_it_takes_the_place_of_its_id_and_version() -> None:
    before = placed(plan(VOLUME, "VOLUME"))
    now = placed(plan(VOLUME.replace("0.02", "0.09"), "VOLUME"))
    assert sorted(now) == ["SUPPLY/1", "TARGET/1", "VOLUME/1"]
    assert [name for name in now if now[name] != before[name]] == ["VOLUME/1"]


def test_what_is_there_already_changes_no_text() -> None:
    assert place_plan(TEXTS, plan(f"# the same in other words\n{SUPPLY}", "SUPPLY")) == TEXTS


def test_a_higher_version_stands_beside_and_a_replaced_agreement_goes() -> None:
    amended = VOLUME.replace("title:", "version: 2\neffective: 2026-04-01\ntitle:")
    assert sorted(placed(plan(amended, "VOLUME"))) == ["SUPPLY/1", "TARGET/1", "VOLUME/1", "VOLUME/2"]
    new = VOLUME.replace("VOLUME", "NEW")
    assert sorted(placed(plan(new, "NEW"), "VOLUME", "SUPPLY")) == ["NEW/1", "TARGET/1"]
    assert sorted(placed(plan(VOLUME, "VOLUME"), "SUPPLY")) == ["TARGET/1", "VOLUME/1"], "also where the plan is there already"
    with pytest.raises(InputError, match="is no agreement of the book"):
        placed(plan(new, "NEW"), "GONE")


def test_days_move_and_nothing_else() -> None:
    text = SUPPLY.replace("2026-01-01", '"2024-02-29"').replace("title:", "approved: {by: a, on: 2026-01-01}\ntitle:")
    before = parse_documents(text, "")[0].value
    (after,) = parse_documents(next(iter(moved(plan(text, "SUPPLY"), 2025).texts.values())), "")
    assert after.value["term"] == {"from": "2025-02-28", "to": "2027-12-31"}
    assert "approved" not in after.value
    assert {key: value for key, value in after.value.items() if key != "term"} == {key: v for key, v in before.items() if key not in ("term", "approved")}


def test_a_value_as_a_line_is_read_as_it_was() -> None:
    values = parse_documents(BOTH, "")
    for each in values:
        assert parse_documents(to_flow(each.value), "")[0].value | {"term": 0} == each.value | {"term": 0}
    assert to_flow([dt.date(2026, 1, 1), True, None, "a: b\n"]) == '["2026-01-01", true, null, "a: b\\n"]'
    assert len(only_in(TEXTS, frozenset({"TARGET", "SUPPLY"}))) == 2
