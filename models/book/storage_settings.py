"""Where the archive and the published sets are kept, if not in the book's folder: the key `storage` of book.yaml, validated.

Belongs here: names, types and defaults below that key. Does not belong here: reading and writing a store (assets/runtime/stores.py).
Where something is kept changes no result, so none of it is part of a run's identity.
"""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from models.store_urls import EXAMPLES, SCHEMES, problem_with_url
from models.validation import Strict

#: What stays on a disk, and why.
_ON_DISK = {
    "ledger": "the ledger is a chain of folders that is written under the book's lock",
    "receipts": "the receipt says what this folder's warehouse holds",
    "warehouse": "the warehouse is a database that one process writes",
}
#: Options that hold a secret, by their names in any store. An id, a file's name and an address are none.
_SECRET = re.compile(r"(?!.*_(id|file|url)$).*(key|secret|token|password)", re.IGNORECASE)
_VARIABLE = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]*")


def _url(value: Any) -> Any:
    problem = problem_with_url(value) if isinstance(value, str) else f"the URL of a folder in a store is needed here: {EXAMPLES}"
    if problem:
        raise ValueError(problem)
    return value.rstrip("/") if not value.endswith("://") else value


def _options(value: Any) -> Any:
    if not isinstance(value, dict):
        raise ValueError('write options by the beginning of the URLs they are for, such as {"s3://": {region: eu-central-1}}')
    for beginning, options in value.items():
        if not isinstance(beginning, str) or not beginning.startswith(tuple(f"{scheme}://" for scheme in SCHEMES)):
            raise ValueError(f"options are written by the beginning of the URLs they are for, such as s3:// or s3://bucket (found {beginning!r})")
        if not isinstance(options, dict):
            raise ValueError(f"{beginning}: options with values are needed here, such as {{region: eu-central-1}}")
        for name, option in options.items():
            is_variable = isinstance(option, str) and _VARIABLE.fullmatch(option)
            if _SECRET.match(str(name)) and not is_variable:
                # the value is not repeated: it may be the secret
                raise ValueError(f'{beginning}: {name} holds a secret; name the environment variable that holds it, such as "env:STORE_SECRET"')
            if not isinstance(option, str | bool | int):
                raise ValueError(f"{beginning}: {name} needs a text, a whole number, true or false")
    return value


Url = Annotated[str, BeforeValidator(_url)]


class StorageSettings(Strict):
    """URLs of the archive and of the published sets, and options of stores by the beginning of a URL. None: the folder of that name in the book."""

    archive: Url | None = None
    published: Url | None = None
    options: Annotated[dict[str, dict[str, str | bool | int]], BeforeValidator(_options)] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _stays_on_disk(cls, value: Any) -> Any:
        for name, why in _ON_DISK.items():
            if isinstance(value, dict) and name in value:
                way_out = "put the book's folder on a local or mounted disk, and only archive and published in a store"
                raise ValueError(f"{name}: cannot be in a store, because {why}; remove the key, and {way_out}")
        return value

    @model_validator(mode="after")
    def _are_apart(self) -> StorageSettings:
        if self.archive and self.published and f"{self.archive}/".startswith(f"{self.published}/"):
            raise ValueError("archive: is in the folder of published, which removes what no set names; give each its own folder")
        if self.archive and self.published and f"{self.published}/".startswith(f"{self.archive}/"):
            raise ValueError("published: is in the folder of archive; give each its own folder")
        return self

    def options_for(self, url: str) -> dict[str, str | bool | int]:
        """The options of the longest beginning that the URL has."""
        fitting = [beginning for beginning in self.options if url.startswith(beginning)]
        return self.options[max(fitting, key=len)] if fitting else {}
