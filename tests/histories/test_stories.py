"""Golden stories, through the commands: what is booked month by month is what finance worked out by hand. The stories are in stories/*.yaml.

Each close is two runs of the book, so the short form plays those that close in a few months in common; the long form all of them.
"""

from __future__ import annotations

import pytest

from tests.histories.stories import books, play, read_stories, short_form

STORIES = read_stories()
SHORT = short_form(STORIES)


@pytest.fixture(scope="module")
def findings(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What differs, by story, after playing each book once."""
    return {name: found for stories in books(request.param).values() for name, found in play(tmp_path_factory.mktemp("stories") / "book", stories).items()}


@pytest.mark.parametrize("findings", [SHORT], indirect=True, ids=["short"])
@pytest.mark.parametrize("name", SHORT)
def test_story(name: str, findings: dict[str, list[str]]) -> None:
    assert not findings[name], "\n".join([STORIES[name]["note"], *findings[name]])


@pytest.mark.long
@pytest.mark.parametrize("findings", [STORIES], indirect=True, ids=["all"])
@pytest.mark.parametrize("name", STORIES)
def test_story_among_all(name: str, findings: dict[str, list[str]]) -> None:
    assert not findings[name], "\n".join([STORIES[name]["note"], *findings[name]])


def test_the_short_form_has_lines_people_and_terms() -> None:
    assert {"tier-jump-in-december", "reopened-december", "participant-leaves-after-being-paid", "amended-and-restated"} <= SHORT.keys()
