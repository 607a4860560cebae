#!/bin/bash
# Makes the worker's properties of the variables CONNECT_…, and starts it: CONNECT_GROUP_ID becomes group.id. Where a name
# holds one, `__` stands for `_` and `___` for `-`.
set -euo pipefail

properties=${WORKER_PROPERTIES:-/tmp/connect.properties}
start=${WORKER_START:-/opt/kafka/bin/connect-distributed.sh}

umask 077
: >"$properties"
for variable in $(compgen -e | grep '^CONNECT_' | sort); do
  name=${variable#CONNECT_}
  name=${name//___/-}
  name=${name//__/$'\t'}
  name=${name//_/.}
  name=${name//$'\t'/_}
  # In a properties file a backslash and the end of a line must be escaped.
  value=${!variable//\\/\\\\}
  value=${value//$'\n'/\\n}
  printf '%s=%s\n' "${name,,}" "$value" >>"$properties"
done

exec "$start" "$properties"
