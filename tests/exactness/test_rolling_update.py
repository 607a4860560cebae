"""New pods in place of old ones, as a Deployment does it: pod by pod, or all at once. Nothing is lost, nothing is told twice."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from streamgauge.testing import WebhookReceiver
from tests.exactness import watching
from tests.exactness.conftest import Prepared
from tests.exactness.running import Run, until, write
from tests.exactness.test_instances import LEADS, alone, config, holds, is_done
from tests.exactness.watching import SLOW, Found
from tests.services.postgresql import PostgresServer

pytestmark = [pytest.mark.services, pytest.mark.soak]


@pytest.mark.parametrize("strategy", ["RollingUpdate", "Recreate"])
def test_an_update_changes_nothing_of_what_is_found(
    strategy: str, prepared: Prepared, undisturbed: Found, postgres: PostgresServer, tmp_path: Path
):
    database = postgres.new_database()
    with WebhookReceiver() as receiver, ExitStack() as running:
        path = write(tmp_path, config(prepared, receiver, database, **SLOW))

        def start() -> Run:
            return running.enter_context(Run(path))

        def share(run: Run) -> None:
            until(lambda: holds(database, run), "a share of the partitions", alive=run)

        old = [start(), start()]
        until(lambda: any(run.says(LEADS) for run in old), "a leader", alive=old[0])
        for run in old:
            share(run)
        new: list[Run] = []
        if strategy == "RollingUpdate":
            for leaving in old:
                new.append(start())
                share(new[-1])
                assert leaving.stop() == 0, leaving.log
        else:
            for leaving in old:
                assert leaving.stop() == 0, leaving.log
            new = [start(), start()]
        until(lambda: any(run.says(LEADS) for run in new), "a leader among the new", alive=new[0])
        until(lambda: is_done(database, prepared.ends), "all read and told", alive=new[0])
        for run in new:
            assert run.stop() == 0, run.log
        found = watching.found(path, watching.monitors())
        alone(found).same_as(alone(undisturbed))
        watching.check_told(receiver, found)
