"""A real Java machine near its heap, and then gone with its exporter: what the pack `jvm` names."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.health.watching import Watch
from tests.monitoring import asked, proving
from tests.services.jvm import JavaProgram
from tests.services.missing import CannotBeHadError, skip_or_fail
from tests.services.prometheus import Prometheus, program

pytestmark = [pytest.mark.services, pytest.mark.soak, pytest.mark.timeout(900)]


@pytest.fixture
def java() -> Iterator[JavaProgram]:
    made = JavaProgram(asked.MONITORING / "exporters" / "jmx-flink-taskmanager.yaml")
    try:
        program("prometheus")
        yield made.start()
    except CannotBeHadError as missing:
        skip_or_fail(str(missing))
    finally:
        made.close()


def test_a_heap_that_fills_up_and_an_exporter_that_is_gone(java, tmp_path, monkeypatch):
    monkeypatch.setenv("STREAMGAUGE_JIT", "off")
    rules = [proving.of_alert(name) for name in ("JvmHeapNearItsBound", "JvmCollectsAllTheTime")]
    given = {"JVM_URL": f"http://127.0.0.1:{java.port}/metrics", "JVM_EVERY": "1s"}
    with (
        Prometheus(proving.scraping({"jmx-flink-taskmanager": [java.port]}), asked.RULES) as prometheus,
        Watch(tmp_path, "jvm", given=given) as watch,
    ):
        proving.all_answer(prometheus, {"jmx-flink-taskmanager"})
        watch.until(lambda: watch.windows("jvm-gc"), "a minute in which all is well", within=150)
        assert watch.told() == set()
        for rule in rules:
            proving.returns_nothing(prometheus, rule)

        java.fill()
        proving.returns(prometheus, rules)
        watch.tells("jvm-heap-after-gc", "Tenured Gen", within=150)  # a whole minute of it

        java.drop()
        watch.ends("jvm-heap-after-gc", within=200)
        assert watch.told() <= {"jvm-heap-after-gc", "jvm-gc", "jvm-gc-pause"}

        java.kill()
        watch.tells("stream jvm-metrics", within=90)  # 30 s without an answer
        (lost,) = watch.incidents("stream jvm-metrics")
        assert lost.kind == "source lost"
