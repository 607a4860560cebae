"""Reading the DAGs is light: Airflow does it every half minute, for all of them."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.integrations.airflow.installed import DAGS, Airflow

pytestmark = [pytest.mark.services, pytest.mark.soak]

READ = """
import importlib, json, sys, time
import airflow.sdk
from airflow.sdk import (Asset, AssetOrTimeSchedule, Connection, CronDataIntervalTimetable, CronTriggerTimetable,
                         Metadata, Param, dag, get_current_context, task)
from airflow.sdk.exceptions import AirflowException
@dag(schedule=None)
def nothing():
    @task
    def one(): ...
    @task.branch
    def two(): ...
    one() >> two()
nothing()

def refuse(event, arguments):
    if event in ("socket.connect", "subprocess.Popen", "sqlite3.connect", "os.system"):
        raise RuntimeError(f"{event} while a DAG is read: {arguments}")

sys.addaudithook(refuse)
sys.path.insert(0, sys.argv[1])
told = {}
for name in sys.argv[2:]:
    before, began = set(sys.modules), time.process_time()
    importlib.import_module(name)
    took = time.process_time() - began
    told[name] = {"seconds": took, "modules": sorted(set(sys.modules) - before)}
print(json.dumps(told))
"""


def test_reading_a_dag_brings_nothing_heavy_and_asks_nobody(
    pattern: Airflow, capsys: pytest.CaptureFixture[str]
):
    names = sorted(path.stem for path in DAGS.glob("*.py") if path.stem != "streamgauge_jobs")
    assert names == ["check_drift", "initial_dag", "reevaluate_model", "send_data", "train_forecasts"]
    done = subprocess.run(
        [pattern.python, "-c", READ, str(DAGS), *names],
        env=pattern.environ, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-4000:]
    told = json.loads(done.stdout.splitlines()[-1])
    brought = {name: one["modules"] for name, one in told.items()}
    outside = json.loads(
        subprocess.check_output(
            [pattern.python, "-c", "import json, sys; print(json.dumps(list(sys.stdlib_module_names)))"]
        )
    )
    ours = {*names, "streamgauge_jobs"}
    strange = (
        {module.partition(".")[0] for modules in brought.values() for module in modules} - set(outside) - ours
    )
    assert strange <= {"airflow"}, strange
    lines = [
        f"{name}: {one['seconds'] * 1000:.0f} ms, {len(one['modules'])} modules" for name, one in told.items()
    ]
    with capsys.disabled():
        sys.stdout.write(
            "\nread by Airflow, processor time and what is imported anew: " + "; ".join(lines) + "\n"
        )
