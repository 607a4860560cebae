"""What stands in a fenced block of README, CONTRIBUTING, docs and examples is true.

A language that is not listed here cannot be checked, so it is refused: add a check for it, or write ``text``.
"""

from __future__ import annotations

import doctest
import json
import re
import subprocess
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml

from streamgauge.config import load
from tests.docs.pages import Block, all_blocks, blocks, pages

CHECKED = {"yaml", "json", "python", "console", "bash", "sh", "toml", "text"}
STREAM = {
    "source": {"type": "files", "path": "payments.ndjson"},
    "format": "json",
    "fields": {
        "id": "string",
        "account": "string",
        "amount": {"type": "float", "min": 0},
        "country": "string",
        "status": "string",
        "at": "timestamp",
    },
    "time": "at",
}
RULE = {"stream": "payments", "detect": {"type": "silence", "after": "30s"}}


class AnyValue(Mapping[str, str]):
    """An environment in which every variable is set."""

    def __getitem__(self, name: str) -> str:
        return f"https://example.com/{name.lower()}"

    def __contains__(self, name: object) -> bool:
        return True

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


@pytest.mark.parametrize("block", all_blocks(), ids=str)
def test_each_block_says_what_it_is(block: Block):
    assert block.language in CHECKED, (
        f"{block}: a block in {block.language or 'no language'} is not checked by anything"
    )


@pytest.mark.parametrize("block", all_blocks("yaml"), ids=str)
def test_yaml_is_a_configuration(block: Block, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if "piece" in block.words:
        load(completed(yaml.safe_load(block.text)), environ=AnyValue())
    else:
        load(block.text, environ=AnyValue())


def completed(piece: Any) -> dict[str, Any]:
    """A piece of a file with what it leaves out: the payments stream, a rule, the channels it names.

    Other pieces stand one level lower: a stream, a monitor, or one of their parts.
    """
    if not set(piece) <= {"streams", "monitors", "channels", "store", "server"}:
        piece = _lifted(piece)
    made: dict[str, Any] = {"streams": {}, "monitors": {"rule": RULE}, **piece}
    streams = {name: {**STREAM, **given} for name, given in (piece.get("streams") or {}).items()}
    made["streams"] = {"payments": STREAM, **streams}
    made["monitors"] = {name: {**RULE, **given} for name, given in made["monitors"].items()}
    told = {channel for rule in made["monitors"].values() for channel in _listed(rule.get("notify", ()))}
    channels = {name: {"type": "console"} for name in told} | (piece.get("channels") or {})
    return {**made, **({"channels": channels} if channels else {})}


def _lifted(piece: Mapping[str, Any]) -> dict[str, Any]:
    of_monitor = {"stream", "where", "window", "detect", "for", "notify", "no_data_after", "order", "samples"}
    return {"monitors": {"rule": piece}} if set(piece) <= of_monitor else {"streams": {"payments": piece}}


def _listed(names: Any) -> list[str]:
    return [names] if isinstance(names, str) else list(names)


@pytest.mark.parametrize("block", all_blocks("json"), ids=str)
def test_json_is_json(block: Block):
    try:
        json.loads(block.text)
    except json.JSONDecodeError:  # one object per line
        assert [json.loads(line) for line in block.text.splitlines() if line.strip()]


@pytest.mark.parametrize("block", all_blocks("toml"), ids=str)
def test_toml_is_toml(block: Block):
    assert tomllib.loads(block.text)


@pytest.mark.parametrize("block", all_blocks("bash", "sh"), ids=str)
def test_shell_parses_and_names_what_there_is(block: Block):
    done = subprocess.run(["bash", "-n"], input=block.text, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    known = subprocess.run(["make", "help"], text=True, capture_output=True, check=True).stdout
    for target in re.findall(r"^make ([a-z-]+)", block.text, flags=re.MULTILINE):
        assert f"make {target} " in known, f"{block}: there is no `make {target}`"
    verbs = subprocess.run(["streamgauge", "--help"], text=True, capture_output=True, check=True).stdout
    for verb in re.findall(r"streamgauge ([a-z-]+)", block.text):
        assert re.search(rf"^ +{verb}\b", verbs, flags=re.MULTILINE), f"{block}: there is no verb `{verb}`"


@pytest.mark.parametrize(
    "page", [page for page in pages() if any(b.language == "python" for b in blocks(page))], ids=str
)
def test_python_runs(page, tmp_path, monkeypatch):
    """All blocks of a page, one after the other, in an empty folder with one namespace."""
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "page"}
    for block in blocks(page):
        if block.language != "python" or "elsewhere" in block.words:
            continue
        if ">>> " in block.text:
            test = doctest.DocTestParser().get_doctest(block.text, names, str(block), str(page), block.line)
            runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
            runner.run(test, clear_globs=False)
            assert runner.failures == 0, f"{block}: see above"
            names.update(test.globs)
        else:
            exec(compile(block.text, str(block), "exec", dont_inherit=True), names)
