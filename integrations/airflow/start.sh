#!/usr/bin/env bash
# Starts Airflow with what the DAGs need: its tables, their pools, and the example that they run, where it is missing.
#   STREAMGAUGE_FOLDER    where configurations, files and stores lie, and jobs run
#   STREAMGAUGE_EXAMPLE   what is copied there once (/opt/network-example)
#   STREAMGAUGE_PYTHON    makes the example's files (/opt/streamgauge/bin/python)
set -euo pipefail
here=$(dirname "$0")
example=${STREAMGAUGE_EXAMPLE:-/opt/network-example}

mkdir -p "$STREAMGAUGE_FOLDER"
for file in "$example"/*.yaml "$example"/*.py; do
    test -e "$STREAMGAUGE_FOLDER/${file##*/}" || cp "$file" "$STREAMGAUGE_FOLDER/"
done
test -e "$STREAMGAUGE_FOLDER/data" || (
    cd "$STREAMGAUGE_FOLDER" && "${STREAMGAUGE_PYTHON:-/opt/streamgauge/bin/python}" generate.py --days 14 --out data
)
airflow db migrate
airflow pools import "$here/pools.json"
exec airflow standalone
