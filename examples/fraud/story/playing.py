"""Plays the story on a clock that is pushed: the shop asks for a score and sells or holds back, labels come a day later.

``python -m examples.fraud.story.playing --brokers localhost:9092 --url http://127.0.0.1:8000`` plays it on servers of yours.
"""

from __future__ import annotations

import argparse
import json
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Event
from typing import TYPE_CHECKING, Any

from examples.fraud.story.transactions import BEGIN, Transaction, hours

if TYPE_CHECKING:
    import httpx

SCORER = "suspicious"
"""The monitor that the shop asks."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the story is played.

    Attributes:
        url: of a running Streamgauge.
        brokers: Kafka's.
    """

    url: str
    brokers: str
    transactions: str = "transactions"
    labels: str = "labels"


@dataclass
class Story:
    """What was played so far.

    Attributes:
        place: where.
        per_hour: payments, by day a little more, at night half as many.
        seed: which payments.
        scored: each payment with the score that ``POST /predict`` gave it.
        labelled: those whose label has come.
    """

    place: Place
    per_hour: int = 100
    seed: int = 1
    scored: list[tuple[Transaction, float]] = field(default_factory=list)
    labelled: list[Transaction] = field(default_factory=list)
    _waiting: deque[Transaction] = field(default_factory=deque)

    def play(self, count: int, producer: Any, web: httpx.Client, *, step: int = 1) -> Iterator[datetime]:
        """Play some hours from the first on; gives the moment up to which all is sent, every ``step`` hours.

        Whoever takes the moments is the clock: nothing here waits or asks what time it is.
        """
        made: list[Transaction] = []
        for number, (begin, more) in enumerate(
            hours(BEGIN, count, per_hour=self.per_hour, seed=self.seed), 1
        ):
            made += more
            if number % step == 0 or number == count:
                now = begin + timedelta(hours=1)
                self._sell(made, producer, web)
                self._label(now, producer)
                producer.flush(30)
                made = []
                yield now

    def _sell(self, payments: Sequence[Transaction], producer: Any, web: httpx.Client) -> None:
        """Each payment is sent with the score by which the shop decided."""
        scores = self._ask(payments, web)
        records = [{**one.record(), "score": score} for one, score in zip(payments, scores, strict=True)]
        self._send(producer, self.place.transactions, records)
        self.scored += zip(payments, scores, strict=True)
        self._waiting += payments

    def _label(self, now: datetime, producer: Any) -> None:
        """What is known by ``now`` is told."""
        due = []
        while self._waiting and self._waiting[0].label()["at"] < now.timestamp() * 1000:
            due.append(self._waiting.popleft())
        self._send(producer, self.place.labels, [one.label() for one in due])
        self.labelled += due

    def _ask(self, payments: Sequence[Transaction], web: httpx.Client) -> list[float]:
        """What the model says of each, before the shop decides."""
        asked = {"monitor": SCORER, "records": [one.record() for one in payments]}
        answer = web.post(f"{self.place.url}/predict", json=asked)
        answer.raise_for_status()
        return [verdict["score"] for verdict in answer.json()["verdicts"]]

    def _send(self, producer: Any, topic: str, records: Sequence[Mapping[str, Any]]) -> None:
        """Keyed by account, so that all of an account lies in one partition."""
        for record in records:
            producer.produce(topic, json.dumps(record).encode(), key=str(record["account"]).encode())
        producer.poll(0)


def main() -> None:
    """Play against servers that are there; the topics must be there, too."""
    import httpx
    from confluent_kafka import Producer

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--url", default="http://127.0.0.1:8000", help="of a running Streamgauge")
    parser.add_argument("--brokers", default="localhost:9092")
    parser.add_argument("--hours", type=int, default=126)
    parser.add_argument("--pace", type=float, default=0.5, help="seconds that an hour takes")
    asked = parser.parse_args()
    story, pause = Story(Place(asked.url, asked.brokers)), Event()
    with httpx.Client(timeout=60) as web:
        for now in story.play(asked.hours, Producer({"bootstrap.servers": asked.brokers}), web):
            told = f"{now:%a %H:%M}  {len(story.scored):,} payments, {len(story.labelled):,} labels"
            print(told, flush=True)  # noqa: T201  a script's answer
            pause.wait(asked.pace)


if __name__ == "__main__":
    main()
