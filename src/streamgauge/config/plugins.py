"""The word after ``type:`` is a module's name: finding it, importing that one, and listing what there is.

Third parties join through the entry-point groups ``streamgauge.sources``, ``.formats``, ``.detectors``,
``.channels`` and ``.sinks``: the entry's name is the word, its value the module.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from streamgauge.config.windows import WINDOW_TYPES
from streamgauge.errors import ConfigError
from streamgauge.settings import Settings, nearest, wrong

if TYPE_CHECKING:
    from streamgauge.batch import ColumnKind
    from streamgauge.detectors.contract import DetectorConfig
    from streamgauge.windows.aggregates import Part

_PACKAGE = Path(__file__).parent.parent
_OFFERS_CONFIG = re.compile(r"^class Config\b|^from [\w.]+ import (\([^)]*|.*)\bConfig\b", re.MULTILINE)


def names(kind: str) -> list[str]:
    """The words that may follow ``type:`` for a ``kind`` (``sources``, ``windows`` …); imports nothing."""
    if kind == "windows":
        return list(WINDOW_TYPES)
    joined = {entry.name for entry in entry_points(group=f"streamgauge.{kind}")}
    return sorted(joined.union(_offering(kind)))


def module(kind: str, name: str) -> ModuleType:
    """The module that ``type: name`` stands for.

    Raises:
        ConfigError: there is none, or something that it needs is not installed.
    """
    try:
        return _module(kind, name)
    except ImportError as error:
        raise ConfigError(
            f"`{name}` cannot be used here: {error}; install what is missing, or use another type"
        ) from error


def config_class(kind: str, name: str) -> type[Settings]:
    """The model of what may be written beside ``type: name``; raises as :func:`module`."""
    if kind == "windows" and name in WINDOW_TYPES:
        return WINDOW_TYPES[name]
    found: type[Settings] = module(kind, name).Config
    return found


def computed_for(config: DetectorConfig, kinds: Mapping[str, ColumnKind]) -> Mapping[str, Part]:
    """What a detector asks its window to keep beside ``compute:``; nothing where its module does not say.

    Args:
        config: what stands under ``detect:``.
        kinds: the fields of the stream.

    Raises:
        ConfigError: what it needs does not fit the stream.
    """
    computes = getattr(module("detectors", config.type), "computes", None)
    found: Mapping[str, Part] = {} if computes is None else computes(config, kinds)
    return found


@dataclass(frozen=True, slots=True)
class ByType:
    """Marks a field whose model is picked by the word after ``type:``.

    With ``shorthand``, the word alone stands for a mapping with nothing but ``type``.
    """

    kind: str
    shorthand: bool = False

    def read(self, value: Any, info: core_schema.ValidationInfo) -> Settings:
        """Validate ``value`` by the model that its ``type`` names."""
        if isinstance(value, Settings):
            return value
        if self.shorthand and isinstance(value, str):
            value = {"type": value}
        if not isinstance(value, Mapping):
            raise PydanticCustomError("dict_type", "expected a mapping")
        return self._model(value).model_validate(value, context=info.context)

    def _model(self, value: Mapping[str, Any]) -> type[Settings]:
        name = value.get("type")
        if name is None:
            raise _no_type(names(self.kind))
        if not isinstance(name, str):
            raise wrong("type", f"expected one of: {', '.join(names(self.kind))}")
        try:
            return config_class(self.kind, name)
        except ConfigError as error:
            raise wrong("type", str(error)) from None

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Validate through :meth:`read`; ``None`` stays with the field's own type."""
        return core_schema.with_info_plain_validator_function(self.read)

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """One of all models of this kind, told apart by ``type``."""
        choices = []
        for name in names(self.kind):
            reference = handler(config_class(self.kind, name).__pydantic_core_schema__)
            model = handler.resolve_ref_schema(reference)
            model["properties"]["type"] = {"const": name}
            model["required"] = ["type", *(key for key in model.get("required", ()) if key != "type")]
            choices.append(reference)
        words = [{"enum": names(self.kind)}] if self.shorthand else []
        return {"oneOf": [*words, *choices]}


def _no_type(known: list[str]) -> PydanticCustomError:
    text = f"`type` is missing; expected one of: {', '.join(known)}"
    return PydanticCustomError("no_type", "{text}", {"text": text})


@cache
def _offering(kind: str) -> dict[str, Path]:
    """The modules and packages of a folder that offer a ``Config``, by name."""
    folder = _PACKAGE / kind
    found = {path.stem: path for path in folder.glob("*.py") if path.stem not in ("__init__", "contract")}
    found |= {path.parent.name: path for path in folder.glob("*/__init__.py")}
    return {
        name: path for name, path in found.items() if _OFFERS_CONFIG.search(path.read_text(encoding="utf-8"))
    }


def _module(kind: str, name: str) -> ModuleType:
    if name in _offering(kind):
        return importlib.import_module(f"streamgauge.{kind}.{name}")
    for entry in entry_points(group=f"streamgauge.{kind}", name=name):
        loaded: ModuleType = entry.load()
        return loaded
    written = name if name.isprintable() else repr(name)[1:-1]
    raise ConfigError(f"unknown type `{written}`; {nearest(name, names(kind))}")
