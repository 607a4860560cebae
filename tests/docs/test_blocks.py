"""What stands in a fenced block of README, CONTRIBUTING, docs and examples is true.

A language that is not listed here cannot be checked, so it is refused: add a check for it, or write ``text``.
"""

from __future__ import annotations

import doctest
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from streamgauge.config import ConfigErrors, load
from streamgauge.config.models import Config
from streamgauge.metrics import METRICS
from streamgauge.statistics.columns import reference_of
from streamgauge.statistics.reference_file import encoded
from tests.docs.pages import ROOT, Block, all_blocks, blocks, pages

CHECKED = {"yaml", "json", "python", "console", "bash", "sh", "sql", "text"}
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
def test_yaml_is_what_it_is_called(block: Block, tmp_path, monkeypatch):
    """A configuration without a mistake, unless the fence says ``piece``, ``wrong``, ``prometheus`` or ``values``."""
    monkeypatch.chdir(tmp_path)
    for secret in re.findall(r"\$\{file:([^}]+)\}", block.text):
        (tmp_path / secret).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / secret).write_text("a secret\n")
    make_references(block.text)
    make_models(block.text)
    if "prometheus" in block.words:
        names_our_metrics(yaml.safe_load(block.text))
    elif "wrong" in block.words:
        with pytest.raises(ConfigErrors):
            load(block.text, environ=AnyValue())
    elif "values" in block.words:
        assert block.words[1:], f"{block}: say of which chart; tests/deploy/helm renders it with them"
    elif "piece" in block.words:
        load(completed(yaml.safe_load(block.text)), environ=AnyValue())
    else:
        load(block.text, environ=AnyValue())


def make_references(text: str) -> None:
    """The references of payments that a configuration names, in this folder."""
    made = encoded(reference_of({"amount": [1.5, 2.0, 8.25], "country": ["CH", "DE"]}))
    for name in re.findall(r"reference: ([\w-]+\.reference)", text):
        Path(name).write_bytes(made)


def make_models(text: str) -> None:
    """The models of three numbers that a configuration names, in this folder."""
    for name in re.findall(r"path: ([\w-]+\.skops)", text):
        import skops.io
        from sklearn.linear_model import LogisticRegression

        skops.io.dump(LogisticRegression().fit([[0, 0, 0], [1, 1, 1]], [0, 1]), name)


def names_our_metrics(file: Any) -> None:
    """A part of Prometheus' configuration, or rules over metrics that exist."""
    assert set(file) <= {"scrape_configs", "groups"}
    rules = [rule for group in file.get("groups", ()) for rule in group["rules"]]
    known = {metric.name for metric in METRICS}
    for rule in rules:
        assert set(re.findall(r"\b(?:streamgauge|kafka|http)_\w+", rule["expr"])) <= known
    assert rules or file["scrape_configs"]


def completed(piece: Any) -> dict[str, Any]:
    """A piece of a file with what it leaves out: the payments stream, a rule, the channels it names.

    Other pieces stand one level lower: a stream, a monitor, or one of their parts.
    """
    if not set(piece) <= set(Config.model_fields):
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


@pytest.mark.parametrize("block", all_blocks("sql"), ids=str)
def test_sql_runs_and_answers(block: Block, tmp_path):
    """Statements of ours run as they stand; ``theirs`` are another program's, and must not stand in our manner."""
    file = tmp_path / "statements.sql"
    file.write_text(block.text, "utf-8")
    parameters = [part for word in block.words if "=" in word for part in ("--set", word)]
    asked = [sys.executable, "-m", "streamgauge", "query", "-f", str(file), *parameters, "--json"]
    done = subprocess.run(asked, text=True, capture_output=True, check=False)
    if "theirs" not in block.words:
        assert done.returncode == 0, f"{block}: {done.stderr}"
        assert done.stdout.strip(), f"{block}: it answers nothing"
    else:
        assert done.returncode != 0, f"{block}: it runs here as it stands, so leave out `theirs`"


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


PAGES = [page for page in pages() if any(block.language == "python" for block in blocks(page))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_python_runs(page, tmp_path, monkeypatch):
    """All blocks of a page, one after the other, in one namespace and a folder with what the page presupposes."""
    monkeypatch.chdir(tmp_path)
    if page.match("channels/csv.md"):
        (tmp_path / "alerts").mkdir()
        (tmp_path / "alerts/burst.csv").write_text("notice,status\nb-1-1,firing\nb-1-1,firing\n")
    names: dict[str, Any] = {"__name__": "page"}
    for block in blocks(page):
        if block.language != "python":
            continue
        if ">>> " in block.text:
            test = doctest.DocTestParser().get_doctest(block.text, names, str(block), str(page), block.line)
            runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
            runner.run(test, clear_globs=False)
            assert runner.failures == 0, f"{block}: see above"
            names.update(test.globs)
        else:
            exec(compile(block.text, str(block), "exec", dont_inherit=True), names)
