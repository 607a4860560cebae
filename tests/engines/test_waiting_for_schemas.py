"""Records whose schema is not there yet wait, and nothing else does."""

from __future__ import annotations

from datetime import timedelta

from streamgauge.batch import Batch, Partition
from streamgauge.config import load
from streamgauge.engines.decoding.decoder import open_decoder
from streamgauge.engines.embedded.intake import Intake
from streamgauge.formats.contract import Decoder
from streamgauge.plan import make_plan
from streamgauge.sources.contract import Slice
from streamgauge.testing import ListedSource, PushedClock, listed

A, B = Partition("t", 0), Partition("t", 1)
ALIGNED = "partitioned_by: name"
TEXT = """
streams:
  s:
    source: {type: synthetic, scenario: payments}
    format: json
    fields: {name: string}
    %s
monitors:
  m:
    stream: s
    window: {type: tumbling, size: 5s, by: name, compute: {n: count(*)}}
    detect: {type: threshold, when: n > 1}
"""


class Waiting:
    """Decodes JSON, but says of slices with a marked record that they must wait."""

    def __init__(self, decoder: Decoder) -> None:
        self.decoder = decoder
        self.known: set[bytes] = set()

    def ready(self, piece: Slice) -> bool:
        return all(payload in self.known for payload in piece.payloads or () if payload and b"new" in payload)

    def decode(self, piece: Slice, now: int) -> Batch:
        return self.decoder.decode(piece, now)


def intake(placed: str, source: ListedSource, clock: PushedClock) -> tuple[Intake, Waiting]:
    config = load(TEXT % placed)
    plan = make_plan(config).streams["s"]
    decoder = Waiting(open_decoder(config.streams["s"], plan.layout))
    made = Intake(plan, source, decoder, clock, finite=False)
    made.start({})
    return made, decoder


def names(intake: Intake) -> list[str]:
    _, taken = intake.poll(100, timedelta(0))
    return [name for part in taken for batch in part.batches for name in batch.columns["name"].values()]


NEW = b'{"name": "new"}'


def test_the_rest_of_its_partition_waits_behind_it_and_other_partitions_go_on():
    clock = PushedClock()
    source = ListedSource(
        [
            listed([{"name": "a0"}], partition=A),
            listed([NEW], partition=A, start=1),
            listed([{"name": "a2"}], partition=A, start=2),
            listed([{"name": "b0"}], partition=B),
        ],
        clock=clock,
        finite=False,
    )
    made, decoder = intake(ALIGNED, source, clock)
    read = [*names(made), *names(made), *names(made)]
    assert sorted(read) == ["a0", "b0"]
    assert source.paused == {A}
    assert made.caught_up() == {A: False, B: True}
    decoder.known.add(NEW)
    assert [*names(made), *names(made)] == ["new", "a2"]
    assert source.paused == set()
    assert made.caught_up() == {A: True, B: True}


def test_in_the_merged_order_the_others_wait_too():
    clock = PushedClock()
    source = ListedSource(
        [listed([NEW], partition=A, timestamps=5), listed([{"name": "b"}], partition=B, timestamps=7)],
        clock=clock,
        finite=False,
    )
    made, decoder = intake("", source, clock)
    assert [*names(made), *names(made)] == []
    decoder.known.add(NEW)
    assert [*names(made), *names(made)] == ["new", "b"]


def test_what_waits_is_dropped_when_reading_starts_again():
    clock = PushedClock()
    source = ListedSource([listed([NEW], partition=A)], clock=clock, finite=False)
    made, decoder = intake(ALIGNED, source, clock)
    assert names(made) == []
    made.start({})
    decoder.known.add(NEW)
    assert [*names(made), *names(made)] == ["new"]
