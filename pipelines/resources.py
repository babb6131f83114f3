"""The resources of `build_defs`: the book's folder, and its run with the secrets of the environment, which only pipelines may read.

Belongs here: what the environment adds to a resource. Does not belong here: what they do (assets/graph/resources.py).
"""

from assets.graph.resources import BookFolder, BookRun
from pipelines import settings

__all__ = ["BookFolder", "BookRunWithSecrets"]


class BookRunWithSecrets(BookRun):
    """Reads the secrets that book.yaml names as `env:NAME`."""

    def read_secret(self, name: str) -> str | None:
        return settings.read_secret(name)
