"""Every golden story, through the commands: what is booked month by month is what finance worked out by hand. The stories are in stories/*.yaml."""

from __future__ import annotations

import pytest

from tests.histories.stories import books, play, read_stories

STORIES = read_stories()


@pytest.fixture(scope="session")
def findings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What differs, by story, after playing each book once."""
    return {name: found for stories in books(STORIES).values() for name, found in play(tmp_path_factory.mktemp("stories") / "book", stories).items()}


@pytest.mark.parametrize("name", STORIES)
def test_story(name: str, findings: dict[str, list[str]]) -> None:
    assert not findings[name], "\n".join([STORIES[name]["note"], *findings[name]])
