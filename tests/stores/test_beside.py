"""What is written beside the engine's commits: the inbox, followed files, told values; and the spool's rows."""

from __future__ import annotations

import threading
from contextlib import closing

import pytest

from streamgauge.stores.contract import Commit, DecidedRow
from streamgauge.stores.followed import KEPT, Followed, Identity
from streamgauge.stores.inbox import Inbox, Posted, partition_of
from streamgauge.stores.pushed import Pushed
from tests.stores.given import at


def posted(data: bytes, key: str | None = None, most: int = 100) -> Posted:
    return Posted("posts", data.count(b"\n") + 1, 1_000_000, data, most, key, remember=10)


def test_posts_get_offsets_that_go_on_and_are_never_used_twice(store, url):
    with closing(Inbox(url)) as inbox:
        first, second = inbox.add([posted(b"{}\n[]"), posted(b"\xff\x00")])
        assert first is not None
        assert second is not None
        assert (first.first, second.first, inbox.span("posts")) == (0, 2, (0, 3))
        assert [(chunk.first, list(chunk.records)) for chunk in inbox.read("posts", 1, 10)] == [
            (1, [b"[]"]),
            (2, [b"\xff\x00"]),
        ]
        store.commit(Commit(positions={("posts", partition_of("posts")): at(3)}))
        inbox.forget("posts", 3)
        assert inbox.span("posts") == (3, 3)
        assert inbox.add([posted(b"{}", most=1), posted(b"{}", most=1)])[1] is None


def test_a_post_that_is_sent_again_under_its_key_is_kept_once(store, url):
    with closing(Inbox(url)) as inbox:
        (one,) = inbox.add([posted(b"{}", "k")])
        again, other = inbox.add([posted(b"{}", "k"), posted(b"[]", "k")])
        assert one is not None
        assert again is not None
        assert other is not None
        assert (again.first, again.again, again.other, other.other) == (one.first, True, False, True)


def test_posts_from_many_threads_while_the_engine_commits(store, url):
    inboxes = [Inbox(url) for _ in range(3)]
    threads = [
        threading.Thread(target=lambda inbox=inbox: [inbox.add([posted(b"{}")]) for _ in range(20)])
        for inbox in inboxes
    ]
    for thread in threads:
        thread.start()
    for offset in range(1, 21):
        store.commit(Commit(positions={("others", partition_of("others")): at(offset)}))
    for thread in threads:
        thread.join()
    assert inboxes[0].span("posts") == (0, 60)
    assert sum(len(chunk.records) for chunk in inboxes[0].read("posts", 0, 1_000)) == 60
    for inbox in inboxes:
        inbox.close()


def test_generations_of_a_followed_path_are_remembered_the_newest_of_them(store, url):
    with closing(Followed(url, "logs")) as followed:
        for generation in range(KEPT + 2):
            followed.note("a.log", generation, Identity(2**64 - 1, generation, b"\x00head"))
        known = followed.known("a.log")
        assert (len(known), min(known)) == (KEPT, 2)
        assert known[5] == Identity(2**64 - 1, 5, b"\x00head")
        followed.note("a.log", 5, Identity(1, 2, b"new"))
        assert followed.known("a.log")[5] == Identity(1, 2, b"new")
        assert followed.known("b.log") == {}


def test_told_values_are_kept_each_by_its_name(store, url):
    with closing(Pushed(url)) as pushed:
        pushed.put({"precision": 0.5, "recall": 0.25})
        pushed.put({"recall": 0.75})
        assert pushed.all() == {"precision": 0.5, "recall": 0.75}


@pytest.mark.parametrize("many", [3, 1_200])
def test_rows_of_a_spool_leave_in_order_and_a_revision_takes_its_place_at_the_end(store, many):
    store.commit(Commit(rows=[DecidedRow("s", f"r{n}", "k", b"{}") for n in range(many)]))
    store.commit(Commit(rows=[DecidedRow("s", "r0", None, b"[]", revises=True)]))
    waits = store.spooled("s", 10_000)
    assert [row.id for row in waits] == [*(f"r{n}" for n in range(1, many)), "r0"]
    assert (waits[-1].key, waits[-1].body, store.spool_depth()) == (None, b"[]", {"s": many})
    store.left([row.sequence for row in waits])
    assert store.spool_depth() == {}


def test_a_cursor_moves(store):
    assert store.cursor("copies") == 0
    store.move_cursor("copies", 5)
    store.move_cursor("copies", 9)
    assert store.cursor("copies") == 9
