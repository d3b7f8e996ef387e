"""Whatever order Daily's webhooks come in, and however often: the ledger is the same."""

import random
import uuid
from datetime import timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.house import NOW, fill

from stoa.kernel.actor import AccessLevel, Actor
from stoa.kernel.clock import to_millis
from stoa.kernel.ids import SeededIds
from stoa.live import service, store
from stoa.live.daily import _events
from stoa.live.daily import _webhooks as w
from stoa.live.model import Draft, Member, Role
from stoa.platform.storage import sqlite_engine

USERS = ("a" * 24, "b" * 24, "c" * 24)
LATER = NOW + timedelta(hours=2)
seconds = st.integers(0, 3_000_000).map(lambda millis: millis / 1000)
sittings = st.lists(st.tuples(st.sampled_from(USERS), seconds, seconds), min_size=1, max_size=5)
recordings = st.sampled_from([(), ("started",), ("started", "ready"), ("started", "error"), ("started", "ready", "error"),
                              ("ready",), ("error",), ("ready", "error")])  # fmt: skip


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    url = f"sqlite:///{tmp_path_factory.mktemp('order')}/stoa.db"
    fill(url)
    engine = sqlite_engine(url)
    yield engine
    engine.dispose()


def told(number, kind, **payload):
    body = {"version": "1.0.0", "id": f"e-{number}", "type": kind, "payload": payload, "event_ts": 1.0}
    return w.read(msgspec.json.encode(body))


def happened(room, instance, sat, recorded):
    """Every webhook of a meeting, in the order in which it went on."""
    begin, daily_id = NOW.timestamp(), str(uuid.UUID(int=77))
    events = [("meeting.started", {"room": room, "start_ts": begin})]
    for number, (user, joined, lasted) in enumerate(sat):
        one = {"room": room, "session_id": f"s-{number}", "user_id": user, "joined_at": begin + joined}
        events += [("participant.joined", one), ("participant.left", one | {"duration": lasted})]
    end = begin + max(joined + lasted for _, joined, lasted in sat)
    events.append(("meeting.ended", {"room": room, "start_ts": begin, "end_ts": end + 0.5}))
    files = {
        "started": ("recording.started", {"recording_id": daily_id, "instance_id": instance, "start_ts": begin}),
        "ready": ("recording.ready-to-download", {
            "recording_id": daily_id, "room_name": room, "start_ts": begin, "duration": 61.4, "s3_key": "key",
        }),
        "error": ("recording.error", {"instance_id": instance, "room_name": room, "timestamp": begin + 70}),
    }  # fmt: skip
    events += [files[each] for each in recorded]
    return [told(number, kind, **payload) for number, (kind, payload) in enumerate(events)]


def outcome(engine, sat, recorded, arrange):
    """What the house knows after the events in that order; nothing of it stays."""
    ids = SeededIds("order")
    actor = Actor(1, "d" * 24, "ines", "Ines", AccessLevel.INSTRUCTOR, frozenset(), "test", NOW)
    with engine.connect() as connection, connection.begin() as transaction:
        draft = Draft("course", NOW - timedelta(minutes=1), recording_enabled=True)
        session = service.create(connection, draft, actor=actor, now=NOW, ids=ids)
        for user in USERS:
            store.add_member(connection, Member(session.id, user, user[:3], Role.STUDENT))
        _, recording = service.begin_recording(connection, session.room_name, actor=actor, now=NOW, ids=ids)
        for event in arrange(happened(session.room_name, recording.id, sat, recorded)):
            _events.take(connection, event, now=LATER)
        rows = store.participants_of(connection, session.id)
        session = store.session_of_id(connection, session.id)
        file = store.recording_of_instance(connection, recording.id)
        transaction.rollback()
    return rows, (session.status, session.ends_at), file


@settings(max_examples=60)
@given(sat=sittings, recorded=recordings, seed=st.integers(0, 2**32))
def test_the_ledger_is_the_same_whatever_order_webhooks_come_in(engine, sat, recorded, seed):
    def shuffled(events):
        chance = random.Random(seed)
        some = events + chance.choices(events, k=chance.randint(0, len(events)))
        chance.shuffle(some)
        return some

    in_order = outcome(engine, sat, recorded, list)
    assert outcome(engine, sat, recorded, shuffled) == in_order
    rows, (status, ends_at), file = in_order
    exact = {
        (f"s-{number}", user, to_millis(NOW) + round(joined * 1000), to_millis(NOW) + round((joined + lasted) * 1000))
        for number, (user, joined, lasted) in enumerate(sat)
    }  # fmt: skip
    seen = {(row.id, row.user_id, to_millis(row.joined_at), to_millis(row.left_at)) for row in rows}
    assert {(name, user) for name, user, *_ in seen} == {(name, user) for name, user, *_ in exact}
    for one, other in zip(sorted(seen), sorted(exact), strict=True):
        assert abs(one[2] - other[2]) <= 1 and abs(one[3] - other[3]) <= 1
    assert (status, ends_at) == ("live", None)
    expected = "completed" if "ready" in recorded else "failed" if "error" in recorded else "processing"
    assert file.status == expected


@settings(max_examples=40)
@given(sat=sittings, seed=st.integers(0, 2**32), lost=st.sets(st.integers(0, 12), max_size=6))
def test_what_is_lost_takes_nothing_else_with_it(engine, sat, seed, lost):
    """Whoever either webhook tells of was in, and whoever left is out."""

    def some_lost(events):
        chance = random.Random(seed)
        kept = [event for number, event in enumerate(events) if number not in lost]
        chance.shuffle(kept)
        return kept

    rows, _, _ = outcome(engine, sat, (), some_lost)
    names = {row.id for row in rows}
    for number in range(len(sat)):
        came, left = 1 + 2 * number, 2 + 2 * number
        assert (f"s-{number}" in names) == (came not in lost or left not in lost)
        if left not in lost:
            (row,) = [one for one in rows if one.id == f"s-{number}"]
            assert row.left_at is not None
