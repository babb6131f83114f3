#!/usr/bin/env bash
# Starts Superset with the dashboard over a book: examples/bi/superset.sh [BOOK] [PORT]. `make superset` installs it first.
# It listens on this machine alone. The password of admin is printed once and is in build/superset/home/password.
set -euo pipefail
cd "$(dirname "$0")/../.."
book=${1:-books/demo} port=${2:-8088} bin=build/superset/bin
export SUPERSET_HOME=$PWD/build/superset/home SUPERSET_CONFIG_PATH=$PWD/examples/bi/superset_config.py FLASK_APP=superset
mkdir -p "$SUPERSET_HOME"
if [ ! -f "$SUPERSET_HOME/password" ]; then
  "$bin/superset" db upgrade
  "$bin/python" -c 'import secrets; print(secrets.token_urlsafe(12))' > "$SUPERSET_HOME/new-password"
  "$bin/superset" fab create-admin --username admin --firstname Book --lastname Reader --email admin@example.com --password "$(cat "$SUPERSET_HOME/new-password")"
  "$bin/superset" init
  mv "$SUPERSET_HOME/new-password" "$SUPERSET_HOME/password"
fi
"$bin/python" examples/bi/dashboard.py "$book" "$SUPERSET_HOME/dashboard.zip"
"$bin/superset" import-dashboards --path "$SUPERSET_HOME/dashboard.zip" --username admin
echo "http://127.0.0.1:$port/superset/dashboard/tierledger/  user admin, password $(cat "$SUPERSET_HOME/password")"
exec "$bin/superset" run --host 127.0.0.1 --port "$port" --with-threads
