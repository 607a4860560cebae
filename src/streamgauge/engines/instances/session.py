"""One running process among several that share a store."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack

from streamgauge.engines.decoding.decoder import open_decoder
from streamgauge.engines.embedded.intake import Intake
from streamgauge.engines.embedded.opening import open_source
from streamgauge.engines.embedded.session import Session, Signals, cache_folder
from streamgauge.engines.instances.division import digest_of, divided
from streamgauge.engines.instances.leading import Leading
from streamgauge.engines.instances.member import Member
from streamgauge.engines.instances.picture import Picture
from streamgauge.kernels import jit
from streamgauge.logs import keep_secret
from streamgauge.plan import Plan, StreamPlan, make_plan
from streamgauge.stores import Keep, Owner, open_member
from streamgauge.stores.member import SqlMember


def share(session: Session, beside: Callable[[Session], Callable[[], None]] | None) -> None:
    """Share the work of a session's configuration with all who run the same file on the same store, to the end.

    Its share of the partitions is read here; whoever leads does the rest beside it, and is the session's engine: None
    while another instance leads, since what people ask for is done there.

    Raises:
        StoreError: the store cannot be opened, or other instances run another file.
        SourceError: a source cannot be read, and that will not pass.
    """
    config = session.config
    keep_secret(config)
    os.environ.setdefault("NUMBA_CACHE_DIR", str(cache_folder(config)))
    shared, led = divided(make_plan(config), config)
    leading = Leading(session, led, digest_of(config))
    with Signals(session), ExitStack() as ending:
        ending.callback(leading.stop)  # after the last commit of what is read here: it is told too
        leading.take()
        store = _open(session)
        ending.callback(store.close)
        leading.start()
        if beside is not None:
            ending.callback(beside(session))
        _read(session, store, shared, leading)
    if leading.error is not None:
        raise leading.error


def _open(session: Session) -> SqlMember:
    config = session.config.store
    return open_member(
        config.url,
        owner=Owner.among_several(),
        clock=session.clock,
        plan=digest_of(session.config),
        durability=config.durability,
        keep=Keep(history=config.history, dead_letters=config.dead_letters),
    )


def _read(session: Session, store: SqlMember, plan: Plan, leading: Leading) -> None:
    """Read our share until we are stopped."""
    picture = Picture(session.status, lambda: leading.picture)
    intakes = {
        name: _intake(session, plan.streams[name]) for name in plan.streams if plan.streams[name].groups
    }
    jit.choose(live=True)
    _warm_up(plan)
    member = Member(
        plan,
        store,
        intakes,
        session.clock,
        session.status.totals,
        stopping=session.stopping,
        report=lambda why: picture.show(member, why),
    )
    for name, intake in intakes.items():
        intake.source.share(member.sharing(name))  # type: ignore[attr-defined]  # topics alone are shared
    try:
        member.run()
    finally:
        for intake in intakes.values():
            intake.source.close()


def _intake(session: Session, plan: StreamPlan) -> Intake:
    stream = session.config.streams[plan.name]
    source = open_source(plan.name, stream, session.clock)
    return Intake(plan, source, open_decoder(stream, plan.layout), session.clock, finite=False)


def _warm_up(plan: Plan) -> None:
    from streamgauge.engines.running.warm_up import load_arrow, warm_up

    load_arrow()
    if jit.compiled():
        warm_up(plan)
