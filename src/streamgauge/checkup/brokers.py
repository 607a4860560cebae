"""Are the brokers there, and do they let us in: connection, certificate, login."""

from __future__ import annotations

from collections.abc import Iterator

from streamgauge.checkup.contract import Finding, Grade, from_error
from streamgauge.checkup.patient import KafkaStream, Patient, connects, same_connection, split_address
from streamgauge.errors import StreamgaugeError

NAME = "brokers"


def examine(patient: Patient) -> Iterator[Finding]:
    """One line per set of brokers and login."""
    refused: dict[str, bool] = {}
    for name, _stream, source in patient.topics():
        known = refused.get(same_connection(source))
        if known:
            continue
        about = f"streams.{name}"
        try:
            stream = patient.connect(name)
            answered = stream.look.greet()
        except StreamgaugeError as error:
            refused[same_connection(source)] = True
            yield from_error(NAME, about, error)
            continue
        refused[same_connection(source)] = not answered
        if answered:
            patient.kafka[name] = stream
        if known is None:
            yield _welcome(stream, about) if answered else _silent(stream, about)


def _welcome(stream: KafkaStream, about: str) -> Finding:
    settings = stream.source.settings
    protocol = str(settings.get("security.protocol", "plaintext")).lower()
    secured = "over TLS" if "ssl" in protocol else "without encryption"
    user = settings.get("sasl.username")
    who = f", as user {user!r}" if user and "sasl" in protocol else ", without a login"
    return Finding(NAME, about, Grade.FINE, f"the brokers at {stream.source.bootstrap} answer {secured}{who}")


def _silent(stream: KafkaStream, about: str) -> Finding:
    """Nobody answers: whether nobody is there, or whoever is there speaks otherwise."""
    refusals = [connects(*split_address(one, 9092)) for one in stream.source.brokers]
    where = stream.source.bootstrap
    if all(refusals):
        why = "; ".join(dict.fromkeys(text for text in refusals if text))
        return Finding(
            NAME, about, Grade.MISSING, f"nobody answers at {where} ({why})",
            "start the brokers, correct `brokers:`, or let this machine through to them",
        )  # fmt: skip
    said = stream.look.trouble
    return Finding(
        NAME, about, Grade.MISSING,
        f"the port at {where} is open, but no broker answers there{f' ({said})' if said else ''}",
        "check `security.protocol` under `settings:`: a broker that wants TLS says nothing to one who speaks without",
    )  # fmt: skip
