#!/usr/bin/env bash
# Registers the Slack sink for a topic at a Kafka Connect worker, or changes it, and waits until it runs.
#
#   alert_connector.sh [KEY=VALUE …]
#
# Any key of the connector may follow, such as 'slack.title={{ monitor }}: {{ key }}' or connector.class=…HttpAlertSinkConnector.
# From the environment:
#   CONNECT_URL   the worker's REST API           (http://localhost:8083)
#   NAME          of the connector                (slack-alerts)
#   TOPIC         whose records are posted        (ANOMALY_WINDOW)
#   WEBHOOK       a reference that the worker resolves by a ConfigProvider, so that the address lies in no topic and no answer
#                 (${env:SLACK_WEBHOOK_URL})
#   PATIENCE      seconds until it must run       (60)
# Ends with 0 when it runs, 1 when it fails (with the reason or the trace), 2 for wrong usage, 3 when Connect cannot be reached.
set -euo pipefail

connect_url=${CONNECT_URL:-http://localhost:8083}
name=${NAME:-slack-alerts}
topic=${TOPIC:-ANOMALY_WINDOW}
webhook=${WEBHOOK:-'${env:SLACK_WEBHOOK_URL}'}
deadline=$((SECONDS + ${PATIENCE:-60}))
connector=$connect_url/connectors/$(jq -rn --arg name "$name" '$name | @uri')

fail() { # CODE TEXT
  printf '%s\n' "$2" >&2
  exit "$1"
}

# One request; sets `status` (000 without an answer) and `body`.
ask() { # METHOD URL [BODY]
  local answer
  answer=$(curl --silent --show-error --max-time 30 --request "$1" --header 'Content-Type: application/json' \
    ${3:+--data "$3"} --write-out '\n%{http_code}' "$2" 2>/dev/null) || true
  status=${answer##*$'\n'}
  body=${answer%$'\n'*}
}

# What the connector is to be: our choice, and over it what was given.
config() {
  local pair given='{}'
  for pair in "$@"; do
    [[ $pair == *=* ]] || fail 2 "expected KEY=VALUE, not '$pair'"
    given=$(jq -n --argjson given "$given" --arg key "${pair%%=*}" --arg value "${pair#*=}" '$given + {($key): $value}')
  done
  jq -n --arg topic "$topic" --arg webhook "$webhook" --argjson given "$given" '
    {
      "connector.class": "io.streamgauge.connect.SlackSinkConnector",
      "tasks.max": "1",
      "topics": $topic,
      "key.converter": "org.apache.kafka.connect.storage.StringConverter",
      "value.converter": "org.apache.kafka.connect.storage.StringConverter",
      "errors.tolerance": "all",
      "errors.deadletterqueue.topic.name": ($topic + "-dead"),
      "errors.deadletterqueue.topic.replication.factor": "1",
      "errors.deadletterqueue.context.headers.enable": "true"
    } + $given
    | if (.["connector.class"] | endswith("SlackSinkConnector")) then {"slack.webhook": $webhook} + . else {"http.url": $webhook} + . end'
}

# PUT creates or changes, so it may be repeated; 409 is a worker that agrees with the others just now.
register() { # CONFIG
  while ask PUT "$connector/config" "$1"; do
    case $status in
      200) printf 'changed %s\n' "$name"; break ;;
      201) printf 'created %s\n' "$name"; break ;;
      409 | 000 | 5??) ;;
      *) fail 1 "$connect_url refuses $name ($status): $(jq -r '.message? // .' <<<"$body" 2>/dev/null || printf '%s' "$body")" ;;
    esac
    ((SECONDS < deadline)) || { [[ $status == 000 ]] && unreachable; fail 1 "$connect_url answered $status until the end: $body"; }
    sleep 1
  done
  # a task that failed before is not started by a PUT that changes nothing
  ask POST "$connector/restart?includeTasks=true&onlyFailed=true"
}

unreachable() {
  fail 3 "no Kafka Connect answers at $connect_url: does the worker run, and may this machine reach its REST API (port 8083, NetworkPolicy)?"
}

# RUNNING, connector and tasks, three looks in a row: a task that cannot start runs for a moment.
await() {
  local steady=0
  while ((steady < 3)); do
    sleep 1
    ask GET "$connector/status"
    if jq -e '.connector.state == "RUNNING" and (.tasks | length > 0 and all(.state == "RUNNING"))' <<<"$body" >/dev/null 2>&1; then
      steady=$((steady + 1))
    else
      steady=0
      failed=$(jq -r '[.connector, .tasks[]?] | map(select(.state == "FAILED") | .trace // "no trace")[]' <<<"$body" 2>/dev/null || true)
      [[ -z $failed ]] || fail 1 "$name has FAILED:"$'\n'"$failed"
      ((SECONDS < deadline)) || fail 1 "$name does not run within ${PATIENCE:-60} s: $body"
    fi
  done
  printf '%s is RUNNING: %s → %s\n' "$name" "$topic" "$(jq -r '.tasks | map(.worker_id) | unique | join(", ")' <<<"$body")"
}

command -v jq >/dev/null && command -v curl >/dev/null || fail 2 "this needs curl and jq"
wanted=$(config "$@")
topic=$(jq -r .topics <<<"$wanted")
register "$wanted"
await
