"""Verbs are files; help is quick and loads nothing heavy; errors end with a sentence and a code."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import streamgauge
from streamgauge.cli import _group, main
from streamgauge.errors import ConfigError, DetectorFailedError, SourceError, StoreTooNewError
from tests.cli.running import streamgauge as run

VERBS = [path.stem for path in sorted(_group.FOLDER.glob("*.py")) if not path.stem.startswith("_")]
HEAVY = (
    "polars",
    "numba",
    "confluent_kafka",
    "sqlalchemy",
    "fastapi",
    "httpx",
    "pyarrow",
    "sqlglot",
    "numpy",
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of verbs of our own in place of the real one."""
    import streamgauge.cli

    monkeypatch.setattr(_group, "FOLDER", tmp_path)
    monkeypatch.setattr(streamgauge.cli, "__path__", [str(tmp_path)])
    importlib.invalidate_caches()
    return tmp_path


@pytest.fixture(autouse=True)
def _forget_verbs():
    before = set(sys.modules)
    yield
    for name in [name for name in sys.modules if name.startswith("streamgauge.cli.") and name not in before]:
        del sys.modules[name]


def code_of(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    code = ended.value.code
    return 0 if code is None else int(code)


@pytest.mark.parametrize("verb", VERBS)
def test_what_may_be_left_out_stands_in_one_pair_of_brackets(verb: str, capsys: pytest.CaptureFixture[str]):
    code_of(verb.replace("_", "-"), "--help")
    usage = capsys.readouterr().out.partition("\n\n")[0]
    assert "[[" not in usage
    assert "......" not in usage


def test_help_lists_every_verb_with_its_line():
    out = run("--help")
    assert out.returncode == 0
    for verb in VERBS:
        line = _group.first_line(_group.FOLDER / f"{verb}.py")
        assert line
        assert f"{verb.replace('_', '-')} " in out.stdout
        assert line[:40] in out.stdout


def test_help_loads_nothing_heavy():
    code = (
        "import sys\n"
        "from streamgauge.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        f"print('LOADED', [name for name in {HEAVY!r} if name in sys.modules])\n"
        "print('VERBS', [name for name in sys.modules if name.startswith('streamgauge.cli.')])\n"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "LOADED []" in out
    assert "VERBS ['streamgauge.cli._group']" in out


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_with_an_example(verb: str, capsys: pytest.CaptureFixture[str]):
    assert code_of(verb.replace("_", "-"), "--help") == 0
    assert f"streamgauge {verb.replace('_', '-')}" in capsys.readouterr().out.partition("Example")[2]


@pytest.mark.parametrize("verb", VERBS)
def test_a_verbs_line_says_what_its_help_says(verb: str):
    tree = ast.parse((_group.FOLDER / f"{verb}.py").read_text(encoding="utf-8"))
    assert len((ast.get_docstring(tree) or "").splitlines()[0]) <= 90


def test_version():
    out = run("--version")
    assert (out.returncode, out.stdout) == (0, f"streamgauge {streamgauge.__version__}\n")


def test_wrong_usage_ends_with_2():
    unknown = run("chek", "x.yaml")
    assert unknown.returncode == 2
    assert "did you mean `check`?" in unknown.stderr
    assert run("wholly-other").returncode == 2
    assert run("check").returncode == 2
    assert run("check", "--nope", "x.yaml").returncode == 2


def test_a_file_in_the_folder_is_a_verb(folder: Path, capsys: pytest.CaptureFixture[str]):
    (folder / "say_hello.py").write_text(
        '"""Say hello."""\n\ndef command(name: str) -> None:\n    print("hello", name)\n'
    )
    (folder / "_hidden.py").write_text('"""Not a verb."""\n')
    assert code_of("say-hello", "you") == 0
    assert capsys.readouterr().out == "hello you\n"
    assert code_of("--help") == 0
    listed = capsys.readouterr().out
    assert "say-hello  Say hello" in listed
    assert "hidden" not in listed


def test_a_verb_may_have_verbs_of_its_own(folder: Path, capsys: pytest.CaptureFixture[str]):
    (folder / "gadgets.py").write_text(
        '"""Gadgets."""\nimport typer\n\napp = typer.Typer()\n\n\n'
        '@app.command()\ndef make() -> None:\n    print("made")\n\n\n@app.command()\ndef drop() -> None:\n    print("gone")\n'
    )
    assert code_of("gadgets", "make") == 0
    assert capsys.readouterr().out == "made\n"


@pytest.mark.parametrize(
    ("error", "code"), [(ConfigError, 2), (SourceError, 3), (StoreTooNewError, 3), (DetectorFailedError, 1)]
)
def test_our_errors_end_as_a_sentence(
    error: type[Exception], code: int, folder: Path, capsys: pytest.CaptureFixture[str]
):
    (folder / "fail.py").write_text(
        f'"""Fail."""\n\ndef command() -> None:\n    from streamgauge.errors import {error.__name__}\n'
        f"    raise {error.__name__}('no topic x; create it')\n"
    )
    assert code_of("fail") == code
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "no topic x; create it\n")


def test_a_verb_ends_with_the_code_it_says(folder: Path):
    (folder / "fail.py").write_text(
        '"""Fail."""\nimport typer\n\ndef command() -> None:\n    raise typer.Exit(1)\n'
    )
    assert code_of("fail") == 1


def test_an_interrupt_ends_without_a_traceback(folder: Path, capsys: pytest.CaptureFixture[str]):
    (folder / "wait.py").write_text('"""Wait."""\n\ndef command() -> None:\n    raise KeyboardInterrupt\n')
    assert code_of("wait") == 130
    assert "Traceback" not in capsys.readouterr().err


def test_other_errors_keep_their_traceback(folder: Path):
    (folder / "bug.py").write_text('"""Bug."""\n\ndef command() -> None:\n    raise ZeroDivisionError\n')
    with pytest.raises(ZeroDivisionError):
        main(["bug"])
