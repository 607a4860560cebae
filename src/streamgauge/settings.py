"""What every part of the configuration is made of: the models' base, durations, lists of names, hidden secrets.

Import this in a plug-in's module to declare its ``Config``::

    class Config(ChannelConfig):            # ChannelConfig is a Settings
        url: str
        timeout: PositiveDuration = timedelta(seconds=10)

Text that came out of ``${NAME}`` or ``${file:PATH}`` is a secret: it never shows in ``repr``, in
:meth:`Settings.public` or in an error.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    PlainSerializer,
    PrivateAttr,
    ValidationError,
    WithJsonSchema,
    model_validator,
)
from pydantic.functional_validators import ModelWrapValidatorHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import (
    CoreSchema,
    InitErrorDetails,
    PydanticCustomError,
    PydanticSerializationUnexpectedValue,
    core_schema,
)
from pydantic_core.core_schema import ErrorType, ValidationInfo

from streamgauge.clock import format_duration
from streamgauge.durations import Duration

HIDDEN = "***"
_SQLITE = "sqlite:///"
_TELLTALE = re.compile(r"passw|secret|token|credential|private[._-]?key|api[._-]?key", re.IGNORECASE)
_USERINFO = re.compile(r"(?<=://)([^/@\s:]*):([^/@\s]*)(?=@)")


def _read_names(value: object) -> object:
    return (value,) if isinstance(value, str) else value


def _longer_than_nothing(value: timedelta) -> timedelta:
    if value <= timedelta(0):
        raise ValueError("must be longer than zero")
    return value


PositiveDuration = Annotated[
    Duration,
    AfterValidator(_longer_than_nothing),
    PlainSerializer(format_duration, return_type=str),
]
"""A duration above zero."""

Names = Annotated[
    tuple[str, ...],
    BeforeValidator(_read_names),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]
"""One name, or a list of names; always a tuple in Python."""


class FileName(str):
    """The path of a file or folder, or a pattern, as a configuration names it: it counts from the folder of its file.

    Declare a key with it (``ca: FileName | None = None``) and open it as the path that it is; the loader has put the
    folder in front. Where it came from no file, it counts from the working folder, as any path does.

    Attributes:
        written: as it stands in the file; that is what is shown, and what identities are made of.
        folder: from which it counts; empty: the working folder.

    >>> name = FileName("data/payments.ndjson", "/etc/gauge")
    >>> str(name), name.written
    ('/etc/gauge/data/payments.ndjson', 'data/payments.ndjson')
    """

    __slots__ = ("folder", "written")

    folder: str
    written: str

    def __new__(cls, written: str, folder: str = "") -> Self:
        """``written`` as seen from ``folder``; a whole path stays as it is."""
        made = super().__new__(cls, cls._seen_from(folder, written))
        made.written, made.folder = written, folder
        return made

    def __getnewargs__(self) -> tuple[str, str]:  # type: ignore[override]  # a text's own has one argument
        return self.written, self.folder

    @staticmethod
    def _seen_from(folder: str, written: str) -> str:
        return os.path.join(folder, written) if folder else written  # noqa: PTH118  # as it is written, `./` too

    @property
    def path(self) -> str:
        """Where it leads."""
        return str(self)

    @property
    def lies_in_working_folder(self) -> bool:
        """Whether nothing lies where it leads, and something does where it would lead from the working folder."""
        return self != self.written and not Path(self.path).exists() and Path(self.written).exists()

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """A text; one that has its folder keeps it."""

        def read(value: Any, check: core_schema.ValidatorFunctionWrapHandler) -> FileName:
            text = check(os.fspath(value) if isinstance(value, os.PathLike) else value)
            return value if isinstance(value, cls) else cls(text)

        shown = core_schema.plain_serializer_function_ser_schema(
            _as_written, return_schema=core_schema.str_schema()
        )
        return core_schema.no_info_wrap_validator_function(
            read, core_schema.str_schema(), serialization=shown
        )


class FileUrl(FileName):
    """The address of a database, of which ``sqlite:///FILE`` names a file; others are taken as they are.

    >>> str(FileUrl("sqlite:///gauge.db", "/var/lib")), str(FileUrl("postgresql://me@db/x", "/var/lib"))
    ('sqlite:////var/lib/gauge.db', 'postgresql://me@db/x')
    """

    @staticmethod
    def _seen_from(folder: str, written: str) -> str:
        file = written.removeprefix(_SQLITE)
        plain = not folder or file == written or not file or file.startswith((":memory:", "file:"))
        return written if plain else _SQLITE + os.path.join(folder, file)  # noqa: PTH118  # as it is written

    @property
    def path(self) -> str:
        """The file; of another database nothing."""
        return self.removeprefix(_SQLITE).partition("?")[0] if self.startswith(_SQLITE) else ""

    @property
    def lies_in_working_folder(self) -> bool:
        """As of a file."""
        there = Path(self.written.removeprefix(_SQLITE).partition("?")[0])
        return self != self.written and not Path(self.path).exists() and there.exists()


def _as_written(value: Any) -> str:
    if not isinstance(value, str):
        raise PydanticSerializationUnexpectedValue("no text")  # another choice of a union
    return value.written if isinstance(value, FileName) else value


FileNames = Annotated[
    tuple[FileName, ...],
    BeforeValidator(_read_names),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]
"""One :class:`FileName`, or a list of them; always a tuple in Python."""


@dataclass(frozen=True, slots=True)
class Shorthand:
    """Marks a field whose model may be written as the text of one of its keys: ``store: sqlite:///x.db``."""

    key: str

    def _read(self, value: Any) -> Any:
        return {self.key: value} if isinstance(value, str) else value

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """The text is turned into a mapping before the model reads it."""
        return core_schema.no_info_before_validator_function(self._read, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """The schema of the one key, or the model."""
        reference = handler(schema)
        model = handler.resolve_ref_schema(reference)
        alone = {name: value for name, value in model["properties"][self.key].items() if name != "default"}
        return {"anyOf": [alone, reference]}


class Settings(BaseModel):
    """Base of every model of the configuration: frozen, unknown keys are errors, secrets hidden."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, populate_by_name=True, allow_inf_nan=False
    )

    hints: ClassVar[Mapping[str, str]] = {}
    """What to write instead of keys that people look for here and that stand elsewhere."""

    _secrets: dict[str, str] = PrivateAttr(default_factory=dict)

    @model_validator(mode="wrap")
    @classmethod
    def _read_settings(
        cls, data: Any, handler: ModelWrapValidatorHandler[Settings], info: ValidationInfo
    ) -> Settings:
        """Refuse unknown keys, each with the nearest valid name, and keep which texts must not be shown."""
        known = cls._written_keys()
        fitting = {*known, *cls.model_fields}
        unknown = [key for key in data if key not in fitting] if isinstance(data, Mapping) else []
        if unknown:
            mistakes = [unknown_key(str(key), known, cls.hints.get(str(key))) for key in unknown]
            try:
                handler({key: value for key, value in data.items() if key in fitting})
            except ValidationError as error:
                mistakes += _details(error)
            raise ValidationError.from_exception_data(cls.__name__, mistakes)
        model = handler(data)
        secrets: Mapping[str, str] = (info.context or {}).get("secrets", {})
        if secrets:
            texts = list(_texts(data))
            model._secrets.update(
                (s, name) for s, name in secrets.items() if any(s in text for text in texts)
            )
        return model

    @classmethod
    def _written_keys(cls) -> list[str]:
        """The keys that people write, in order."""
        return [field.alias or name for name, field in cls.model_fields.items()]

    def public(self) -> dict[str, Any]:
        """The settings as plain data for people and tools: durations as text, secrets hidden."""
        plain: dict[str, Any] = hide(self.model_dump(mode="json", by_alias=True), self._secrets)
        return plain

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        for name, value in super().__repr_args__():
            yield name, _hidden_field(name, value, self._secrets)


def wrong(field: str, message: str) -> ValidationError:
    """To be raised by a model's own validators: ``message`` is said at the key ``field``."""
    error = PydanticCustomError("wrong", "{text}", {"text": message})
    return ValidationError.from_exception_data(
        "settings", [InitErrorDetails(type=error, loc=(field,), input=None)]
    )


def unknown_key(key: str, known: Iterable[str], hint: str | None = None) -> InitErrorDetails:
    """The mistake of a key that does not exist; ``hint``: what to write instead, where that is another key elsewhere."""
    error = PydanticCustomError(
        "unknown_key", "{text}", {"text": f"unknown key; {hint or nearest(key, known)}"}
    )
    return InitErrorDetails(type=error, loc=(key,), input=None)


def nearest(word: str, known: Iterable[str]) -> str:
    """What to write instead of ``word``.

    >>> nearest("widnow", ["stream", "window"])
    'did you mean `window`?'
    >>> nearest("x", ["stream", "window"])
    'expected one of: stream, window'
    """
    names = {name.lower(): name for name in known}
    close = difflib.get_close_matches(word.lower(), names, n=1)
    if close:
        return f"did you mean `{names[close[0]]}`?"
    return f"expected one of: {', '.join(names.values())}" if names else "there is none"


def hide(value: Any, secrets: Mapping[str, str]) -> Any:
    """``value`` (plain data) with secrets replaced.

    A known secret becomes the reference that brought it (``${NAME}``); values of keys that tell of a
    secret (``password``, ``token`` …) and passwords within URLs become ``***``.

    >>> hide({"url": "https://x/s3cr3t", "password": "p"}, {"s3cr3t": "${KEY}"})
    {'url': 'https://x/${KEY}', 'password': '***'}
    """
    if isinstance(value, str):
        return _USERINFO.sub(rf"\1:{HIDDEN}", replace_secrets(value, secrets))
    if isinstance(value, Mapping):
        return {key: _hidden_field(key, item, secrets) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)([hide(item, secrets) for item in value])
    return value


def replace_secrets(text: str, secrets: Mapping[str, str]) -> str:
    """``text`` with each secret in it replaced by its reference, the longest first."""
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, secrets[secret])
    return text


def tells_of_secret(key: str) -> bool:
    """Whether a key's name, such as ``password`` or ``token``, says that its value is a secret."""
    return _TELLTALE.search(key) is not None


def _hidden_field(name: object, value: Any, secrets: Mapping[str, str]) -> Any:
    hidden = hide(value, secrets)
    if isinstance(value, str) and value and hidden == value and tells_of_secret(str(name)):
        return HIDDEN
    return hidden


def _texts(value: Any) -> Iterable[str]:
    """Every text within plain data."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _texts(item)


def _details(error: ValidationError) -> list[InitErrorDetails]:
    """The parts of an error, ready to be raised anew among others."""
    ours = []
    for part in error.errors(include_url=False):
        context = part.get("ctx", {})
        kind: Any = part["type"]
        if kind not in _KNOWN_ERRORS:
            kind = PydanticCustomError(kind, "{text}", {"text": part["msg"]})
        ours.append(InitErrorDetails(type=kind, loc=part["loc"], input=part["input"], ctx=context))
    return ours


_KNOWN_ERRORS = frozenset(get_args(ErrorType))
