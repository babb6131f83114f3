"""The run of a book with the secrets of the environment, which only pipelines may read.

Belongs here: what the environment adds to a resource. Does not belong here: the resources themselves (assets/graph/resources.py).
"""

from assets.graph.resources import BookRun
from pipelines import settings


class BookRunWithSecrets(BookRun):
    """Reads the secrets that book.yaml names as `env:NAME`."""

    def read_secret(self, name: str) -> str | None:
        return settings.read_secret(name)
