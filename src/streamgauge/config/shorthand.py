"""One text that stands for a mapping with one key, such as ``store: sqlite:///x.db``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema


@dataclass(frozen=True, slots=True)
class Shorthand:
    """Marks a field whose model may be written as the text of one of its keys."""

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
