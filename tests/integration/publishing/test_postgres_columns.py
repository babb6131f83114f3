"""Columns that a feed carries along, in PostgreSQL.

Belongs here: their names and descriptions there. Does not belong here: how they are called (tests/unit/feeds/test_attribute_columns.py).
"""

from __future__ import annotations

from assets.publishing.postgres.publish import publish_to_postgres
from assets.runtime.context import RunContext
from tests.support.postgres_books import columns_of, rows_in_schema
from tests.support.postgres_server import Server


def test_columns_of_a_feed_arrive_whatever_they_are_called(context: RunContext, server: Server, database: str) -> None:
    publish_to_postgres(context)
    found = list(columns_of(server, database, "dim_product"))[5:]
    assert found == ["Valid_To_2", 'a "b"; $tierledger$ \'', "ü" * 29, "ü" * 29 + "_2"]
    assert rows_in_schema(server, database, "dim_product")[0][5:] == ("a", "b", "c", "d")
    described = server.ask("select distinct col_description('rebates.dim_product'::regclass, n) from generate_series(6, 9) as n", database=database)
    assert described == [("A further column of the feed, as its text.",)]
