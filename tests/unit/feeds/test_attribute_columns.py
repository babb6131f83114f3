"""How attributes are called as columns of the published tables."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from models.feeds.attributes import name_columns


def test_an_attribute_has_its_own_name_unless_another_column_has_it() -> None:
    found = name_columns(["Brand", "LEVEL", "brand", "brand_2", "", 'a"b'], ["partner_id", "level"])
    assert found == {"Brand": "Brand", "LEVEL": "LEVEL_2", "brand": "brand_2", "brand_2": "brand_2_2", "": "unnamed", 'a"b': 'a"b'}


def test_a_long_name_is_cut_between_characters() -> None:
    """PostgreSQL would cut it at 63 bytes, and two such columns would be one."""
    found = name_columns(["ü" * 40 + "1", "ü" * 40 + "2"], [])
    assert list(found.values()) == ["ü" * 29, "ü" * 29 + "_2"]


@given(st.lists(st.text(), unique=True), st.lists(st.text()))
def test_no_two_columns_are_one(names: list[str], taken: list[str]) -> None:
    found = name_columns(names, taken)
    assert list(found) == names
    assert len({column.casefold() for column in found.values()} | {name.casefold() for name in taken}) == len(names) + len({n.casefold() for n in taken})
    assert all(0 < len(column.encode()) <= 63 for column in found.values())
