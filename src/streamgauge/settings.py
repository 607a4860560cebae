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
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, get_args

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
from pydantic_core import CoreSchema, InitErrorDetails, PydanticCustomError, core_schema
from pydantic_core.core_schema import ErrorType, ValidationInfo

from streamgauge.clock import format_duration
from streamgauge.durations import Duration

HIDDEN = "***"
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
            mistakes = [unknown_key(str(key), known) for key in unknown]
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


def unknown_key(key: str, known: Iterable[str]) -> InitErrorDetails:
    """The mistake of a key that does not exist."""
    error = PydanticCustomError("unknown_key", "{text}", {"text": f"unknown key; {nearest(key, known)}"})
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
