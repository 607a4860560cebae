#!/usr/bin/env bash
# Starts Superset: its tables, roles and first user are made where they are missing, then it serves.
#   SUPERSET_SECRET_KEY, SUPERSET_DATABASE   what superset_config.py asks for
#   SUPERSET_PASSWORD                        of the first user, who is called SUPERSET_USER (admin); later changed in Superset
#   SUPERSET_BIND                            where it listens (0.0.0.0:8088)
set -euo pipefail
export FLASK_APP="superset.app:create_app()"
: "${SUPERSET_PASSWORD:?set SUPERSET_PASSWORD, the password of the first user}"

superset db upgrade
superset fab create-admin --username "${SUPERSET_USER:-admin}" --firstname Super --lastname Set \
    --email admin@example.org --password "$SUPERSET_PASSWORD"
superset init
exec gunicorn --bind "${SUPERSET_BIND:-0.0.0.0:8088}" --workers 1 --worker-class gthread --threads 20 --timeout 120 \
    --limit-request-line 0 --limit-request-field_size 0 --worker-tmp-dir /tmp "$FLASK_APP"
