"""What librdkafka complains about: which of it passes by itself, and what to say of the rest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from confluent_kafka import KafkaError

from streamgauge.errors import SourceError, SourceFencedError
from streamgauge.sources.kafka.config import Config

_REFUSED_LOGIN = frozenset({KafkaError._AUTHENTICATION, KafkaError.SASL_AUTHENTICATION_FAILED})
_MISSING = frozenset(
    {KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC, KafkaError._UNKNOWN_PARTITION}
)
_DISPROVED = _REFUSED_LOGIN | {
    KafkaError._SSL,
    KafkaError._TRANSPORT,
    KafkaError._ALL_BROKERS_DOWN,
    KafkaError._TIMED_OUT,
    KafkaError._RESOLVE,
}
"""What an answer of a broker proves to have passed."""
_GRACE = 3.0
"""Seconds without any sign of life after which a failed login or handshake counts once reading has begun:
a broker that is being shut down or started may break off a handshake as well."""

_NO_TLS = ("PLAINTEXT broker listener", "closed by peer (after")
"""What librdkafka says, now this and now that, when a port closes the connection at the first word of TLS."""
_INSISTS = 0.5
"""Seconds for which a port must do so at the start; one that is being opened may do it once."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """One complaint: its code, librdkafka's words, the topic it is about, and when it came."""

    code: int
    words: str
    topic: str | None
    at: float
    final: bool = False


