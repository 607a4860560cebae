"""Take an incident or a group: not repeated until its end; also hand on, note, end it."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

import typer

from streamgauge.cli._store import HERE, JsonOption, ServerOption, tell
from streamgauge.errors import ConfigError


def command(
    incident: Annotated[
        str | None, typer.Argument(metavar="INCIDENT", help="Its id, as `incidents --json` shows it.")
    ] = None,
    *,
    note: Annotated[str, typer.Option(help="What you know, for the others.")] = "",
    group: Annotated[
        str | None,
        typer.Option(
            metavar="ID", help="Take all that is told together: the id of its notices.", show_default=False
        ),
    ] = None,
    assign: Annotated[
        str | None, typer.Option(metavar="WHO", help="Hand it to somebody instead.", show_default=False)
    ] = None,
    resolve: Annotated[bool, typer.Option("--resolve", help="Declare it to be over instead.")] = False,
    feedback: Annotated[
        str | None,
        typer.Option(metavar="useful|noise", help="Say whether it helped instead.", show_default=False),
    ] = None,
    who: Annotated[
        str | None,
        typer.Option("--as", metavar="WHO", help="Who you are; default: your login.", show_default=False),
    ] = None,
    server: ServerOption = HERE,
    json: JsonOption = False,
) -> None:
    """Take an incident or a group: not repeated until its end; also hand on, note, end it.

    Asks the running server, and prints once it is committed.

    Example: streamgauge ack burst-1f0c2d3e4a5b6c7d-1767225605000000 --note "looking at it"
    """
    from streamgauge.cli._table import print_lines

    verb, body = _asked(note, assign, feedback, resolve=resolve)
    path = _path(incident, group, verb)
    answer = tell(server, path, {**body, "who": who or _login()})
    if json:
        print_lines([answer])
    else:
        print(_sentence(verb, answer) if group is None else _of_group(answer))


def _path(incident: str | None, group: str | None, verb: str) -> str:
    if (incident is None) == (group is None):
        raise ConfigError("name one incident, or a `--group`")
    if group is None:
        return f"/api/v1/incidents/{quote(incident or '', safe='')}/{verb}"
    if verb != "ack":
        raise ConfigError("a `--group` can only be taken; the other options are for one incident")
    return f"/api/v1/groups/{quote(group, safe='')}/ack"


def _asked(
    note: str, assign: str | None, feedback: str | None, *, resolve: bool
) -> tuple[str, dict[str, Any]]:
    if (assign is not None) + resolve + (feedback is not None) > 1:
        raise ConfigError("give one of `--assign`, `--resolve` and `--feedback`")
    if assign is not None:
        if note:
            raise ConfigError(
                "`--note` does not go with `--assign`: take it, or note something, in a call of its own"
            )
        return "assign", {"text": assign}
    if feedback is not None:
        return "feedback", {"word": feedback, "text": note}
    return ("resolve" if resolve else "ack"), {"text": note}


def _login() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "somebody"


def _sentence(verb: str, incident: dict[str, Any]) -> str:
    from streamgauge.channels.wording import printable

    title, owner = printable(incident["title"], 300), printable(incident["owner"] or "nobody", 60)
    said = {
        "ack": f"taken by {owner}",
        "assign": f"assigned to {owner}",
        "resolve": "resolved",
        "feedback": f"noted as {incident['feedback']}",
    }
    return f"{said[verb]}: {title}"


def _of_group(answer: dict[str, Any]) -> str:
    from streamgauge.channels.wording import printable

    labels = " ".join(f"{name}={value}" for name, value in answer["labels"].items())
    before = f", {answer['taken_before']:,} were taken before" if answer["taken_before"] else ""
    return f"taken by {printable(answer['owner'], 60)}: {answer['taken']:,} of {printable(labels or 'all', 200)}{before}"
