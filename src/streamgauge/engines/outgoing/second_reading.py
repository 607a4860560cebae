"""Reads dead letters again with the present configuration, and puts those that can be read back where they lay.

Putting back is at least once: a process killed between the broker's answer and the mark puts them back again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from streamgauge.clock import Clock
from streamgauge.config.models import Config
from streamgauge.engines.decoding.decoder import open_decoder
from streamgauge.errors import ConfigError, OutsideError
from streamgauge.plan import make_plan
from streamgauge.sources.contract import Slice
from streamgauge.stores.contract import DeadLetter

if TYPE_CHECKING:
    from streamgauge.formats.contract import Decoder

PATIENCE = 30.0
"""Seconds to wait for the broker to take what is put back."""


@dataclass(frozen=True, slots=True)
class Reread:
    """A dead letter and how it reads now; ``reason`` is why it still does not, None where it does."""

    letter: DeadLetter
    reason: str | None

    @property
    def readable(self) -> bool:
        """Whether it would be counted now."""
        return self.reason is None


def read_again(config: Config, letters: Iterable[DeadLetter], clock: Clock) -> list[Reread]:
    """Decode each letter as its stream is declared now; those of streams that are not declared do not read."""
    plan = make_plan(config)
    decoders = {
        name: open_decoder(stream, plan.streams[name].layout) for name, stream in config.streams.items()
    }
    return [Reread(letter, _reason(letter, decoders.get(letter.stream), clock.now())) for letter in letters]


def put_back(config: Config, letters: Sequence[DeadLetter]) -> None:
    """Produce letters of Kafka streams into the very partitions that they came from, and wait for the answers.

    Their keys are not known any more, so they carry none.

    Raises:
        ConfigError: a letter is of a stream that is not read from Kafka.
        OutsideError: the broker did not take all of them; some may be there.
    """
    for name in dict.fromkeys(letter.stream for letter in letters):
        source = config.streams[name].source
        if source.type != "kafka":
            raise ConfigError(
                f"stream {name} is read from {source.type}, where nothing can be put back; mend its records there"
            )
        _produce(name, source, [letter for letter in letters if letter.stream == name])


def _reason(letter: DeadLetter, decoder: Decoder | None, now: int) -> str | None:
    if decoder is None:
        return f"there is no stream {letter.stream!r} in the configuration"
    if letter.truncated:
        return "only its beginning was kept"
    offsets, stamps = np.array([letter.offset]), np.array([letter.at])
    piece = Slice(letter.partition, offsets, stamps, letter.offset + 1, [letter.payload])
    batch = decoder.decode(piece, now)
    return batch.bad[0].reason if batch.bad else None


def _produce(name: str, source: Any, letters: Sequence[DeadLetter]) -> None:
    from confluent_kafka import KafkaException, Producer

    failures: list[str] = []
    taken: list[int] = []

    def report(error: Any, _message: Any) -> None:
        failures.append(error.str()) if error is not None else taken.append(1)

    settings = {**source.settings, "bootstrap.servers": source.bootstrap, "log_level": 0}
    try:
        producer = Producer(
            {"enable.idempotence": True, "message.timeout.ms": int(PATIENCE * 900), **settings}
        )
        for letter in letters:
            headers: list[tuple[str, str | bytes | None]] = [
                ("streamgauge-put-back", f"{letter.partition} {letter.offset}".encode())
            ]
            topic, number = letter.partition
            producer.produce(topic, letter.payload, partition=number, headers=headers, on_delivery=report)
            producer.poll(0)
        producer.flush(PATIENCE)
    except (KafkaException, BufferError) as error:
        raise OutsideError(f"stream {name}: {source.scrub(str(error))}; nothing was marked") from error
    if len(taken) < len(letters):
        first = source.scrub(failures[0]) if failures else f"no answer within {PATIENCE:g} s"
        raise OutsideError(
            f"stream {name}: {len(letters) - len(taken)} of {len(letters)} were not taken by "
            f"{source.bootstrap} ({first}); nothing was marked, so those that were taken will be put back again"
        )
