"""Every error the package raises on purpose, as a tree.

::

    StreamgaugeError
    ├── ConfigError (ValueError)          the file or a setting is wrong: exit code 2
    │   ├── ExpressionError               an expression is wrong; knows the column
    │   ├── ConfigErrors, SqlErrors       all mistakes of a file, of statements; told at once
    │   └── SqlError                      a statement is wrong; knows the place
    ├── OutsideError                      something outside is missing or refuses: exit code 3
    │   ├── SourceError                   a broker, topic, file or login
    │   │   └── SourceFencedError         another process reads in our name
    │   └── StoreError                    the store
    │       ├── StoreTooNewError          written by a newer version
    │       ├── StoreTakenError           another process owns it
    │       └── StoreDamagedError         a checksum does not hold
    └── DetectorFailedError               an exception inside a monitor's step

Each message says what is wrong, where, what was expected and what to do.
"""

from __future__ import annotations


class StreamgaugeError(Exception):
    """Base of all errors raised on purpose; its text is meant for people."""

    exit_code = 1


class ConfigError(StreamgaugeError, ValueError):
    """The configuration or the call is wrong; nothing was started."""

    exit_code = 2


class ExpressionError(ConfigError):
    """An expression cannot be understood or does not fit its columns.

    Attributes:
        message: the sentence without the position.
        expression: the text as the user wrote it.
        position: zero-based character in ``expression`` where the trouble starts, or None.
    """

    def __init__(self, message: str, *, expression: str = "", position: int | None = None) -> None:
        self.message = message
        self.expression = expression
        self.position = position
        where = f" (at character {position + 1} of {expression!r})" if position is not None else ""
        super().__init__(f"{message}{where}")


class OutsideError(StreamgaugeError):
    """Something outside this process is missing or refuses."""

    exit_code = 3


class SourceError(OutsideError):
    """A source cannot be read: broker, topic, permission, login or file."""


class SourceFencedError(SourceError):
    """Another process reads in our name; who of the two may is decided by who owns the store."""


class StoreError(OutsideError):
    """The store cannot be read or written."""


class StoreTooNewError(StoreError):
    """The store was written by a newer version of Streamgauge."""


class StoreTakenError(StoreError):
    """Another process owns the store; this one writes nothing more."""


class StoreDamagedError(StoreError):
    """A stored block does not match its checksum."""


class DetectorFailedError(StreamgaugeError):
    """A monitor's step raised; that monitor is paused, the others go on."""
