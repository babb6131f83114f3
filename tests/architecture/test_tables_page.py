"""docs/tables.md says what the published tables are today."""

from pipelines.pages.tables import PAGE, render_tables_page


def test_the_tables_page_is_the_one_made_from_the_descriptions() -> None:
    assert PAGE.read_text(encoding="utf-8") == render_tables_page(), "run `make tables-page`"
