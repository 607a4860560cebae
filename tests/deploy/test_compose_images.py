"""The files that images are made of: what they name is there, and they run as nobody. They are not built here."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from itertools import pairwise
from pathlib import Path

import pytest
import typer
import yaml

from streamgauge.cli._group import verbs
from tests.deploy import compose
from tests.deploy.compose import ROOT
from tests.deploy.images.building import stands_on

IMAGES = sorted((ROOT / "deploy/images").glob("*/Dockerfile"))
TEXT = {path.parent.name: path.read_text("utf-8") for path in IMAGES}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
BUILT = {name: one for name, one in compose.services().items() if "build" in one}


def in_context(path: str) -> bool:
    """Whether .dockerignore lets a path through: the last line that fits it decides."""
    kept = True
    for line in (ROOT / ".dockerignore").read_text("utf-8").split():
        pattern, shown = line.removeprefix("!"), line.startswith("!")
        if fnmatch(path, pattern) or (shown and f"{path}/".startswith(f"{pattern}/")):
            kept = shown
    return kept


@pytest.mark.parametrize("image", TEXT)
def test_what_is_copied_is_there_and_sent(image):
    copied = [
        source
        for line in re.findall(r"^COPY (?!.*--from)(.+)$", TEXT[image], flags=re.MULTILINE)
        for source in line.split()[:-1]
        if not source.startswith("--")
    ]
    for path in copied:
        assert (ROOT / path).exists(), path
        assert in_context(path), f"{path} is held back by .dockerignore"
    assert copied or image == "jmx-agent"


def test_what_is_of_no_use_is_not_sent():
    assert not any(
        in_context(path) for path in (".git", ".env", ".venv", "tests", "connect/slack-sink/target")
    )


@pytest.mark.parametrize("image", TEXT)
def test_what_it_stands_on_is_pinned(image):
    names = dict(re.findall(r"^ARG (\w+)=(\S+)$", TEXT[image], flags=re.MULTILINE))
    stages = set(re.findall(r" AS ([\w-]+)$", TEXT[image], flags=re.MULTILINE))
    froms = re.findall(r"(?:^FROM |--from=)(\S+)", TEXT[image], flags=re.MULTILINE)
    outside = {names.get(one.strip("${}"), one) for one in froms} - stages
    assert outside
    assert [one for one in outside if not re.fullmatch(r"[\w./-]+:\d+\.\d+[\w.-]+", one)] == []


def test_every_tag_of_others_is_listed_in_the_docs():
    """There, since no test asks a registry, and readers should know which they are."""
    page = (ROOT / "docs/compose.md").read_text("utf-8").split("## Versions")[1]
    listed = set(re.findall(r"`([\w./-]+:[\w.-]+)`", page))
    for file in IMAGES:
        text = file.read_text("utf-8")
        for target in (None, *re.findall(r"^FROM .+ AS (\S+)$", text, flags=re.MULTILINE)):
            assert set(stands_on(text, target)[1]) <= listed
    used = {name: one["image"] for name, one in compose.services().items() if "build" not in one}
    assert [(name, image) for name, image in used.items() if image not in listed] == []


@pytest.mark.parametrize("image", TEXT)
def test_each_target_runs_as_a_number_that_is_not_root(image):
    *_, last = re.findall(r"^USER (.+)$", TEXT[image], flags=re.MULTILINE)
    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", last)
    targets = {one["build"].get("target") for one in BUILT.values() if image in one["build"]["dockerfile"]}
    for target in targets - {None}:
        stage = re.split(rf"^FROM .+ AS {target}$", TEXT[image], flags=re.MULTILINE)[1].split("\nFROM ")[0]
        assert f"USER {last}" in stage


@pytest.mark.parametrize(("image", "chart"), [("streamgauge", "streamgauge"), ("connect", "kafka-connect")])
def test_the_number_is_the_one_of_the_chart(image, chart):
    values = yaml.safe_load((ROOT / "deploy/helm" / chart / "values.yaml").read_text("utf-8"))
    pod = values["podSecurityContext"]
    assert f"USER {pod['runAsUser']}:{pod['runAsGroup']}" in TEXT[image]
    for path in values["writablePaths"]:
        assert path in TEXT[image]


@pytest.mark.parametrize("name", BUILT)
def test_a_service_of_ours_may_write_nothing_but_what_is_listed(name):
    one = BUILT[name]
    assert (one["read_only"], one["cap_drop"]) == (True, ["ALL"])
    assert one["security_opt"] == ["no-new-privileges:true"]
    assert (ROOT / one["build"]["dockerfile"]).exists()
    if target := one["build"].get("target"):
        assert f" AS {target}\n" in TEXT["streamgauge"]


def test_versions_are_those_of_the_project():
    wanted = re.search(r"UV_VERSION := (\S+)", (ROOT / "Makefile").read_text("utf-8"))
    assert wanted is not None
    assert f"uv=={wanted[1]}" in TEXT["streamgauge"]
    extras = set(re.findall(r"--extra (\S+)", TEXT["streamgauge"]))
    assert extras <= set(PROJECT["project"]["optional-dependencies"])
    (spark,) = [
        one for one in PROJECT["project"]["optional-dependencies"]["spark"] if one.startswith("pyspark")
    ]
    connector = (ROOT / "deploy/images/streamgauge/spark-connector.xml").read_text("utf-8")
    assert f"<version>{spark.partition('==')[2]}</version>" in connector.split("spark-sql-kafka")[1]
    kafka = re.search(r"<kafka.version>(.+)</", (ROOT / "connect/slack-sink/pom.xml").read_text("utf-8"))
    assert kafka is not None
    assert f"FROM apache/kafka:{kafka[1]}\n" in TEXT["connect"]
    assert compose.services()["kafka"]["image"] == f"apache/kafka:{kafka[1]}"


def test_verbs_and_options_that_services_are_started_with_are_there():
    group, seen = verbs(), set()
    for name, one in BUILT.items():
        words = " ".join(one["command"]).split() if "command" in one else []
        for verb, following in pairwise(words):
            if verb not in group.list_commands(None) or following.startswith("--conf="):
                continue
            command = group.get_command(typer.Context(group), verb)
            parts = [command, *getattr(command, "commands", {}).values()]
            known = {option for part in parts for parameter in part.params for option in parameter.opts}
            used = {word.partition("=")[0] for word in words if word.startswith("--")}
            assert used <= known, f"{name}: {used - known}"
            seen.add(verb)
            break
    assert seen == {"run", "notify", "ui", "token"}


def test_a_worker_gets_its_settings_by_the_names_that_kafka_connect_has(tmp_path):
    made = tmp_path / "worker.properties"
    given = {
        "PATH": os.environ["PATH"],
        "WORKER_PROPERTIES": str(made),
        "WORKER_START": "cat",
        "CONNECT_GROUP_ID": "a",
        "CONNECT_CONFIG_PROVIDERS_ENV_CLASS": "b.C",
        "CONNECT_ODD__NAME___HERE": r"back\slash and ${env:SLACK}",
        "CONNECT_SASL_JAAS_CONFIG": 'Login required\n  user="x=y";',
        "OTHER": "not for it",
    }
    started = ["bash", str(ROOT / "deploy/images/connect/start.sh")]
    done = subprocess.run(started, env=given, text=True, capture_output=True, check=True)
    assert done.stdout == made.read_text("utf-8")
    assert done.stdout.splitlines() == [
        "config.providers.env.class=b.C",
        "group.id=a",
        r"odd_name-here=back\\slash and ${env:SLACK}",
        'sasl.jaas.config=Login required\\n  user="x=y";',
    ]
    assert made.stat().st_mode & 0o077 == 0


AIRFLOW = ROOT / "integrations/airflow"


def test_airflow_has_streamgauge_as_the_other_images_have_it():
    text, service = (AIRFLOW / "Dockerfile").read_text("utf-8"), compose.services()["airflow"]
    copied = re.findall(r"^COPY --chown=\S+ (.+) \S+$", text, flags=re.MULTILINE)
    for path in " ".join(copied).split():
        assert (ROOT / path).exists()
        assert in_context(path), f"{path} is held back by .dockerignore"
    listed = (ROOT / "docs/compose.md").read_text("utf-8").split("## Versions")[1]
    bases = set(re.findall(r"^FROM (\S+)", text, flags=re.MULTILINE))
    assert [one in listed for one in bases] == [True]
    assert service["image"].rpartition(":")[2] == bases.pop().rpartition(":")[2]
    assert re.findall(r"uv==(\S+)", text) == re.findall(r"uv==(\S+)", TEXT["streamgauge"])
    assert set(re.findall(r"--extra (\S+)", text)) == {"postgres", "redis"}
    (home,) = re.findall(r"UV_PROJECT_ENVIRONMENT=(\S+)", text)
    assert f"ENV STREAMGAUGE_COMMAND={home}/bin/streamgauge\n" in text


def test_airflow_is_given_what_the_configurations_of_its_dags_name():
    given = compose.services()["airflow"]["environment"]
    named = {
        name
        for file in ("sender.yaml", "streamgauge.yaml")
        for name in re.findall(r"\$\{(\w+)\}", (ROOT / "examples/network" / file).read_text("utf-8"))
    }
    assert "BROKERS" in named
    assert named <= set(given)
    mounted = dict(volume.split(":")[:2][::-1] for volume in compose.services()["airflow"]["volumes"])
    assert mounted[given["PYTHONPATH"]] == "./integrations/airflow/dags"


def test_airflow_starts_with_pools_and_an_example_that_is_copied_once(tmp_path: Path):
    folder, calls = tmp_path / "work", tmp_path / "calls"
    (tmp_path / "bin").mkdir()
    stand_in = tmp_path / "bin" / "airflow"
    stand_in.write_text(f'#!/bin/sh\necho "$@" >> {calls}\n')
    stand_in.chmod(0o755)
    environ = {
        "PATH": f"{stand_in.parent}:{os.environ['PATH']}",
        "STREAMGAUGE_FOLDER": str(folder),
        "STREAMGAUGE_EXAMPLE": str(ROOT / "examples/network"),
        "STREAMGAUGE_PYTHON": sys.executable,
    }

    def started() -> list[str]:
        calls.unlink(missing_ok=True)
        command = ["bash", str(AIRFLOW / "start.sh")]
        subprocess.run(command, env=environ, check=True, capture_output=True, timeout=120)
        return calls.read_text().splitlines()

    wanted = ["db migrate", f"pools import {AIRFLOW}/pools.json", "standalone"]
    assert started() == wanted
    assert {"sender.yaml", "streamgauge.yaml", "data"} <= {path.name for path in folder.iterdir()}
    assert list((folder / "data").glob("*.ndjson"))
    (folder / "sender.yaml").write_text("mine")
    (newest, *_) = (folder / "data").glob("*.ndjson")
    newest.unlink()
    assert started() == wanted
    assert ((folder / "sender.yaml").read_text(), newest.exists()) == ("mine", False)
