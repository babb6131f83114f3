"""docs/internal-tables.md says what the tables below the marts are today."""

from pipelines.pages.internal_tables import PAGE, render_internal_tables_page


def test_the_internal_tables_page_is_the_one_made_from_the_descriptions() -> None:
    assert PAGE.read_text(encoding="utf-8") == render_internal_tables_page(), "run `make internal-tables-page`"
