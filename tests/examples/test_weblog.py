"""The web log example finds what its page says."""

import json
import re
from collections import Counter

from tests.cli.running import streamgauge
from tests.docs.pages import ROOT

EXAMPLE = ROOT / "examples/weblog"


def stated() -> Counter[tuple[str, str | None]]:
    """How many incidents the page names, by rule and client."""
    counts: Counter[tuple[str, str | None]] = Counter()
    for rule, incidents in re.findall(
        r"^\| `([\w-]+)` \|[^|]+\| ([^|]+) \|$", (EXAMPLE / "README.md").read_text(), re.MULTILINE
    ):
        clients = re.findall(r"`(\w+)` × (\d+)", incidents)
        for client, number in clients or [(None, incidents)]:
            counts[rule, client] += int(number)
    return counts


def test_what_it_finds_is_what_its_page_says():
    stream = f"requests={EXAMPLE / 'apache_access.csv.gz'}"
    done = streamgauge("replay", EXAMPLE / "streamgauge.yaml", "--stream", stream, "--json")
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    notices = [line for line in lines if line["kind"] == "incident"]
    assert (
        Counter((line["monitor"], line["key"]) for line in notices if line["status"] == "firing") == stated()
    )
    assert sum(stated().values()) == lines[-1]["incidents"] == 20
    assert lines[-1]["late"] == lines[-1]["dead_letters"] == 0
    assert all(line["status"] == "firing" or line["reason"] == "recovered" for line in notices)
