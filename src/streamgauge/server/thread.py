"""The server's own thread, beside the engine's."""

from __future__ import annotations

import errno
import socket
import sys
import threading
from typing import TYPE_CHECKING

import structlog

from streamgauge.errors import ConfigError, OutsideError
from streamgauge.server.desk import Desk, Running
from streamgauge.server.gate import Gate
from streamgauge.server.refusals import Refused, is_loopback

if TYPE_CHECKING:
    import uvicorn

ENDING = 5.0
"""Seconds that requests under way have at the end."""

CONNECTIONS = 1_000
"""Connections at a time; beyond that a request is answered with 503 at once."""

TURN = 0.000_5
"""Seconds after which a thread that computes makes way for one that waits.

Python's own are 5 ms. A request lets go of the interpreter up to ten times (it waits for a byte, a thread, the store) and
has it back each time after a whole turn of the engine's: at 200 requests/s those alone would fill the day. Switches do not
become more by it: there are as many as there are such waits.
"""

_log = structlog.get_logger("streamgauge.server")


class ServerThread:
    """Serves health, metrics and the API of one running process.

    Usage: :meth:`start`, then :meth:`stop` at the end.

    Args:
        running: what is served.
        host: beyond loopback only where there is a token.
        port: 0 takes a free one.
    """

    def __init__(self, running: Running, host: str, port: int) -> None:
        self._desk = Desk(running)
        self._gate = Gate(self._desk, running.config.server)
        self._host = host
        self._port = port
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None
        self._turn_before = sys.getswitchinterval()

    def start(self) -> int:
        """Begin to serve; the port, also where a free one was taken.

        Raises:
            ConfigError: others could reach ``host``, and there is no token.
            OutsideError: the port is taken, or it cannot be listened to.
        """
        import uvicorn

        from streamgauge.server import signing_in
        from streamgauge.server.app import make_app
        from streamgauge.server.guard import Guard

        self._refuse_open_doors()
        listening = _listen(self._host, self._port)
        port: int = listening.getsockname()[1]
        app = make_app(self._desk)
        app.include_router(signing_in.routes(self._gate))
        settings = uvicorn.Config(
            Guard(app, self._gate, self._desk.running.config.server.max_bytes),
            log_config=None,
            access_log=False,
            lifespan="off",
            proxy_headers=False,  # the gate believes those proxies that the configuration names
            server_header=False,
            limit_concurrency=CONNECTIONS,
            timeout_graceful_shutdown=int(ENDING),
        )
        self._turn_before = sys.getswitchinterval()
        sys.setswitchinterval(min(TURN, self._turn_before))
        self._server = uvicorn.Server(settings)
        self._thread = threading.Thread(
            target=self._server.run, args=([listening],), name="streamgauge server", daemon=True
        )
        self._thread.start()
        _log.info("server listens", url=f"http://{_shown(self._host)}:{port}")
        return port

    def stop(self) -> None:
        """End in order; returns when the thread has ended, or a little after the time that requests have."""
        if self._server is None or self._thread is None:
            return
        self._server.should_exit = True
        self._desk.ending.set()
        self._thread.join(ENDING + 1)
        sys.setswitchinterval(self._turn_before)
        self._gate.close()
        self._desk.close()

    def _refuse_open_doors(self) -> None:
        if is_loopback(self._host):
            return
        try:
            known = any(token.valid(self._desk.clock.now()) for token in self._gate.tokens())
        except Refused:
            known = False
        if not known:
            raise ConfigError(
                f"server: {self._host} can be reached by others, and whoever reaches it may pause monitors and read "
                "incidents: there are no tokens yet. Make one, `streamgauge token create NAME --scope operate`, or "
                "listen at 127.0.0.1"
            )


def _listen(host: str, port: int) -> socket.socket:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        family, *_, address = found[0]
        # By its protocol's name: asyncio asks for TCP_NODELAY only then, and without it the body of an answer waits
        # 40 ms for the acknowledgement of its headers.
        listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    except OSError as error:
        raise OutsideError(f"cannot listen at {host}: {error.strerror or error}") from error
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(128)
    except OSError as error:
        listening.close()
        raise _cannot(host, port, error) from error
    return listening


def _cannot(host: str, port: int, error: OSError) -> OutsideError:
    where = f"{_shown(host)}:{port}"
    if error.errno == errno.EADDRINUSE:
        return OutsideError(
            f"port {port} of {host} is taken by another program; name another with `--port` or `server: "
            "{port: …}`, or 0 for a free one"
        )
    if error.errno == errno.EACCES:
        return OutsideError(f"this user may not listen at {where}; take a port from 1024 on")
    return OutsideError(f"cannot listen at {where}: {error.strerror or error}")


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host
