"""How statements look and read: the key `statements` of book.yaml, validated.

Belongs here: names, types and defaults below that key. Does not belong here: what a statement says (assets/statements/).
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from models.validation import Strict

Language = Literal["en", "de", "fr", "nl", "es", "ja"]
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
#: Of text on white, as WCAG 2 asks for.
_LEAST_CONTRAST = 4.5


def contrast_on_white(colour: str) -> float:
    """The contrast of a colour such as #0b6e5f with white, from 1 to 21."""
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05)


def _colour(value: Any) -> Any:
    if not isinstance(value, str) or not _COLOUR.fullmatch(value):
        raise ValueError(f"{value!r} is not a colour such as '#0b6e5f' (in quotes: # begins a comment)")
    if contrast_on_white(value) < _LEAST_CONTRAST:
        raise ValueError(f"{value!r} is too light to be read on white; take a darker one")
    return value.lower()


def _logo(value: Any) -> Any:
    if not isinstance(value, str) or not value.lower().endswith((".svg", ".png", ".jpg", ".jpeg")):
        raise ValueError(f"{value!r} is no picture: a file of the book's folder that ends in .svg, .png or .jpg is needed")
    return value


class StatementSettings(Strict):
    """`sender`: who sends them, a name and lines of an address. `contact`: whom to ask. `language`: of participants without one of their own;
    `language_from`: the attribute of partners that names it."""

    sender: str | None = Field(default=None, min_length=1)
    contact: str | None = Field(default=None, min_length=1)
    language: Language = "en"
    language_from: str = Field(default="language", min_length=1)
    logo: Annotated[str, BeforeValidator(_logo)] | None = None
    colour: Annotated[str, BeforeValidator(_colour)] = "#0b6e5f"
