"""Which columns of files fill a column of a feed: what each key of book.yaml says."""

from __future__ import annotations

from typing import Any

import pytest

from assets.lineage.file_columns import FileColumn, list_file_columns
from models.feeds.columns import FEEDS
from models.feeds.settings import FeedSettings


def sources(feed: str, column: str, present: tuple[str, ...], **settings: Any) -> list[FileColumn]:
    found = list_file_columns(FEEDS[feed], FeedSettings(files="*.csv", **settings), {name.casefold(): name for name in present}, {"attribute:web": "web"})
    return found[column]


@pytest.mark.parametrize(
    ("column", "present", "settings", "expected"),
    [
        ("amount", ("Amount",), {}, [FileColumn("Amount")]),
        ("amount", ("net",), {"columns": {"amount": "net"}}, [FileColumn("net")]),
        ("amount", ("net", "fee"), {"columns": {"amount": "net - fee"}}, [FileColumn("fee", "net - fee"), FileColumn("net", "net - fee")]),
        ("type", (), {"columns": {"type": "'sale'"}}, [FileColumn(None, "'sale'")]),
        ("type", (), {}, [FileColumn(None, "always sale, because no file has it")]),
        ("currency", (), {"defaults": {"currency": "EUR"}}, [FileColumn(None, "defaults: EUR")]),
        ("currency", (), {"preamble": {"currency": "in ([A-Z]+)"}, "header_row": 3}, [FileColumn(None, "preamble: in ([A-Z]+)")]),
        ("posted_on", ("day",), {"columns": {"date": "day"}}, [FileColumn("day", "as date")]),
        ("line", (), {"columns": {"line": "row_in_key"}}, [FileColumn(None, "row_in_key")]),
        ("is_deleted", ("void",), {"deleted": "void = '1'"}, [FileColumn("void", "void = '1'")]),
        ("attribute:web", ("web",), {}, [FileColumn("web")]),
        ("cost", ("amount",), {}, []),
    ],
)
def test_a_column_of_transactions_comes_from(column: str, present: tuple[str, ...], settings: dict[str, Any], expected: list[FileColumn]) -> None:
    assert sources("transactions", column, present, **settings) == expected


def test_each_column_that_unpivot_spreads_fills_its_value() -> None:
    unpivot = {"columns": {"1USD": {"from_currency": "USD"}, "1GBP": {"from_currency": "GBP"}}, "value": "rate"}
    expected = [FileColumn("1USD", "unpivot: the cell"), FileColumn("1GBP", "unpivot: the cell")]
    assert sources("fx_rates", "rate", ("date", "1USD", "1GBP"), unpivot=unpivot) == expected
    assert sources("fx_rates", "from_currency", ("date", "1USD", "1GBP"), unpivot=unpivot)[0] == FileColumn("1USD", "unpivot: from_currency")
