"""What a person sees on the terminal."""

import io
import sys
from typing import Any

import pytest

from streamgauge.channels.console import Config, dry_run_channel, open_channel, render
from streamgauge.channels.contract import Result
from streamgauge.channels.wording import printable
from tests.channels.notices import HOSTILE, firing, hostile, resolved

FIRING = """\
CRITICAL  burst of a-7: events = 101, spent = 10412.5; expected events <= 100
  when      2026-11-22 12:00:03.250 UTC, in the window 12:00:00 to 12:00:05, not closed yet
  samples   id t-17 · amount 17.5 · country –
  notice    burst-11c080b60cbc5b03-1795348800000000-1
"""

RESOLVED = """\
RESOLVED  burst of a-7: events = 101, spent = 10412.5; expected events <= 100
  lasted    12s, 2026-11-22 12:00:03.250 to 12:00:15.550 UTC
  now       events 3
  notice    burst-11c080b60cbc5b03-1795348800000000-2
"""


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def printed(notice: dict[str, Any], stream: io.StringIO | None = None) -> str:
    stream = stream or io.StringIO()
    assert open_channel(Config(), "here", stream).send(notice).result is Result.DELIVERED
    return stream.getvalue()


def test_an_alert_in_a_few_lines():
    assert printed(firing()) == FIRING + "\n"


def test_what_the_monitor_says_of_itself_stands_below_and_not_again_at_the_end():
    said = "Cards are tried: block the account, then ask its owner."
    assert f"  rule      {said}\n  notice  " in printed(firing(description=said))
    assert printed(resolved(description=said)) == RESOLVED + "\n"


def test_lists_read_as_lists_and_what_has_parts_by_its_name_and_number():
    features = [
        {"feature": "country", "value": 0.150287, "floor": 0.006},
        {"feature": "amount", "value": 0.0037},
    ]
    text = printed(firing(evidence={"features": features, "new": ["FR", "\x1b[31m"], "deep": [[["a"]]]}))
    assert "  because   features country 0.150287, amount 0.0037 · new FR, \\x1b[31m · deep [['a']]\n" in text


def test_the_end_says_how_long_it_lasted():
    assert printed(resolved()) == RESOLVED + "\n"


def test_an_end_that_is_no_recovery_is_not_called_one():
    text = printed(resolved(reason="forgotten"))
    assert text.startswith("ENDED  ")
    assert "UTC, forgotten\n" in text


def test_what_is_absent_leaves_no_empty_line():
    bare = firing(
        kind="source lost",
        key=None,
        title="payments: nothing read for 30s",
        window_start=None,
        window_end=None,
        observed={},
        expected=None,
        samples=(),
    )
    assert [line.split()[0] for line in printed(bare).splitlines() if line] == ["CRITICAL", "when", "notice"]


def test_the_key_is_shown_where_the_title_does_not_hold_it():
    assert "\n  key       DE · 7\n" in printed(firing(title="too many", key=("DE", 7)))
    assert "\n  key " not in printed(firing())


def test_what_the_title_does_not_say_stands_below():
    text = printed(firing(title="too many for a-7", expected="at most 100"))
    assert "\n  observed  events 101 · spent 10412.50\n  expected  at most 100\n" in text


def test_a_window_of_another_day_carries_its_day_and_a_part_is_said():
    text = printed(firing(window_end=1_795_440_000_000_000, partial=True, early=False))
    assert "12:00:00 to 2026-11-23 13:20:00, seen in part" in text


def test_evidence_and_a_band_are_shown():
    text = printed(
        firing(evidence={"bin": "0-10", "share": 0.123456789}, expected={"lower": 1, "upper": 2.5})
    )
    assert "\n  because   bin 0-10 · share 0.123457\n" in text
    assert "\n  expected  lower 1 · upper 2.5\n" in text


def test_nothing_a_record_holds_reaches_the_terminal_as_a_command():
    for stream in (io.StringIO(), Terminal()):
        text = printed(hostile(), stream)
        for own in ("\x1b[1m", "\x1b[2m", "\x1b[0m"):
            text = text.replace(own, "")
        assert all(line.isprintable() for line in text.split("\n"))
        assert "\\x1b[2J" in text
        assert max(map(len, text.split("\n"))) < 530


def test_colours_only_for_a_terminal_that_wants_them(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert printed(firing(), Terminal()).startswith("\x1b[1;31mCRITICAL\x1b[0m")
    monkeypatch.setenv("NO_COLOR", "1")
    assert printed(firing(), Terminal()).startswith("CRITICAL")
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert printed(firing(), Terminal()).startswith("CRITICAL")
    assert "\x1b" not in render(firing())


def test_a_terminal_without_unicode_gets_escapes():
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    open_channel(Config(), "here", stream).send(firing())
    assert b"id t-17 \\xb7 amount" in raw.getvalue()


def test_a_closed_terminal_is_tried_again():
    stream = io.StringIO()
    stream.close()
    answer = open_channel(Config(), "here", stream).send(firing())
    assert (answer.result, answer.detail) == (
        Result.AGAIN,
        "the terminal takes nothing: I/O operation on closed file.",
    )


@pytest.mark.parametrize("to", ["stdout", "stderr"])
def test_it_writes_to_the_stream_that_is_there_when_it_writes(to, monkeypatch):
    channel = open_channel(Config.model_validate({"type": "console", "to": to}), "here")
    later = io.StringIO()
    monkeypatch.setattr(sys, to, later)
    channel.send(firing())
    channel.close()
    assert later.getvalue().startswith("CRITICAL")


def test_a_dry_run_says_what_would_be_sent_and_where():
    stream = io.StringIO()
    assert dry_run_channel("ops", stream).send(firing()).result is Result.DELIVERED
    assert stream.getvalue() == "(dry run: not sent to ops)\n" + FIRING + "\n"


def test_printable_cuts_and_escapes():
    assert printable(HOSTILE).isprintable()
    assert len(printable("\x00" * 50, limit=20)) == 20


def templated(notice, **templates):
    to = io.StringIO()
    channel = open_channel(Config.model_validate(templates), "here", to)
    assert channel.send(notice).result is Result.DELIVERED
    return to.getvalue()


def test_words_of_ones_own():
    notice = firing(key=HOSTILE)
    assert templated(notice, title="{{ monitor }}!", text="spent {{ observed.spent }}\nby {{ key }}") == (
        f"CRITICAL  burst!\n  spent 10412.499\n  by {printable(HOSTILE)}\n\n"
    )
    assert templated(notice, title="{{ monitor }}!").startswith("CRITICAL  burst!\n  ")


def test_a_template_that_fails_leaves_the_usual_words():
    shown = templated(firing(), text="{{ no.such }}")
    assert shown.startswith(FIRING.rstrip("\n"))
    assert "(the template of the text of channel here failed: UndefinedError" in shown
