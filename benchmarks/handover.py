"""How fast series go over from Redis to PostgreSQL: ``python -m benchmarks.handover [--points N] [--keys N]``.

Real servers with default durability, a table that is empty at first; every sample is compared and then removed from Redis.
The goal is 1 M samples in less than 30 s on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import json
import resource
from dataclasses import asdict

from tests.services.postgresql import PostgresServer
from tests.services.redis import RedisServer

from streamgauge.handover.moving import Handover
from streamgauge.sinks.redis_link import opened
from streamgauge.sinks.redis_series import Book, Made, TimeSeries
from streamgauge.sinks.redis_timeseries import Config

COLUMNS = ["unq_dst_ip", "unq_dst_port"]
START = 1_772_445_600_000


def fill(url: str, points: int, keys: int) -> None:
    """Series as the sink makes them, a sample each second."""
    client = opened(url, 30.0)
    series = TimeSeries(client, 0)
    each = points // (keys * len(COLUMNS))
    for key in range(keys):
        ip = f"10.0.{key // 250}.{key % 250}"
        made = {f"{column}_{ip}": Made(column, ip, {"srcIP": ip}) for column in COLUMNS}
        Book(client, "stream logs").note(made)
        series.make(made)
        for start in range(0, each, 10_000):
            seconds = range(start, min(start + 10_000, each))
            series.put({(name, START + n * 1000): n + 0.1 for name in made for n in seconds})
    client.close()


def main() -> None:
    """Fill, hand over, tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=1_000_000)
    parser.add_argument("--keys", type=int, default=100)
    asked = parser.parse_args()
    with RedisServer() as hot, PostgresServer(fsync="on", full_page_writes="on") as server:
        database = server.new_database()
        fill(hot.url, asked.points, asked.keys)
        history = {"url": database.url(), "table": "logs", "key": "ip"}
        settings = Config.model_validate({"url": hot.url, "history": history})
        before = resource.getrusage(resource.RUSAGE_SELF)
        done = Handover("stream logs", settings, COLUMNS, START * 2).run()
        after = resource.getrusage(resource.RUSAGE_SELF)
        ours = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        ((rows,),) = database.sql("SELECT count(*) FROM logs")
        print(json.dumps({**asdict(done), "our_cpu_seconds": round(ours, 2), "rows_there": rows}))


if __name__ == "__main__":
    main()
