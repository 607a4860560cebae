"""The API of groups: incidents that are told together, and taking all of one at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from streamgauge.clock import iso
from streamgauge.incidents.actions import TakeGroup
from streamgauge.incidents.group import Group, find_group, read_group
from streamgauge.server.acts import Note, author, done
from streamgauge.server.desk import Desk
from streamgauge.server.incidents import plain

if TYPE_CHECKING:
    from streamgauge.stores.contract import Reading


def routes(desk: Desk) -> APIRouter:
    """``GET /groups`` and ``POST /groups/{id}/ack``."""
    router = APIRouter(tags=["incidents"])

    @router.get("/groups")
    def groups() -> JSONResponse:
        """What is told together now: by which labels, how many are open, how many of them nobody has taken."""
        return plain({"groups": [shown(group) for group in held(desk.look())]})

    @router.post("/groups/{group_id}/ack")
    async def take(request: Request, group_id: str, said: Note | None = None) -> JSONResponse:
        """Take all of it, by the `id` of its notices; what is taken already stays whose it is."""
        note = said or Note()
        return plain(await done(desk, TakeGroup(group_id, author(request, note), note.text)))

    return router


def held(look: Reading) -> list[Group]:
    """The groups that hold something open, the oldest first."""
    found = [read_group(row) for row in look.telling("group:").values()]
    return sorted((group for group in found if group.members), key=lambda g: (g.opened_at, g.name))


def group_of(look: Reading, notice: str) -> Group | None:
    """The group whose notices bear this id."""
    return find_group({group.name: group for group in held(look)}, notice)


def shown(group: Group) -> dict[str, Any]:
    """Plain data for people's tools."""
    return {
        "id": group.id,
        "labels": dict(group.labels),
        "channels": list(group.channels),
        "open": group.members,
        "speaking": group.speaking,
        "since": iso(group.opened_at),
    }
