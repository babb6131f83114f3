"""Settings of the Superset that superset.sh starts: for looking at a book on one machine, not for a server."""

import os
import secrets
from pathlib import Path

HOME = Path(os.environ["SUPERSET_HOME"])
_KEY = HOME / "secret"
if not _KEY.exists():
    _KEY.write_text(secrets.token_urlsafe(42))
SECRET_KEY = _KEY.read_text()
SQLALCHEMY_DATABASE_URI = f"sqlite:///{HOME / 'superset.db'}"
#: Superset refuses files as databases otherwise: on a server they would be the server's.
PREVENT_UNSAFE_DB_CONNECTIONS = False
CACHE_CONFIG = DATA_CACHE_CONFIG = FILTER_STATE_CACHE_CONFIG = EXPLORE_FORM_DATA_CACHE_CONFIG = {"CACHE_TYPE": "SimpleCache"}
TALISMAN_ENABLED = False
