"""A workspace of Slack's on loopback, as strict as the real one where it matters to us.

It checks the token, the type of the content, every block (by slack_sdk's own models), lengths and ids; it keeps
messages with their metadata and threads; and it plays what goes wrong, after having acted or before.
"""

from __future__ import annotations

import json
import threading
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl

from slack_sdk.models.blocks import Block

TOKEN = "xoxb-1-right"
CHANNEL = "C0123456789"
SECONDS = 1_795_348_900
"""What Slack's clock shows at the first message."""


@dataclass(frozen=True)
class Fault:
    """What goes wrong with one call.

    ``kind``: ``status`` (answers ``status`` and does nothing), ``error`` (says no with ``name``), ``lost`` (acts,
    then cuts the connection), ``half`` (acts, then sends half of its answer), ``late`` (acts, never answers).
    """

    kind: str
    status: int = 500
    name: str = ""
    headers: dict[str, str] = field(default_factory=dict)


class Workspace:
    """Use as a context; ``messages`` is the channel, in order; ``calls`` are the methods that were asked for."""

    def __init__(self, *faults: Fault | None, seconds: int = SECONDS) -> None:
        self.seconds = seconds
        self.messages: list[dict[str, Any]] = []
        self.calls: list[str] = []
        self.mistakes: list[str] = []
        self.faults = deque(faults)
        self.page = 200
        self.closing = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.workspace = self
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def api(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/api"

    @property
    def hook(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/services/T0/B0/s3cretpath"

    @property
    def first(self) -> list[dict[str, Any]]:
        """Messages that stand in the channel itself."""
        return [message for message in self.messages if "thread_ts" not in message]

    def thread(self, ts: str) -> list[dict[str, Any]]:
        return [message for message in self.messages if message.get("thread_ts") == ts]

    def call(self, method: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """What Slack would do."""
        if arguments.get("channel") != CHANNEL:
            return {"ok": False, "error": "channel_not_found"}
        if method == "chat.postMessage":
            return self._post(arguments)
        if method == "chat.update":
            return self._update(arguments)
        if method in ("conversations.history", "conversations.replies"):
            return self._listed(arguments, method)
        return {"ok": False, "error": "unknown_method"}

    def wrong(self, message: dict[str, Any]) -> str:
        """Why Slack would refuse it; empty where it would not."""
        if not isinstance(message.get("text"), str) or not message["text"]:
            return "no_text"
        if len(message["text"]) > 4_000:
            return "msg_too_long"
        blocks = message.get("blocks", [])
        if len(blocks) > 50 or len(json.dumps(blocks)) > 13_200 * 2:
            return "msg_blocks_too_long"
        parsed = Block.parse_all(blocks)
        if len(parsed) != len(blocks) or any(block is None for block in parsed):
            return "invalid_blocks"
        for block in parsed:
            try:
                block.validate_json()
            except Exception as error:  # noqa: BLE001  slack_sdk's own exception, shown to the test
                self.mistakes.append(str(error))
                return "invalid_blocks"
        if _empty_texts(blocks):
            return "invalid_blocks"
        return ""

    def close(self) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _post(self, arguments: dict[str, Any]) -> dict[str, Any]:
        wrong = self.wrong(arguments)
        if wrong:
            return {"ok": False, "error": wrong}
        thread = arguments.get("thread_ts")
        if thread is not None and thread not in [message["ts"] for message in self.first]:
            return {"ok": False, "error": "thread_not_found"}
        ts = f"{self.seconds + len(self.messages)}.000100"
        self.messages.append({**arguments, "ts": ts, "edited": 0})
        return {"ok": True, "channel": CHANNEL, "ts": ts}

    def _update(self, arguments: dict[str, Any]) -> dict[str, Any]:
        wrong = self.wrong(arguments)
        if wrong:
            return {"ok": False, "error": wrong}
        for message in self.messages:
            if message["ts"] == arguments["ts"]:
                message.update({**arguments, "edited": message["edited"] + 1})
                return {"ok": True, "channel": CHANNEL, "ts": arguments["ts"]}
        return {"ok": False, "error": "message_not_found"}

    def _listed(self, arguments: dict[str, Any], method: str) -> dict[str, Any]:
        of = self.thread(arguments["ts"]) if method == "conversations.replies" else self.first[::-1]
        oldest, start = float(arguments.get("oldest", 0)), int(arguments.get("cursor") or 0)
        found = [message for message in of if float(message["ts"]) > oldest]
        if arguments.get("include_all_metadata") != "true":
            found = [{k: v for k, v in message.items() if k != "metadata"} for message in found]
        page = found[start : start + self.page]
        following = str(start + self.page) if len(found) > start + self.page else ""
        return {"ok": True, "messages": page, "response_metadata": {"next_cursor": following}}


def _empty_texts(value: Any) -> bool:
    if isinstance(value, dict):
        return value.get("text") == "" or any(map(_empty_texts, value.values()))
    return isinstance(value, list) and any(map(_empty_texts, value))


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    workspace: Workspace

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up are part of the play."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        workspace = self.server.workspace
        fault = workspace.faults.popleft() if workspace.faults else None
        if fault is not None and fault.kind == "status":
            return self._answer(b"oh no", fault.status, fault.headers)
        hook = self.path.startswith("/services/")
        if fault is not None and fault.kind == "error":
            said = fault.name if hook else json.dumps({"ok": False, "error": fault.name})
            return self._answer(said.encode(), 400 if hook else 200, fault.headers)
        answer, status = self._hook(body) if hook else self._method(body)
        if fault is None:
            return self._answer(answer, status, {})
        if fault.kind == "late":
            workspace.closing.wait()
        if fault.kind == "half":
            self._answer(answer, status, {}, promised=2 * len(answer))
        self.close_connection = True
        return None

    def _hook(self, body: bytes) -> tuple[bytes, int]:
        workspace = self.server.workspace
        workspace.calls.append("hook")
        message = json.loads(body)
        wrong = workspace.wrong(message)
        if not wrong:
            workspace.messages.append({**message, "ts": str(len(workspace.messages))})
        return (wrong or "ok").encode(), 400 if wrong else 200

    def _method(self, body: bytes) -> tuple[bytes, int]:
        method = self.path.rpartition("/")[2]
        self.server.workspace.calls.append(method)
        kind = self.headers.get("Content-Type", "")
        wanted = (
            "application/json; charset=utf-8"
            if method.startswith("chat.")
            else "application/x-www-form-urlencoded"
        )
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return b'{"ok":false,"error":"invalid_auth"}', 200
        if kind != wanted:
            return b'{"ok":false,"error":"invalid_post_type"}', 200
        arguments = json.loads(body) if method.startswith("chat.") else dict(parse_qsl(body.decode()))
        return json.dumps(self.server.workspace.call(method, arguments)).encode(), 200

    def _answer(self, body: bytes, status: int, headers: dict[str, str], promised: int | None = None) -> None:
        lines = [f"HTTP/1.1 {status} Scripted", f"Content-Length: {promised or len(body)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self.wfile.write("\r\n".join([*lines, "", ""]).encode() + body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the name is http.server's
        """Say nothing."""
