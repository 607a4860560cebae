"""The shipped fakes do what they say: others' tests lean on them."""

import socket
import threading
from datetime import timedelta

import httpx
import numpy as np
import pytest

from streamgauge.batch import Partition
from streamgauge.channels.contract import Answer, Result
from streamgauge.errors import SourceError
from streamgauge.sources.contract import Poll, Tail
from streamgauge.testing import (
    PAYMENTS,
    ListedSource,
    PushedClock,
    RecordingChannel,
    Reply,
    WebhookReceiver,
    eventually,
    listed,
)

NO_WAIT = timedelta(0)
A, B = Partition("t", 0), Partition("t", 1)


def offsets(poll: Poll) -> list[tuple[Partition, list[int]]]:
    return [(piece.partition, piece.offsets.tolist()) for piece in poll.slices]


def test_a_pushed_clock_moves_only_when_pushed():
    clock = PushedClock(now=10)
    clock.push(timedelta(seconds=1))
    clock.jump(timedelta(seconds=-1))
    assert (clock.now(), clock.monotonic()) == (10, 1.0)


def test_a_listed_source_reads_in_offset_order_up_to_the_limit_and_ends_once():
    source = ListedSource([listed([{"n": n} for n in range(5)])])
    source.open({})
    first, second, third = (source.poll(3, NO_WAIT) for _ in range(3))
    assert first.assigned == {PAYMENTS: 0}
    assert offsets(first) + offsets(second) == [(PAYMENTS, [0, 1, 2]), (PAYMENTS, [3, 4])]
    assert first.slices[0].next_offset == 3
    assert [set(poll.ended) for poll in (first, second, third)] == [set(), {PAYMENTS}, set()]
    assert second.slices[0].payloads == [b'{"n":3}', b'{"n":4}']


def test_a_listed_source_starts_at_the_position_it_is_given_and_is_replayable():
    pieces = [listed([b"0", b"1", None]), listed([b"3"], start=3, timestamps=[7])]
    for _ in range(2):
        source = ListedSource(pieces)
        source.open({PAYMENTS: 2})
        poll = source.poll(10, NO_WAIT)
        assert offsets(poll) == [(PAYMENTS, [2]), (PAYMENTS, [3])]
        assert poll.slices[0].payloads == [None]
        assert poll.slices[1].timestamps.tolist() == [7]


def test_partitions_take_turns_and_paused_ones_wait():
    source = ListedSource([listed([b"a"], partition=A), listed([b"b"], partition=B)])
    source.open({})
    source.pause([A])
    assert offsets(source.poll(5, NO_WAIT)) == [(B, [0])]
    source.resume([A])
    assert offsets(source.poll(5, NO_WAIT)) == [(A, [0])]


def test_a_live_source_brings_what_is_added_and_ends_when_told():
    source = ListedSource(finite=False, partitions=[A])
    source.open({})
    assert source.poll(5, NO_WAIT).ended == frozenset()
    source.add(listed([b"x"], partition=A))
    source.add(listed([b"y"], partition=B, start=4))
    poll = source.poll(5, NO_WAIT)
    assert (offsets(poll), poll.assigned) == ([(A, [0]), (B, [4])], {B: 4})
    source.end(A)
    assert source.poll(5, NO_WAIT).ended == {A}


def test_a_waiting_poll_is_woken_by_a_new_record():
    source = ListedSource(finite=False, partitions=[A])
    source.open({})
    source.poll(5, NO_WAIT)
    found = []
    reader = threading.Thread(target=lambda: found.append(source.poll(5, timedelta(seconds=30))))
    reader.start()
    source.add(listed([b"x"], partition=A))
    reader.join(10)
    assert offsets(found[0]) == [(A, [0])]


def test_taking_partitions_away_and_giving_them_again():
    source = ListedSource([listed([b"0", b"1", b"2"], partition=A)], finite=False)
    source.open({})
    source.poll(2, NO_WAIT)
    source.committed({A: 1})
    source.lose(A)
    assert source.poll(5, NO_WAIT).lost == {A}
    source.give(A)
    again = source.poll(5, NO_WAIT)
    assert (again.assigned, offsets(again)) == ({A: 1}, [(A, [1, 2])])
    source.revoke(A)
    assert source.poll(5, NO_WAIT).revoked == {A}


