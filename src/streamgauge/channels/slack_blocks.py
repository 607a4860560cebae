"""A notice as a message of Slack's: blocks within Slack's limits, in which no value can do anything.

Everything that a record holds goes into ``plain_text`` and ``rich_text`` elements, which Slack shows as they are: no
mention, no link, no formatting. The ``text`` beside the blocks (what a phone's notification shows) is escaped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from streamgauge.channels.picture import sparkline
from streamgauge.channels.wording import Wording, printable, wording

HEADER = 150
SECTION = 3_000
TEXT = 3_000
BUTTON_VALUE = 2_000
NAME = 255
LINES = 20
"""Lines below the title; more samples than that are for the webhook."""

ACTIONS = {
    "acknowledge": "Acknowledge",
    "silence": "Silence 1 h",
    "useful": "Useful",
    "noise": "Noise",
}
"""The buttons: what ``action_id`` ends with, and what stands on it."""
PREFIX = "streamgauge:"

_ICONS = {"critical": "🔴", "warning": "🟠", "resolved": "🟢"}
_LOOKALIKES = str.maketrans({"*": "∗", "~": "∼", "`": "ˋ"})
_EDGE = re.compile(r"(?<!\w)_|_(?!\w)")


@dataclass(frozen=True, slots=True)
class Extras:
    """What a message holds beside the notice's own words.

    Attributes:
        title: in place of the notice's; plain text.
        text: in place of the lines below the title; Slack's own markup (``mrkdwn``), values escaped by
            :func:`harmless`.
        series: the values drawn as a line.
        buttons: whether answers to buttons are heard.
        remarks: sentences at the end, such as why a template failed.
    """

    title: str | None = None
    text: str | None = None
    series: Sequence[float | None] = ()
    buttons: bool = False
    remarks: Sequence[str] = ()


def message(notice: Mapping[str, Any], extras: Extras | None = None) -> dict[str, Any]:
    """The message: ``text`` and ``blocks``, to be sent as it is."""
    extras = extras or Extras()
    words = wording(notice)
    title = printable(extras.title, 500) if extras.title else words.title
    head = f"{_icon(words)} {words.word}  {title}"
    return {
        "text": escaped(printable(head, TEXT // 5)),
        "mrkdwn": False,
        "unfurl_links": False,
        "unfurl_media": False,
        "blocks": list(_blocks(notice, words, head, extras)),
    }


def text_only(made: Mapping[str, Any]) -> dict[str, Any]:
    """The same message without its blocks, for where they are refused."""
    return {name: value for name, value in made.items() if name != "blocks"}


def escaped(text: str) -> str:
    """``text`` without anything that Slack takes for a mention, a link or an entity.

    >>> escaped("<!channel> & <https://evil|here>")
    '&lt;!channel&gt; &amp; &lt;https://evil|here&gt;'
    """
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def harmless(text: str) -> str:
    """``text`` of a stranger for a place with markup: what would format becomes what looks like it.

    >>> harmless("*bold* _x_ a_b <!here>")
    '∗bold∗ ＿x＿ a_b &lt;!here&gt;'
    """
    return _EDGE.sub("＿", escaped(text).translate(_LOOKALIKES))


def _blocks(notice: Mapping[str, Any], words: Wording, head: str, extras: Extras) -> Iterator[dict[str, Any]]:
    yield {"type": "header", "text": _plain(head, HEADER)}
    if len(head) > HEADER:
        yield {"type": "section", "text": _plain(head, SECTION)}
    lines = [(label, text) for label, text in words.lines if label != "notice"][:LINES]
    if extras.text:
        yield {
            "type": "section",
            "text": {"type": "mrkdwn", "text": _cut(extras.text, SECTION), "verbatim": True},
        }
    elif lines:
        yield {
            "type": "rich_text",
            "elements": [{"type": "rich_text_section", "elements": list(_lined(lines))}],
        }
    drawn = sparkline(extras.series)
    if drawn:
        shown = [{"type": "text", "text": drawn}]
        yield {"type": "rich_text", "elements": [{"type": "rich_text_preformatted", "elements": shown}]}
    yield {"type": "context", "elements": [_plain(printable(notice.get("notice") or "", NAME), NAME)]}
    for remark in extras.remarks:
        yield {"type": "context", "elements": [_plain(printable(remark, NAME), NAME)]}
    yield from _actions(notice, extras)


def _lined(lines: Sequence[tuple[str, str]]) -> Iterator[dict[str, Any]]:
    for n, (label, text) in enumerate(lines):
        before = "\n" if n else ""
        if label:
            yield {"type": "text", "text": f"{before}{label}  ", "style": {"bold": True}}
            yield {"type": "text", "text": text}
        else:
            yield {"type": "text", "text": f"{before}{text}"}


def _actions(notice: Mapping[str, Any], extras: Extras) -> Iterator[dict[str, Any]]:
    elements = []
    if extras.buttons:
        names = _answers(notice)
        value = printable(notice.get("id") or "", BUTTON_VALUE)
        elements += [_button(name, value) for name in names]
    for label, name in (("Open", "link"), ("Runbook", "runbook")):
        url = notice.get(name)
        if isinstance(url, str) and url.startswith(("https://", "http://")) and len(url) <= 3_000:
            shown = {"type": "plain_text", "text": label, "emoji": False}
            elements.append({"type": "button", "text": shown, "url": url, "action_id": f"{PREFIX}{name}"})
    if elements:
        yield {"type": "actions", "elements": elements}


def _answers(notice: Mapping[str, Any]) -> list[str]:
    """The buttons that make sense: a group is taken and silenced as one, a storm is only told."""
    kind, over = str(notice.get("incident") or ""), notice.get("status") == "resolved"
    if kind == "storm":
        return []
    if kind.startswith("group of "):
        return [] if over else ["acknowledge", "silence"]
    return [name for name in ACTIONS if not over or name in ("useful", "noise")]


def _button(name: str, value: str) -> dict[str, Any]:
    text = {"type": "plain_text", "text": ACTIONS[name], "emoji": False}
    primary = {"style": "primary"} if name == "acknowledge" else {}
    return {"type": "button", "text": text, "action_id": f"{PREFIX}{name}", "value": value, **primary}


def _plain(text: str, limit: int) -> dict[str, Any]:
    return {"type": "plain_text", "text": _cut(text, limit) or "–", "emoji": False}


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def _icon(words: Wording) -> str:
    return "⚪" if words.word == "ENDED" else _ICONS.get(words.mood, "🔴")
