"""Where the app finds the API, and as whom: by the environment that ``streamgauge ui`` gives it, never by a URL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from streamgauge.errors import ConfigError

API, PAGES, TOKEN, SHARED = (
    "STREAMGAUGE_API",
    "STREAMGAUGE_PAGES",
    "STREAMGAUGE_TOKEN",
    "STREAMGAUGE_UI_SHARED",
)
TOKEN_FILE = "STREAMGAUGE_TOKEN_FILE"  # noqa: S105  the name of a variable
HERE = "http://127.0.0.1:8000"


@dataclass(frozen=True, slots=True)
class Reach:
    """How the app reaches the server.

    Attributes:
        api: the server's address, as this process reaches it.
        pages: the same, as the reader's browser reaches it: where links to incidents lead.
        token: for ``Authorization: Bearer``; empty: none, or each reader gives one.
        shared: others than this machine reach the app, so each reader has to say who they are.
    """

    api: str = HERE
    pages: str = HERE
    token: str = field(default="", repr=False)
    shared: bool = False


def from_environment(environment: Mapping[str, str]) -> Reach:
    """What the environment says.

    Raises:
        ConfigError: the token's file cannot be read.
    """
    api = environment.get(API, HERE).rstrip("/")
    return Reach(
        api,
        environment.get(PAGES, api).rstrip("/"),
        token_of(environment.get(TOKEN, ""), environment.get(TOKEN_FILE, "")),
        environment.get(SHARED, "") == "1",
    )


def token_of(text: str, file: str) -> str:
    """The token: given, else the first line of a file.

    Raises:
        ConfigError: the file cannot be read, or holds nothing.
    """
    if text or not file:
        return text.strip()
    try:
        with open(file, encoding="utf-8") as lines:  # noqa: PTH123  a path as given
            token = lines.readline().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"the token's file {file} cannot be read: {error}") from error
    if not token:
        raise ConfigError(f"the token's file {file} is empty: put the token on its first line")
    return token
