"""Every text stands in one place, is used, and is filled in with what it asks for."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from streamgauge import dashboard
from streamgauge.dashboard.words import ENGLISH, LANGUAGES, say

FILES = sorted(Path(dashboard.__file__).parent.rglob("*.py"))
SHOWN = {
    "title",
    "header",
    "subheader",
    "caption",
    "markdown",
    "write",
    "text",
    "info",
    "error",
    "warning",
    "success",
    "toast",
}


def calls() -> Iterator[tuple[Path, ast.Call]]:
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call):
                yield path, node


def named() -> Iterator[tuple[str, str, set[str]]]:
    """Where, the name of a text (`*` for what is put in while it runs), and what it is given."""
    for path, call in calls():
        called = call.func.id if isinstance(call.func, ast.Name) else ""
        if called not in ("words", "say") or not call.args:
            continue
        name = call.args[0]
        given = {keyword.arg or "" for keyword in call.keywords}
        if isinstance(name, ast.Constant):
            yield f"{path.name}:{call.lineno}", str(name.value), given
        elif isinstance(name, ast.JoinedStr):
            parts = [str(part.value) if isinstance(part, ast.Constant) else "*" for part in name.values]
            yield f"{path.name}:{call.lineno}", "".join(parts), given


def test_what_is_said_is_there_and_is_given_what_it_asks_for():
    found = list(named())
    assert len(found) > 80
    for where, name, given in found:
        pattern = re.compile(re.escape(name).replace(r"\*", "[a-z0-9_]+"))
        fitting = [text for known, text in ENGLISH.items() if pattern.fullmatch(known)]
        assert fitting, f"{where}: there is no text {name!r}"
        asked = [set(re.findall(r"\{(\w+)", text)) for text in fitting]
        assert given in asked, f"{where}: {name!r} asks for {asked}"


def test_no_text_is_left_over():
    patterns = [re.escape(name).replace(r"\*", "[a-z0-9_]+") for _, name, _ in named()]
    handed_on = {
        node.value
        for path in FILES
        if path.name != "words.py"
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    unused = [
        name
        for name in ENGLISH
        if name not in handed_on and not any(re.fullmatch(pattern, name) for pattern in patterns)
    ]
    assert not unused


def test_pages_hold_no_text_of_their_own():
    own = [
        f"{path.name}:{call.lineno}"
        for path, call in calls()
        if isinstance(call.func, ast.Attribute)
        and call.func.attr in SHOWN
        and isinstance(call.func.value, ast.Name)
        and call.func.value.id == "st"
        and call.args
        and isinstance(call.args[0], ast.Constant)
    ]
    assert not own


def test_another_language_stands_in_where_it_has_a_name(monkeypatch):
    monkeypatch.setattr("streamgauge.dashboard.words.LANGUAGES", {**LANGUAGES, "de": {"key": "Schlüssel"}})
    assert (say("key", "de-CH"), say("monitor", "de-CH"), say("key", "xx")) == ("Schlüssel", "Monitor", "Key")
