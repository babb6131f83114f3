"""Which columns of files the columns of a feed are filled from, as book.yaml says.

Belongs here: mapping, defaults and columns of the same name. Does not belong here: how a value is read (assets/feeds/column_mapping.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from models.feeds.attributes import folded
from models.feeds.columns import Feed
from models.feeds.expressions import compile_expression
from models.feeds.settings import ROW_IN_KEY, FeedSettings
from models.feeds.text_formats import forms_of


@dataclass(frozen=True)
class FileColumn:
    """A column of the feed's files; None: none. `mapping`: what book.yaml writes about it; None: the column is taken as it is, by its name."""

    name: str | None
    mapping: str | None = None


def list_file_columns(feed: Feed, settings: FeedSettings, present: Mapping[str, str], attributes: Mapping[str, str]) -> dict[str, list[FileColumn]]:
    """What each column of raw.<feed> is filled from; an empty list: from nothing, in the files that there are.

    present: the columns that the files have had, by their folded names. attributes: those carried along, name by column of raw.<feed>.
    """
    found = {column.name: list(_sources(feed, settings, column.name, present)) for column in feed.columns}
    found |= {column: list(_sources(feed, settings, name, present)) for column, name in attributes.items()}
    is_deleted = [FileColumn(name, settings.deleted) for name in _names_in(settings.deleted, settings, present)] if settings.deleted else []
    return {**found, "is_deleted": is_deleted}


def _sources(feed: Feed, settings: FeedSettings, name: str, present: Mapping[str, str]) -> Iterator[FileColumn]:
    text = settings.columns.get(name)
    if text is not None:
        names = [] if text.strip() == ROW_IN_KEY else _names_in(text, settings, present)
        if names == [text.strip()]:
            yield FileColumn(names[0])
        else:
            yield from (FileColumn(each, text) for each in names or [None])
        return
    if settings.unpivot and name in settings.unpivot.names:
        yield from _unpivoted(settings, name)
    elif folded(name) in present:
        yield FileColumn(present[folded(name)])
    elif name in settings.preamble:
        yield FileColumn(None, f"preamble: {settings.preamble[name]}")
    elif name in settings.defaults:
        yield FileColumn(None, f"defaults: {settings.defaults[name]}")
    else:
        yield from _by_default(feed, settings, name, present)


def _by_default(feed: Feed, settings: FeedSettings, name: str, present: Mapping[str, str]) -> Iterator[FileColumn]:
    default = next((column.default for column in feed.columns if column.name == name), None)
    if default is not None and default.startswith("="):
        yield from (FileColumn(each.name, each.mapping or f"as {default[1:]}") for each in _sources(feed, settings, default[1:], present))
    elif default is not None:
        yield FileColumn(None, f"always {default}, because no file has it")


def _unpivoted(settings: FeedSettings, name: str) -> Iterator[FileColumn]:
    assert settings.unpivot is not None
    mapping = f"unpivot: {'the cell' if name == settings.unpivot.value else name}"
    yield from (FileColumn(column, mapping) for column in settings.unpivot.columns)


def _names_in(text: str, settings: FeedSettings, present: Mapping[str, str]) -> list[str | None]:
    """The columns of files that an expression reads, as the files write them."""
    names = sorted(compile_expression(text, None, forms=forms_of(settings)).columns)
    unpivot = settings.unpivot
    spread = [column for name in names for column in (unpivot.columns if unpivot and name in unpivot.names else [present.get(folded(name), name)])]
    return list(dict.fromkeys(spread))
