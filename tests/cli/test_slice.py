"""``streamgauge slice``, and what verbs read of a slice, on a real broker."""

import json

import pytest

from streamgauge.testing import eventually
from tests.cli.in_process import Verb
from tests.services.kafka import unique

pytestmark = pytest.mark.services


class Jobs:
    """A group of jobs on a topic of its own, as its verbs are called."""

    def __init__(self, broker, capsys, partitions=2):
        self.broker = broker
        self.topic = broker.create_topic(unique("payments"), partitions, retention_ms=-1)
        self.group = unique("jobs")
        self.slice, self.drift, self.reference = (Verb(v, capsys) for v in ("slice", "drift", "reference"))

    def send(self, partition, count, begin=0):
        lines = [json.dumps({"n": begin + at, "amount": at % 7}).encode() for at in range(count)]
        self.broker.produce(self.topic, lines, partition=partition)

    def words(self, group=None):
        return ("--brokers", self.broker.bootstrap, "--group", group or self.group)

    def next(self, *more, group=None):
        (found,) = self.slice("next", self.topic, *self.words(group), "--json", *more).objects
        return found

    def done(self, slice_):
        return self.slice("done", self.topic, slice_, *self.words(), "--json")


@pytest.fixture
def jobs(kafka, capsys):
    return Jobs(kafka, capsys)


def test_a_slice_is_offered_until_it_is_done_and_nothing_is_left_out(jobs):
    jobs.send(0, 250)
    jobs.send(1, 30)
    first = jobs.next("--rows", "100")
    assert (first["slice"], first["records"], first["waiting"]) == ("0:0-70,1:0-30", 100, 180)
    jobs.send(0, 50)
    again = jobs.next("--rows", "7")  # whatever is asked for, what is open comes first, with its moment
    assert (again["slice"], again["again"], again["taken_at"]) == (first["slice"], True, first["taken_at"])
    assert again["waiting"] == 230
    assert jobs.done(first["slice"]).objects[0]["before"] is False
    assert jobs.done(first["slice"]).objects[0]["before"] is True
    assert jobs.next("--rows", "200")["slice"] == "0:70-270"
    assert jobs.next(group=unique("others"))["records"] == 330


def test_few_records_are_waited_for(jobs):
    jobs.send(0, 20)
    few = jobs.next("--min", "50")
    assert (few["slice"], few["records"], few["waiting"]) == (None, 0, 20)
    assert jobs.slice("next", jobs.topic, *jobs.words(), "--min", "50").out == ""
    jobs.send(1, 40)
    assert jobs.slice("next", jobs.topic, *jobs.words(), "--min", "50").lines == ["0:0-20,1:0-40"]


def test_only_the_open_slice_can_be_done(jobs):
    jobs.send(0, 20)
    early = jobs.done("0:0-20")
    assert (early.code, "is not the one" in early.err) == (2, True)
    jobs.next("--rows", "10")
    assert jobs.done("0:0-20").code == 2
    assert jobs.done("0:0-10").code == 0


def test_what_was_removed_before_anybody_took_it_is_told(jobs):
    jobs.send(0, 20)
    jobs.next("--rows", "5")
    jobs.done("0:0-5")
    jobs.broker.delete_records(jobs.topic, 0, 12)
    told = jobs.slice("next", jobs.topic, *jobs.words())
    assert (told.lines, "7 records" in told.err) == (["0:12-20"], True)
    gone = jobs.drift("x.reference", jobs.topic, "--brokers", jobs.broker.bootstrap, "--offsets", "0:5-15")
    assert (gone.code, "holds offsets 12 to 20" in gone.err) == (3, True)


def test_a_slice_is_compared_and_made_a_reference(jobs, tmp_path):
    jobs.send(0, 300)
    jobs.broker.transaction(jobs.topic, [b'{"n": 1, "amount": 900}'] * 200, partition=1)
    eventually(
        lambda: jobs.next("--min", "501")["slice"]
    )  # the transaction's mark is an offset, and comes later
    assert jobs.next()["slice"] == "0:0-300,1:0-201"
    base, out = ("--brokers", jobs.broker.bootstrap, "--features", "amount"), tmp_path / "p.reference"
    made = jobs.reference(
        "build", "--from", jobs.topic, *base, "--offsets", "0:0-300", "--out", out, "--json"
    )
    assert [feature["rows"] for feature in made.objects] == [300]
    same = jobs.drift(out, jobs.topic, *base, "--offsets", "0:0-300", "--json").objects[-1]
    assert (same["severity"], same["rows"]) == ("ok", 300)
    moved = jobs.drift(out, jobs.topic, *base, "--offsets", "1:0-201", "--json", "--fail-on", "drift")
    assert (moved.code, moved.objects[-1]["rows"]) == (1, 200)
    newest = jobs.drift(out, jobs.topic, *base, "--rows", "100", "--json").objects[-1]
    assert newest["rows"] in (99, 100)


def test_options_that_do_not_fit_are_refused(jobs, tmp_path):
    lonely = jobs.drift("x.reference", "payments.csv", "--offsets", "0:0-1")
    both = jobs.drift(
        "x.reference", jobs.topic, "--brokers", jobs.broker.bootstrap, "--offsets", "0:0-1", "--rows", "3"
    )
    assert (lonely.code, both.code) == (2, 2)
    settings = tmp_path / "client.properties"
    settings.write_text("# how to log in\nsecurity.protocol=PLAINTEXT\n\ngroup.id = mine\n")
    ours = jobs.slice("next", jobs.topic, *jobs.words(), "--consumer-config", settings)
    assert (ours.code, "group.id" in ours.err) == (2, True)
    settings.write_text("security.protocol\n")
    wrong = jobs.slice("next", jobs.topic, *jobs.words(), "--consumer-config", settings)
    assert (wrong.code, "line 1" in wrong.err) == (2, True)
    settings.write_text("security.protocol=PLAINTEXT\n")
    jobs.send(0, 1)
    assert jobs.slice("next", jobs.topic, *jobs.words(), "--consumer-config", settings).lines == ["0:0-1"]


def test_a_group_in_which_somebody_reads_is_refused(jobs):
    from confluent_kafka import Consumer

    jobs.send(0, 10)
    reader = Consumer({"bootstrap.servers": jobs.broker.bootstrap, "group.id": jobs.group, "log_level": 0})
    try:
        reader.subscribe([jobs.topic])
        eventually(lambda: reader.poll(0.1) is None and bool(reader.assignment()))
        refused = jobs.slice("next", jobs.topic, *jobs.words())
    finally:
        reader.close()
    assert (refused.code, "a group of their own" in refused.err) == (3, True)
