"""A process that owns a store, for tests that kill, freeze or fail it: ``python -m tests.stores.child VERB URL``.

``hold``: open, say ``ready``, wait for a line on stdin, commit once, say how that went.
``count``: commit positions and a counter for 1, 2, 3 … without end, say ``LAST n`` after each commit.
"""

import sys
from dataclasses import replace

from streamgauge.clock import SystemClock
from streamgauge.errors import StoreError
from streamgauge.stores import Owner, open_store
from streamgauge.stores.contract import LateCount
from streamgauge.stores.sql import SqlStore
from tests.stores.given import P0, counted, saving


def say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


def hold(store: SqlStore) -> None:
    say("ready")
    sys.stdin.readline()
    try:
        store.commit(saving({}, 99))
    except StoreError as error:
        say(type(error).__name__, error)
    else:
        say("committed")


def count(store: SqlStore) -> None:
    """Each commit holds the same number in four places; whoever looks later can tell a torn one."""
    done = store.positions("payments")
    number = done[P0].next_offset if done else 0
    while True:
        number += 1
        commit = counted(number)
        store.commit(replace(commit, late=[LateCount("burst", 0, 1)]))
        say("LAST", number)


def main() -> None:
    verb, url = sys.argv[1:]
    store = open_store(url, owner=Owner.this_process(), clock=SystemClock())
    if verb == "hold":
        hold(store)
    else:
        count(store)


if __name__ == "__main__":
    main()
