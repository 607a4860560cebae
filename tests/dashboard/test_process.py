"""The app's process: what it is started with, and when it is not."""

import ast
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from streamgauge import dashboard
from streamgauge.dashboard.process import App, check_shared, free_port
from streamgauge.dashboard.reach import Reach
from streamgauge.errors import ConfigError, OutsideError

SECRET = "sgt_1_secret"
OUTSIDE = {"sqlalchemy", "confluent_kafka", "stores", "engines", "plan", "kafka"}


def test_the_token_goes_by_the_environment_alone():
    app = App(Reach("http://h:1", "http://p:1", SECRET))
    assert SECRET not in " ".join(app.command())
    given = {"PATH": "/bin", "STREAMGAUGE_TOKEN_FILE": "somewhere", "STREAMGAUGE_TOKEN": "another"}
    found = app.environment(given)
    assert found == {
        "PATH": "/bin", "STREAMGAUGE_API": "http://h:1", "STREAMGAUGE_PAGES": "http://p:1", "STREAMGAUGE_TOKEN": SECRET,
        "STREAMGAUGE_UI_SHARED": "0",
    }  # fmt: skip
    assert "STREAMGAUGE_TOKEN" not in App(Reach()).environment(given)


def test_it_sends_nothing_about_its_use():
    assert "--browser.gatherUsageStats=false" in App(Reach()).command()


def test_a_port_that_is_taken_is_said():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(OutsideError, match=str(port)):
            free_port("127.0.0.1", port)
    assert free_port("127.0.0.1", 0) > 0


def test_others_are_not_handed_the_token():
    with pytest.raises(ConfigError, match="can be reached by others"):
        check_shared(Reach(token=SECRET), "0.0.0.0", loopback=False)
    check_shared(Reach(token=SECRET), "127.0.0.1", loopback=True)
    check_shared(Reach(), "0.0.0.0", loopback=False)


def test_without_streamlit_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr("streamgauge.dashboard.process.find_spec", lambda _: None)
    with pytest.raises(OutsideError, match=r"streamgauge\[ui\]"):
        App(Reach(), port=0).start()


def test_the_verb_loads_nothing_of_it_before_it_runs():
    code = "import streamgauge.cli.ui, streamgauge.dashboard.process, sys; print(sorted({'streamlit', 'altair', 'pandas'} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"


def test_what_altair_asks_about_is_there_whole_before_anything_is_drawn():
    """Two readers at once, the first ever: a library that one's thread is still loading broke the other's chart."""
    code = "import sys, streamgauge.dashboard.axes; print({'pandas', 'polars', 'pyarrow'} - set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize(
    "path", sorted(Path(dashboard.__file__).parent.rglob("*.py")), ids=lambda path: path.stem
)
def test_it_touches_neither_the_store_nor_kafka(path):
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        modules += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        assert not OUTSIDE & {part for module in modules for part in module.split(".")}
