"""The run of a book with what only the border may read: the secrets of the environment.

Belongs here: what the environment adds to a resource. Does not belong here: the resources themselves (assets/graph/resources.py).
"""

from assets.graph.resources import BookRun
from pipelines import settings


class BookRunWithSecrets(BookRun):
    """Knows what book.yaml names as `env:NAME`."""

    def read_secret(self, name: str) -> str | None:
        return settings.read_secret(name)