class Troubles:
    """Collects complaints and raises those that will not pass by themselves.

    A broker that is merely away is none of them: its tails grow old, and that is told elsewhere.

    Attributes:
        last: librdkafka's words about what it could not do last, or None once there was a sign of life.
        away: whether all brokers were reported to be away since the last sign of life.
    """

    def __init__(self, config: Config, stream: str, group: str, monotonic: Callable[[], float]) -> None:
        self._config = config
        self._stream = stream
        self._group = group
        self._monotonic = monotonic
        self._open: dict[int, Trouble] = {}
        self.last: str | None = None
        self.away = False

    def add(self, error: KafkaError, topic: str | None = None) -> None:
        """Take note of a complaint; called from the library's callbacks, so it never raises."""
        code = int(error.code())
        words = self._config.scrub(str(error.str() or error.name()))
        self.away = self.away or code == KafkaError._ALL_BROKERS_DOWN
        if code != KafkaError._ALL_BROKERS_DOWN:  # says less than what came before it
            self.last = words
        known = self._open.get(code)
        at = known.at if known else self._monotonic()
        self._open[code] = Trouble(
            code, words, topic, at, final=bool(error.fatal()) or code == KafkaError._FATAL
        )

    def alive(self, at: float) -> None:
        """A broker answered at ``at``: what kept it away before has passed."""
        self._open = {
            code: trouble for code, trouble in self._open.items() if code not in _DISPROVED or trouble.at > at
        }
        if not self._open:
            self.last, self.away = None, False

    def silent(self) -> None:
        """Nobody answered the first questions; where nothing said why, it may be who is spoken to in the wrong way."""
        if self.last is None:
            protocol = self._config.settings.get("security.protocol", "plaintext")
            self.last = (
                f"no answer; if the brokers are there, they may want another security.protocol than {protocol} "
                "under `settings:`"
            )

    def raise_final(self, *, opening: bool = False) -> None:
        """Raise the first complaint that will not pass.

        Raises:
            SourceFencedError: another process reads in our name.
            SourceError: what happened, where, what to do.
        """
        for trouble in self._open.values():
            if _is_fenced(trouble):
                raise SourceFencedError(
                    f"stream {self._stream!r}: another process on the same store took over in the consumer group "
                    f"{self._group!r}; this one reads nothing more: stop one of the two"
                )
            sentence = self._sentence(trouble, opening=opening)
            if sentence:
                raise SourceError(f"stream {self._stream!r}: {sentence}")

    def missing(self, topics: list[str], existing: list[str]) -> SourceError:
        """The error to raise when topics do not exist; ``existing`` helps with misspellings."""
        import difflib

        close = sorted({name for topic in topics for name in difflib.get_close_matches(topic, existing)})
        hint = f" Similar names there: {', '.join(close)}." if close else ""
        which = (
            f"topic {topics[0]!r} does" if len(topics) == 1 else f"topics {', '.join(map(repr, topics))} do"
        )
        return SourceError(
            f"stream {self._stream!r}: {which} not exist on the brokers at {self._where}; "
            f"create {'it' if len(topics) == 1 else 'them'}, or correct the name.{hint}"
        )

    def missing_topics(self) -> list[str]:
        """Topics that the brokers said do not exist; to be asked again before it is believed."""
        found = [trouble.topic for code, trouble in self._open.items() if code in _MISSING and trouble.topic]
        self._open = {code: trouble for code, trouble in self._open.items() if code not in _MISSING}
        return found

    @property
    def _where(self) -> str:
        return self._config.bootstrap

    @property
    def _who(self) -> str:
        name = self._config.settings.get("sasl.username")
        return f"user {name!r}" if name else "an anonymous client"

    def _sentence(self, trouble: Trouble, *, opening: bool) -> str | None:
        code, words = trouble.code, trouble.words
        if code == KafkaError.TOPIC_AUTHORIZATION_FAILED:
            return self._no_topic(trouble.topic)
        if code == KafkaError.GROUP_AUTHORIZATION_FAILED:
            return (
                f"{self._who} may not join the consumer group {self._group!r} on the brokers at {self._where}; "
                "allow READ on that group, or write another one to `group:`"
            )
        if code in _REFUSED_LOGIN and self._lasts(trouble, opening=opening):
            return (
                f"the brokers at {self._where} refused the login of {self._who}: {words}; "
                "check sasl.username, sasl.password and sasl.mechanism under `settings:`"
            )
        if code == KafkaError._SSL and self._lasts(trouble, opening=opening):
            return (
                f"no secure connection to {self._where}: {words}; check security.protocol, and ssl.ca.location "
                "(the authority that signed the brokers' certificates) under `settings:`"
            )
        if _speaks_no_tls(trouble) and opening and not self._is_fresh(trouble):
            return (
                f"the brokers at {self._where} do not speak TLS there: {words}; name their secure port in `brokers:`, "
                "or leave security.protocol away for a plain one"
            )
        if code == KafkaError._RESOLVE and opening and self.away and KafkaError._TRANSPORT not in self._open:
            return f"the host of the brokers at {self._where} is unknown: {words}; correct `brokers:`"
        return self._other(trouble)

    def _no_topic(self, topic: str | None) -> str:
        named = f"topic {topic!r}" if topic else "the topic"
        return f"{self._who} may not read {named} on the brokers at {self._where}; allow READ on that topic"

    def _other(self, trouble: Trouble) -> str | None:
        if trouble.code in (KafkaError.INCONSISTENT_GROUP_PROTOCOL, KafkaError.INVALID_GROUP_ID):
            return (
                f"the consumer group {self._group!r} cannot be joined: {trouble.words}; "
                "another program uses it in another way: write another one to `group:`"
            )
        if trouble.code in (KafkaError.TOPIC_EXCEPTION, KafkaError.INVALID_SESSION_TIMEOUT) or trouble.final:
            return f"the brokers at {self._where} refuse: {trouble.words}; correct the settings of the source"
        return None

    @property
    def undecided(self) -> bool:
        """Whether a complaint is too fresh to say what it means: ask once more before giving up."""
        return any(_speaks_no_tls(trouble) and self._is_fresh(trouble) for trouble in self._open.values())

    def _is_fresh(self, trouble: Trouble) -> bool:
        return self._monotonic() - trouble.at <= _INSISTS

    @property
    def fenced(self) -> bool:
        """Whether another process reads in our name."""
        return any(_is_fenced(trouble) for trouble in self._open.values())

    def forget(self) -> None:
        """A new connection: what befell the one before does not concern it."""
        self._open, self.last, self.away = {}, None, False

    def _lasts(self, trouble: Trouble, *, opening: bool) -> bool:
        return opening or self._monotonic() - trouble.at > _GRACE


def _is_fenced(trouble: Trouble) -> bool:
    return trouble.code == KafkaError.FENCED_INSTANCE_ID or (trouble.final and "fenced" in trouble.words)


def _speaks_no_tls(trouble: Trouble) -> bool:
    return any(sign in trouble.words for sign in _NO_TLS) and "SSL_HANDSHAKE" in trouble.words
