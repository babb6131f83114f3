"""A proposed feed as lines of book.yaml: what was found, how it is known, and as comments what a person has to decide.

Belongs here: YAML text. Does not belong here: what is proposed (assets/feeds/proposal), the rest of the book (templates/book.yaml.j2).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from models.feeds.settings import FeedSettings

if TYPE_CHECKING:
    from assets.feeds.proposal.proposal import Proposal
    from assets.feeds.proposal.trial import Trial

#: Where the comments of a block begin, unless a line is longer.
_COMMENTS_AT = 44
_PLAIN = re.compile(r"[^\W\d][\w ./]*[\w.)]")
_WORDS = ("true", "false", "null", "yes", "no", "on", "off", "y", "n")


def feed_lines(proposal: Proposal, trial: Trial | None, file_name: str) -> str:
    """The lines of the feed below `feeds:`."""
    suffix = "".join(PurePath(file_name).suffixes[-2:] if file_name.endswith((".gz", ".zst")) else PurePath(file_name).suffixes[-1:])
    lines = [(f"  {proposal.feed}:", "")]
    if trial:
        lines.append((f"    # {file_name}: {trial.sentence()}", ""))
    lines.append((f'    files: "feeds/{proposal.feed}/*{suffix}"', ""))
    lines += _settings(proposal)
    lines.append(("    columns:", "our name: your column, or an SQL expression over your columns"))
    lines += _columns(proposal)
    if proposal.defaults:
        why = "; ".join(proposal.reasons[name] for name in proposal.defaults if name in proposal.reasons)
        lines.append((f"    defaults: {yaml_value(proposal.defaults)}", why))
    lines += _key(proposal, trial)
    return "\n".join(_with_comment(text, comment) for text, comment in lines)


def _settings(proposal: Proposal) -> Iterator[tuple[str, str]]:
    """The settings in the order in which docs/feeds.md explains them, each followed by what else could be right."""
    open_lines = {each.name: each for each in proposal.undecided if not each.is_column}
    for name in FeedSettings.model_fields:
        if name in proposal.settings:
            yield f"    {name}: {yaml_value(proposal.settings[name])}", proposal.reasons.get(name, "")
        if each := open_lines.get(name):
            yield f"    # {name}: {yaml_value(each.value)}", each.why


def _columns(proposal: Proposal) -> Iterator[tuple[str, str]]:
    open_lines = {each.name: each for each in proposal.undecided if each.is_column}
    for name, expression in proposal.columns.items():
        yield f"      {name}: {yaml_value(expression)}", proposal.reasons.get(name, "")
        if each := open_lines.pop(name, None):
            yield f"      # {name}: {yaml_value(each.value)}", each.why
    for name, each in open_lines.items():
        yield f"      # {name}: {yaml_value(each.value)}", each.why


def _key(proposal: Proposal, trial: Trial | None) -> Iterator[tuple[str, str]]:
    if proposal.key:
        yield f"    key: {yaml_value(proposal.key)}", "no two rows of the file share it; a row with a known key replaces the earlier one"
    elif trial and trial.key and not trial.problem:
        yield f"    # key: {yaml_value(list(trial.key))}", "rows of the file share it, so a row is known by its file and place"


def _with_comment(text: str, comment: str) -> str:
    return f"{text:<{_COMMENTS_AT}}  # {comment}" if comment else text


def yaml_value(value: Any) -> str:
    """A value on one line of YAML: plain if that is safe, otherwise in the quotes that need the least escaping."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{yaml_value(name)}: {yaml_value(each)}" for name, each in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(yaml_value, value)) + "]"
    if isinstance(value, bool | int):
        return str(value).lower()
    text = str(value)
    if _PLAIN.fullmatch(text) and text.casefold() not in _WORDS:
        return text
    if "'" in text and '"' not in text and "\\" not in text and text.isprintable():
        return f'"{text}"'
    return "'" + text.replace("'", "''") + "'" if text.isprintable() else json.dumps(text)
