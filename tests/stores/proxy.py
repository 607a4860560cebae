"""A wire to a PostgreSQL that a test can cut in the very moment of a commit."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self


class Wire:
    """Passes everything on to a server, until it is told to cut.

    Attributes:
        port: where it listens.
        cut: ``asked``: the next COMMIT does not reach the server; ``answer``: it does, and its answer gets lost.
        down: whether new connections are refused.
        commits: how many COMMITs went through whole.
    """

    def __init__(self, server: int) -> None:
        self._server = server
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.cut = ""
        self.down = False
        self.commits = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if self.down:
                    client.close()
                    continue
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        server = socket.create_connection(("127.0.0.1", self._server))
        threading.Thread(target=_copy, args=(server, client), daemon=True).start()
        with suppress(OSError):
            while data := client.recv(65_536):
                if b"COMMIT" in data and self.cut:
                    self._break(client, server, data)
                    return
                self.commits += b"COMMIT" in data
                server.sendall(data)
        _end(server)
        _end(client)

    def _break(self, client: socket.socket, server: socket.socket, data: bytes) -> None:
        how, self.cut = self.cut, ""
        self.down = how.endswith("and down")
        _end(client)
        if how.startswith("answer"):
            server.sendall(data)
            with suppress(OSError):
                server.shutdown(socket.SHUT_WR)
        else:
            _end(server)


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65_536):
            with suppress(OSError):
                target.sendall(data)
    _end(target)


def _end(one: socket.socket) -> None:
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()
