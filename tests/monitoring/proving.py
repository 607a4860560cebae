"""How a phase of the proof is run: one system under the Prometheus of ``deploy/monitoring``, and every query asked of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta

import pytest
import yaml

from streamgauge.checkup.metric_names import comparison
from streamgauge.testing import eventually
from tests.monitoring import asked
from tests.services.prometheus import Prometheus

PATIENCE = timedelta(seconds=180)


def scraping(at: Mapping[str, Sequence[int]], every: str = "2s") -> str:
    """prometheus.yml as it is, but for addresses, its pace, and the jobs that are not here.

    Args:
        at: for each job that is here, the ports of its targets on this machine.
        every: how often it scrapes and judges.
    """
    config = yaml.safe_load((asked.MONITORING / "prometheus" / "prometheus.yml").read_text("utf-8"))
    config["global"].update(scrape_interval=every, scrape_timeout=every, evaluation_interval=every)
    config.pop("alerting")
    config["scrape_configs"] = [job for job in config["scrape_configs"] if job["job_name"] in at]
    assert {job["job_name"] for job in config["scrape_configs"]} == set(at)
    for job in config["scrape_configs"]:
        (targets,) = job["static_configs"]
        targets["targets"] = [f"127.0.0.1:{port}" for port in at[job["job_name"]]]
    return str(yaml.safe_dump(config))


def all_answer(prometheus: Prometheus, jobs: Iterable[str], said: Callable[[], str] = str) -> None:
    """Each target of each job is up before long."""

    def up() -> bool:
        told = prometheus.get("targets")["activeTargets"]
        return {one["labels"]["job"] for one in told} == set(jobs) and all(
            one["health"] == "up" for one in told
        )

    try:
        eventually(up, "every target", within=PATIENCE)
    except AssertionError as error:
        pytest.fail(f"{error}\n{said()}", pytrace=False)


def returns(prometheus: Prometheus, questions: Iterable[asked.Asked], said: Callable[[], str] = str) -> None:
    """All of them give series before long; ``said``: the last words of what is watched, for the message."""
    left = list(questions)
    assert left

    def answered() -> bool:
        left[:] = [each for each in left if not prometheus.query(each.expr)]
        return not left

    try:
        eventually(answered, within=PATIENCE)
    except AssertionError:
        lines = "\n".join(f"{each.where}: {each.expr}" for each in left)
        pytest.fail(f"no series:\n{lines}\n{said()}", pytrace=False)


def returns_nothing(prometheus: Prometheus, question: asked.Asked) -> None:
    """It gives no series before long."""
    eventually(lambda: not prometheus.query(question.expr), f"{question.where} gives none", within=PATIENCE)


def of_board(name: str, empty: Iterable[str] = ()) -> list[asked.Asked]:
    """Its panels but for those that are empty on a healthy system, and its variables."""
    healthy = [each for each in asked.of_board(name) if each.where not in set(empty)]
    return healthy + asked.of_variables(name)


def of_rules(group: str, empty: Iterable[str] = ()) -> list[asked.Asked]:
    """The series that its rules read."""
    names = {name for rule in asked.rules(group) for name in asked.metrics(rule["expr"])}
    return [asked.Asked(name, f'{{__name__=~"{name}"}}') for name in sorted(names - set(empty))]


def of_alert(name: str, **instead: str) -> asked.Asked:
    """The expression of a rule, which gives series while the fault lasts; ``instead``: a shorter limit for a longer one."""
    (expr,) = [rule["expr"] for rule in asked.rules() if rule["alert"] == name]
    for limit, shorter in instead.items():
        words = limit.removeprefix("over_")
        assert f"> {words}" in expr
        expr = expr.replace(f"> {words}", f"> {shorter}")
    return asked.Asked(f"rule {name}", expr)


def doctor_knows(prometheus: Prometheus, *names: str) -> None:
    """`doctor --dashboards` finds each name that these dashboards ask for."""
    files = [asked.DASHBOARDS / f"{name}.json" for name in names]
    found = list(comparison.examine(files, comparison.known_to(prometheus.url)))
    assert [(one.grade, one.about) for one in found] == [("fine", str(file)) for file in files]


def none_fires(prometheus: Prometheus) -> None:
    """Prometheus took the rules, can evaluate all of them, and none fires."""
    told = [rule for group in prometheus.get("rules")["groups"] for rule in group["rules"]]
    assert {rule["name"] for rule in told} == {rule["alert"] for rule in asked.rules()}

    def fine() -> bool:
        groups = prometheus.get("rules")["groups"]
        return all(rule["health"] == "ok" for group in groups for rule in group["rules"])

    eventually(fine, "every rule is evaluated", within=PATIENCE)
    alerts = prometheus.get("alerts")["alerts"]
    assert {one["labels"]["alertname"] for one in alerts if one["state"] == "firing"} == set()
