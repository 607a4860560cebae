"""``docs/connect.md`` tells every key of the sinks, with its default."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "connect" / "slack-sink" / "src" / "main" / "java" / "io" / "streamgauge" / "connect"
ROWS = dict(
    re.findall(
        r"^\| (`[a-z.]+`(?:, `[a-z.]+`)*) \|.*\|([^|]*)\|$",
        (ROOT / "docs" / "connect.md").read_text("utf-8").split("What the receiver answers")[0],
        flags=re.MULTILINE,
    )
)


def keys() -> dict[str, str]:
    """Each key of the sources with what stands in place of its default."""
    text = "".join(path.read_text("utf-8") for path in sorted(SOURCES.glob("*.java")))
    names = dict(re.findall(r'static final String (\w+) = "([a-z.]+)";', text))
    defined = re.findall(r"\.define\((\w+), Type\.\w+, ([^,]+),", text)
    return {names[name]: default.rstrip("L").strip('"') for name, default in defined}


def test_no_key_is_told_that_does_not_exist():
    assert {name.strip("`") for name in ROWS} == keys().keys()


@pytest.mark.parametrize("key", keys())
def test_the_default_is_told(key: str):
    told, default = ROWS[f"`{key}`"].strip(), keys()[key].replace("_", "")
    spoken = {"ConfigDef.NODEFAULTVALUE": "", "null": None, "rate": "`1` for Slack, `0` for HTTP"}
    expected = spoken.get(default, f"`{default}`")
    assert told == expected or (expected is None and told and "`" not in told), told
