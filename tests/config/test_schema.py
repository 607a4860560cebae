"""The editors' schema says what the models say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from streamgauge.config import plugins
from streamgauge.config.models import FieldConfig
from streamgauge.config.reading import read
from streamgauge.config.schema import schema, schema_text
from streamgauge.config.substitution import Substitution
from tests.config.reading import GOOD, HERE, Bad, bad_files

CHECKED_IN = Path(__file__).parents[2] / "docs" / "reference" / "streamgauge.schema.json"


def plain(path: Path) -> Any:
    """The file as an editor sees it: references are not replaced."""
    document, _ = read(path.read_text(encoding="utf-8").replace("${", "$${"), None, Substitution({}, HERE))
    return document.data


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    """The schema, which nobody changes."""
    return schema()


@pytest.fixture(scope="module")
def validator(made: dict[str, Any]) -> jsonschema.Draft202012Validator:
    jsonschema.Draft202012Validator.check_schema(made)
    return jsonschema.Draft202012Validator(made)


def test_the_checked_in_schema_is_the_printed_one():
    assert CHECKED_IN.read_text(encoding="utf-8") == schema_text(), (
        "run `uv run streamgauge schema --out docs/reference/streamgauge.schema.json`"
    )


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_good_files_validate(path: Path, validator: jsonschema.Draft202012Validator):
    data = plain(path)
    assert [error.message for error in validator.iter_errors(data)] == []


@pytest.mark.parametrize("bad", bad_files(), ids=str)
def test_editors_see_mistakes_of_shape(bad: Bad, validator: jsonschema.Draft202012Validator):
    if bad.editor == "cannot read it":
        assert bad.path.stem.startswith("yaml-")
        return
    assert validator.is_valid(plain(bad.path)) is (bad.editor == "does not see it")


@pytest.mark.parametrize("kind", ["sources", "formats", "detectors", "channels", "windows"])
def test_every_type_is_in_the_schema(kind: str, made: dict[str, Any]):
    words = {choice["const"] for choice in _types(made)}
    assert set(plugins.names(kind)) <= words
    assert plugins.names(kind)


def test_shorthands_are_in_the_schema(validator: jsonschema.Draft202012Validator):
    base = plain(HERE / "good" / "synthetic.yaml")
    stream = base["streams"]["payments"]
    for field in ("string", {"type": "int", "min": 0}, {"type": "int", "min": "${LEAST}"}):
        stream["fields"]["x"] = field
        for form in ("json", {"type": "json"}, "${FORMAT}"):
            stream["format"] = form
            assert validator.is_valid(base), (field, form)
    stream["lateness"] = "1h30m"
    assert validator.is_valid(base | {"store": "sqlite:///x.db"})
    assert validator.is_valid(base | {"store": {"history": "2h"}})
    assert not validator.is_valid(base | {"store": "x.db"})


def test_fields_are_described_for_the_reader(made: dict[str, Any]):
    properties = made["$defs"]["FieldConfig"]["properties"]
    assert properties["path"]["description"].startswith("Where it lies")
    assert set(properties) == {field.alias or name for name, field in FieldConfig.model_fields.items()}


def test_defaults_are_written_as_people_write_them(made: dict[str, Any]):
    assert made["$defs"]["StreamConfig"]["properties"]["max_ahead"]["default"] == "10m"
    assert '"PT' not in json.dumps(made)


def _types(part: Any) -> Iterator[dict[str, str]]:
    if isinstance(part, dict):
        if "const" in part:
            yield part
        for value in part.values():
            yield from _types(value)
    elif isinstance(part, list):
        for value in part:
            yield from _types(value)
