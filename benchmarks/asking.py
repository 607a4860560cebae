"""Asks a server at a steady rate, in a process of its own and by as little Python as can be, so that it is the server's time
that is read and not the asker's: httpx spends more of the processor on a question than the server on its answer.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any
from urllib.parse import urlsplit

IDLE = 2.0
"""Seconds after which a connection is not used again; the server closes them after five."""


def steadily(url: str, paths: list[str], rate: int, seconds: int) -> dict[str, Any]:
    """Milliseconds of each answer: ``paths`` in turn, each at its own moment whatever became of those before."""
    took, refused = asyncio.run(_Asking(url).steadily(paths, rate, seconds))
    return {"took": took, "refused": refused, "cpu_seconds": round(time.process_time(), 2)}


class _Asking:
    """GET over connections that are kept; as many as there are questions under way."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port or 80
        self._idle: list[tuple[float, asyncio.StreamReader, asyncio.StreamWriter]] = []
        self._took: list[float] = []
        self._refused = 0

    async def steadily(self, paths: list[str], rate: int, seconds: int) -> tuple[list[float], int]:
        due, asked = time.monotonic(), []
        for number in range(rate * seconds):
            asked.append(asyncio.create_task(self._one(paths[number % len(paths)])))
            due += 1 / rate
            await asyncio.sleep(max(0.0, due - time.monotonic()))
        await asyncio.gather(*asked)
        for *_, writer in self._idle:
            writer.close()
        return self._took, self._refused

    async def _one(self, path: str) -> None:
        began = time.perf_counter()
        try:
            status = await self._get(path)
        except (asyncio.IncompleteReadError, ConnectionError):
            status = 0
        self._took.append(1_000 * (time.perf_counter() - began))
        self._refused += status != 200

    async def _get(self, path: str) -> int:
        reader, writer = await self._connection()
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {self._host}:{self._port}\r\n\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = head.partition(b"content-length:")[2].partition(b"\r\n")[0]
        await reader.readexactly(int(length))
        self._idle.append((time.monotonic(), reader, writer))
        return int(head[9:12])

    async def _connection(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        while self._idle:
            at, reader, writer = self._idle.pop()
            if time.monotonic() - at < IDLE:
                return reader, writer
            writer.close()
        return await asyncio.open_connection(self._host, self._port)
