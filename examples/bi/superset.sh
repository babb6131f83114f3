#!/usr/bin/env bash
# Starts Superset with the dashboard over a book: examples/bi/superset.sh [BOOK] [PORT]. The first start installs Superset (some 900 MB).
# Everything is in $SUPERSET (default build/superset), apart from the project's own environment. It listens on this machine alone.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
book=${1:-books/demo} port=${2:-8088} place=${SUPERSET:-build/superset}
mkdir -p "$place/home"
place=$(cd "$place" && pwd) bin=$place/venv/bin
export SUPERSET_HOME=$place/home SUPERSET_CONFIG_PATH=$here/superset_config.py FLASK_APP=superset
if [ ! -x "$bin/superset" ]; then
  "${PYTHON:-python3}" -m venv "$place/venv"
  # rich and cachetools are used by Superset, which does not ask for them; later versions of Flask-Caching do not fit it
  "$bin/pip" install --quiet 'apache-superset==6.1.0' 'duckdb>=1.5.5,<1.6' duckdb-engine 'flask-caching<2.4' rich cachetools
fi
if [ ! -f "$SUPERSET_HOME/password" ]; then
  "$bin/superset" db upgrade
  (umask 077 && "$bin/python" -c 'import secrets; print(secrets.token_urlsafe(12))' > "$SUPERSET_HOME/new-password")
  "$bin/superset" fab create-admin --username admin --firstname Book --lastname Reader --email admin@example.com --password "$(cat "$SUPERSET_HOME/new-password")"
  "$bin/superset" init
  mv "$SUPERSET_HOME/new-password" "$SUPERSET_HOME/password"
fi
"$bin/python" "$here/dashboard.py" "$book" "$SUPERSET_HOME/dashboard.zip"
"$bin/superset" import-dashboards --path "$SUPERSET_HOME/dashboard.zip" --username admin
echo "http://127.0.0.1:$port/superset/dashboard/tierledger/  user admin, password in $SUPERSET_HOME/password"
exec "$bin/superset" run --host 127.0.0.1 --port "$port" --with-threads
