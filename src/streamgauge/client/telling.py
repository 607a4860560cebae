"""One request to a server, tried again while it is away or asks for patience."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import httpx

TRIES: Final = 5
FIRST_WAIT, LONGEST_WAIT = 0.5, 30.0
"""Seconds between tries: doubled each time, or as ``Retry-After`` says."""

_AGAIN: Final = frozenset({408, 425, 429})
_FOR_GOOD: Final = frozenset({400, 413, 415, 422})
"""What is wrong with the request itself, so that the same one is never taken; others may be mended over there."""


class NotTakenError(Exception):
    """The server says no.

    Attributes:
        for_good: the same request will be refused whatever happens over there.
    """

    def __init__(self, words: str, *, for_good: bool) -> None:
        super().__init__(words)
        self.for_good = for_good


@dataclass(frozen=True, slots=True)
class Request:
    """What is told.

    Attributes:
        url: where to.
        name: the caller's key, the same for all parts of one call.
        key: sent as ``Idempotency-Key``.
        type: of the content.
        body: the content.
    """

    url: str
    name: str
    key: str
    type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Door:
    """How requests are told.

    Attributes:
        token: sent as bearer; never written down.
        tries: of each request.
        timeout: seconds per try.
        wait: how to wait between tries.
    """

    token: str | None
    tries: int
    timeout: float
    wait: Callable[[float], None]

    def tell(self, request: Request) -> str | None:
        """None: told. Else why not, and it may work later.

        Raises:
            NotTakenError: the server says no.
        """
        import httpx

        headers = {"Content-Type": request.type, "Idempotency-Key": request.key}
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token}"
        problem = "nothing was tried"
        for n in range(self.tries):
            pause = min(FIRST_WAIT * 2**n, LONGEST_WAIT)
            try:
                answer = httpx.post(request.url, content=request.body, headers=headers, timeout=self.timeout)
            except httpx.TransportError as error:
                problem = f"cannot be reached: {error}"
            else:
                if answer.is_success:
                    return None
                problem = f"answered {answer.status_code}: {_said(answer)}"
                if answer.status_code < 500 and answer.status_code not in _AGAIN:
                    raise NotTakenError(f"{request.url} {problem}", for_good=answer.status_code in _FOR_GOOD)
                asked = answer.headers.get("retry-after", "")
                pause = min(float(asked), LONGEST_WAIT) if asked.isdigit() else pause
            if n + 1 < self.tries:
                self.wait(pause)
        return problem


def _said(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["error"])
    except (ValueError, KeyError, TypeError):
        return answer.text[:200]
