"""The one Unicode form in which texts are compared: feeds, settings, agreements, names of files.

Belongs here: that form. Does not belong here: letter case and spaces, which each kind of text treats in its own way.
"""

from __future__ import annotations

import unicodedata


def composed(text: str) -> str:
    """The text in normal form C: é is one character, whether it was typed as one or as e with an accent."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)
