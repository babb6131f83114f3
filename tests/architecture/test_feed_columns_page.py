"""docs/feed-columns.md says which columns the feeds have today."""

from pipelines.pages.feed_columns import PAGE, render_feed_columns_page


def test_the_feed_columns_page_is_the_one_made_from_the_columns() -> None:
    assert PAGE.read_text(encoding="utf-8") == render_feed_columns_page(), "run `make feed-columns-page`"