def test_tails_are_fresh_until_frozen_or_set():
    clock = PushedClock()
    source = ListedSource([listed([b"0", b"1"], partition=A)], clock=clock)
    clock.push(timedelta(seconds=3))
    assert source.tails() == {A: Tail(2, False, 3.0, 3.0)}
    source.freeze_tails()
    clock.push(timedelta(seconds=1))
    assert source.tails()[A].answered_at == 3.0
    source.set_tail(A, Tail(9, True, 0.0, 0.0))
    assert source.tails()[A].end_offset == 9
    source.thaw_tails()
    assert source.tails() == {A: Tail(2, False, 4.0, 4.0)}


def test_a_source_fails_once_when_told():
    source = ListedSource()
    source.open({})
    source.fail(SourceError("gone"))
    with pytest.raises(SourceError, match="gone"):
        source.poll(1, NO_WAIT)
    source.poll(1, NO_WAIT)
    source.close()
    assert source.closed
    assert source.describe() == {"type": "listed", "partitions": []}


def test_a_frame_is_cut_like_payloads():
    polars = pytest.importorskip("polars")
    piece = listed([b"", b"", b""])
    framed = type(piece)(
        piece.partition, piece.offsets, piece.timestamps, 3, frame=polars.DataFrame({"x": [1, 2, 3]})
    )
    source = ListedSource([framed])
    source.open({PAYMENTS: 1})
    first = source.poll(1, NO_WAIT).slices[0]
    assert first.frame is not None
    assert first.frame["x"].to_list() == [2]
    assert np.array_equal(first.offsets, [1])


def test_a_recording_channel_follows_its_script_then_delivers():
    channel = RecordingChannel([Answer(Result.AGAIN), ValueError("broken")])
    assert channel.send({"notice": "a"}).result is Result.AGAIN
    with pytest.raises(ValueError, match="broken"):
        channel.send({"notice": "a"})
    assert channel.send({"notice": "b"}).result is Result.DELIVERED
    channel.close()
    assert (channel.ids, channel.closed) == (["a", "a", "b"], True)


def test_the_receiver_records_and_answers_as_scripted():
    with WebhookReceiver([Reply(503, {"Retry-After": "2"}, b"later")]) as receiver:
        refused = httpx.post(receiver.url, json={"notice": "n"}, headers={"Idempotency-Key": "n"})
        taken = httpx.post(receiver.url, json={"notice": "n"}, headers={"Idempotency-Key": "n"})
        assert (refused.status_code, refused.headers["retry-after"], refused.text) == (503, "2", "later")
        assert taken.status_code == 200
        assert receiver.notices == [{"notice": "n"}] * 2
        assert receiver.distinct == {"n": {"notice": "n"}}
        assert receiver.received[0].at <= receiver.received[1].at


@pytest.mark.parametrize("kind", ["cut", "half"])
def test_the_receiver_breaks_off(kind):
    with WebhookReceiver([Reply(kind=kind)]) as receiver, pytest.raises(httpx.RemoteProtocolError):
        httpx.post(receiver.url, json={})


def test_a_request_that_is_cut_off_was_never_received():
    with WebhookReceiver() as receiver:
        port = int(receiver.url.split(":")[2].partition("/")[0])
        with socket.create_connection(("127.0.0.1", port)) as sender:
            sender.sendall(b'POST /alerts HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\n{"id": ')
            sender.shutdown(socket.SHUT_WR)
            assert sender.recv(1000) == b""
        assert receiver.received == []


def test_the_receiver_never_answers_but_closes():
    with WebhookReceiver([Reply(kind="never")]) as receiver, pytest.raises(httpx.ReadTimeout):
        httpx.post(receiver.url, json={}, timeout=0.1)
    with pytest.raises(OSError), socket.create_connection(("127.0.0.1", 1), 0.2):
        pass


def test_eventually_says_what_did_not_come_true():
    with pytest.raises(AssertionError, match="the moon"):
        eventually(lambda: False, "the moon", within=timedelta(milliseconds=5))
