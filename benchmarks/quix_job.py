"""Runs in Quix Streams' own environment: one tumbling window job, stopped after so many records."""

import json
import sys
import time

from quixstreams import Application
from quixstreams.dataframe.windows import Count, Sum

wanted = json.loads(sys.argv[1])
seen = [0, 0.0, 0.0]


def event_time(value, _headers, _timestamp, _kind):
    """The record's own time, needed anyway; notes the first and the last on the way."""
    if not seen[0]:
        seen[1] = time.perf_counter()
    seen[0] += 1
    if seen[0] == wanted["records"]:
        seen[2] = time.perf_counter()
    return value["at"]


app = Application(
    broker_address=wanted["brokers"],
    consumer_group=wanted["out"],
    auto_offset_reset="earliest",
    commit_interval=1.0,
    state_dir=wanted["state"],
    auto_create_topics=True,
    loglevel="WARNING",
)
topic = app.topic(
    wanted["topic"], value_deserializer="json", key_deserializer="str", timestamp_extractor=event_time
)
out = app.topic(wanted["out"], value_serializer="json", key_serializer="str")
frame = app.dataframe(topic)
frame = (
    frame.tumbling_window(duration_ms=wanted["size"], grace_ms=2_000)
    .agg(events=Count(), spent=Sum("amount"))
    .final()
)
frame = frame.apply(lambda value, key, *_: {**value, "account": key}, metadata=True)
frame = frame.to_topic(out)
app.run(count=wanted["records"], timeout=120)
print(
    json.dumps(
        {
            "records": seen[0],
            "seconds": round(seen[2] - seen[1], 3),
            "records_per_second": round(seen[0] / (seen[2] - seen[1])),
        }
    )
)
