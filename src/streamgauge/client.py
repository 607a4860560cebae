"""Tell a running Streamgauge what was found elsewhere: from Spark's ``foreachBatch``, an Airflow task, a script.

``push_metrics`` tries again while the server is away or asks for patience. With a ``queue`` (a folder) what could not be
told is kept there, and goes first with the next call, also of another process: a nightly task loses nothing to a
restart of the server.
"""

from __future__ import annotations

import json
import os
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from streamgauge.errors import ConfigError, OutsideError

if TYPE_CHECKING:
    import httpx

FIRST_WAIT, LONGEST_WAIT = 0.5, 30.0
"""Seconds between tries: doubled each time, or as ``Retry-After`` says."""


def push_metrics(
    url: str,
    *,
    precision: float | None = None,
    recall: float | None = None,
    accuracy: float | None = None,
    drift_score: float | None = None,
    token: str | None = None,
    queue: str | os.PathLike[str] | None = None,
    tries: int = 5,
    timeout: float = 10.0,
    wait: Callable[[float], None] = time.sleep,
) -> bool:
    """Set the gauges ``fraud_model_*`` of the server at ``url``; any subset.

    Args:
        url: of the server, such as ``http://127.0.0.1:8000``.
        precision: 0 to 1.
        recall: 0 to 1.
        accuracy: 0 to 1.
        drift_score: from 0 on.
        token: one for ``ingest``, where the server asks for one.
        queue: a folder for what cannot be told now. Without it, what is not told in ``tries`` is lost.
        tries: of each request.
        timeout: seconds per try.
        wait: how to wait between tries.

    Returns:
        Whether all is told, what waited before included. False: it waits in the ``queue``.

    Raises:
        ConfigError: the server will never take it (a wrong value, a wrong token), and says why.
        OutsideError: it could not be told, and there is no ``queue``.
    """
    given = {"precision": precision, "recall": recall, "accuracy": accuracy, "drift_score": drift_score}
    body = json.dumps({name: value for name, value in given.items() if value is not None}).encode()
    telling = _Telling(url, token, tries, timeout, wait)
    if queue is None:
        problem = telling.tell(body)
        if problem is not None:
            raise OutsideError(f"{url}: {problem}; with `queue=` it would be kept")
        return True
    folder = Path(queue)
    _keep(folder, body)
    return all(_gone(telling, file) for file in _waiting(folder))


class _Telling:
    def __init__(
        self, url: str, token: str | None, tries: int, timeout: float, wait: Callable[[float], None]
    ) -> None:
        self._url = f"{url.rstrip('/')}/update_metrics"
        self._headers = {"Content-Type": "application/json"}
        if token is not None:
            self._headers["Authorization"] = f"Bearer {token}"
        self._tries = tries
        self._timeout = timeout
        self._wait = wait

    def tell(self, body: bytes) -> str | None:
        """None: told. Else why not, and it may work later."""
        import httpx

        problem = "nothing was tried"
        for n in range(self._tries):
            pause = min(FIRST_WAIT * 2**n, LONGEST_WAIT)
            try:
                answer = httpx.post(self._url, content=body, headers=self._headers, timeout=self._timeout)
            except httpx.TransportError as error:
                problem = f"cannot be reached: {error}"
            else:
                if answer.is_success:
                    return None
                problem = f"answered {answer.status_code}: {_said(answer)}"
                if answer.status_code < 500 and answer.status_code not in (408, 429):
                    raise ConfigError(f"{self._url} {problem}")
                asked = answer.headers.get("retry-after", "")
                pause = min(float(asked), LONGEST_WAIT) if asked.isdigit() else pause
            if n + 1 < self._tries:
                self._wait(pause)
        return problem


def _said(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["error"])
    except (ValueError, KeyError, TypeError):
        return answer.text[:200]


def _keep(folder: Path, body: bytes) -> None:
    """One file per request, named so that they sort by time; there whole, or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{time.time_ns():020d}-{uuid.uuid4().hex[:8]}"
    half = folder / f"{name}.part"
    with half.open("wb") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())
    half.rename(folder / f"{name}.json")


def _waiting(folder: Path) -> Iterator[Path]:
    return iter(sorted(folder.glob("*.json")))


def _gone(telling: _Telling, file: Path) -> bool:
    """Tell what a file holds and remove it; one that is refused for good is set aside, and said."""
    try:
        problem = telling.tell(file.read_bytes())
    except FileNotFoundError:  # another process told it meanwhile
        return True
    except ConfigError:
        file.rename(file.with_suffix(".refused"))
        raise
    if problem is None:
        file.unlink(missing_ok=True)
    return problem is None
