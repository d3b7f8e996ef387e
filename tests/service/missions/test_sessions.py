"""Sessions as their journal keeps them: what is remembered is never the truth, and the past is found again."""

import json
import time
from datetime import timedelta

import pytest
from tests.support.house import NOW, PEOPLE, fill
from tests.support.missions import MISSION_ID, put_mission
from tests.support.postgres import new_database

from stoa.accounts import service as people
from stoa.accounts.model import LEVEL_PERMISSIONS
from stoa.kernel.actor import Actor
from stoa.kernel.ids import SystemIds
from stoa.missions import commands, engine, service, store
from stoa.missions.errors import StateConflictError
from stoa.missions.model import Cheats, Request, SessionConfig
from stoa.missions.service import _folding as folding
from stoa.platform import journal
from stoa.platform.migrate import upgrade
from stoa.platform.storage import postgres_engine, sqlite_engine


@pytest.fixture(scope="module")
def postgres_url(service_or_skip):
    with new_database(service_or_skip, "sessions") as url:
        opened = postgres_engine(url, connections=1)
        upgrade(opened)
        opened.dispose()
        yield url


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database(request, tmp_path):
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/stoa.db"
        fill(url)
        opened = sqlite_engine(url)
    else:
        url = request.getfixturevalue("postgres_url")
        fill(url)
        opened = postgres_engine(url, connections=2)
    put_mission(opened)
    yield opened
    opened.dispose()


@pytest.fixture
def who(database):
    """Actors by username."""
    with database.begin() as connection:
        users = {name: people.user_named(connection, name) for name in PEOPLE}
    return {
        name: Actor(
            user.number, user.id, name, user.name, user.access, LEVEL_PERMISSIONS[user.access], "login", NOW
        )
        for name, user in users.items()
    }


def begun(database, who):
    """A started session of Ines's, who manages it; Lea plays red."""
    with database.begin() as connection:
        session_id = service.launch(
            connection, MISSION_ID, SessionConfig(infinite_resources=True), actor=who["ines.teacher"], now=NOW,
            ids=SystemIds(),
        )  # fmt: skip
        for name in ("ines.teacher", "lea.student"):
            service.join(connection, session_id, actor=who[name], now=NOW)
        service.command(connection, session_id, commands.Start(), by=who["ines.teacher"], now=NOW)
    return session_id


def says(connection, session_id, actor, number, *, now=NOW):
    asked = commands.SendChat("all", f"message {number}")
    request = Request("request-send-chat-message", {"channelId": "all", "message": f"message {number}"})
    return service.command(connection, session_id, asked, by=actor, now=now, request=request)


def hash_of(database, session_id):
    with database.begin() as connection:
        return engine.state_hash(service.folded(connection, session_id).exercise)


def from_the_journal(database, session_id):
    with database.begin() as connection:
        mission = store.mission_of(connection, session_id)
        entries = list(folding.entries_after(connection, session_id, 0, until=10**9))
    return engine.fold(entries, mission=mission)


def test_what_is_rolled_back_is_not_remembered(database, who):
    session_id = begun(database, who)
    before = hash_of(database, session_id)
    with database.connect() as connection, connection.begin() as transaction:
        says(connection, session_id, who["lea.student"], 1)
        transaction.rollback()
    assert hash_of(database, session_id) == before
    with database.begin() as connection:
        says(connection, session_id, who["lea.student"], 2)
    after = hash_of(database, session_id)
    assert after == engine.state_hash(from_the_journal(database, session_id))
    service.MEMO.clear()
    assert hash_of(database, session_id) == after


def test_another_process_s_entries_are_folded_in(database, who):
    session_id = begun(database, who)
    with database.begin() as connection:
        old = service.folded(connection, session_id)
        for number in range(5):
            says(connection, session_id, who["lea.student"], number)
    service.MEMO.put(old)  # as if this process had seen none of it
    assert hash_of(database, session_id) == engine.state_hash(from_the_journal(database, session_id))


def test_snapshots_change_nothing(database, who):
    session_id = begun(database, who)
    seen = {}
    with database.begin() as connection:
        for number in range(folding.BETWEEN_SNAPSHOTS + 40):
            now = NOW + timedelta(seconds=number)
            done = says(connection, session_id, who["lea.student"], number, now=now)
            if number % 90 == 0:
                seen[now] = engine.state_hash(done.after.exercise)
        assert store.last_snapshot(connection, session_id).seq == folding.BETWEEN_SNAPSHOTS
    service.MEMO.clear()
    assert hash_of(database, session_id) == engine.state_hash(from_the_journal(database, session_id))
    with database.begin() as connection:
        for at, expected in seen.items():
            moment = service.state_at(
                connection,
                session_id,
                at,
                actor=who["ines.teacher"],
                now=NOW + timedelta(days=1),
                with_hash=True,
            )
            assert moment.hash == expected


def test_a_refusal_keeps_nothing(database, who):
    session_id = begun(database, who)
    before = hash_of(database, session_id)
    with database.begin() as connection, pytest.raises(StateConflictError):
        service.command(connection, session_id, commands.Start(), by=who["ines.teacher"], now=NOW)
    assert hash_of(database, session_id) == before


def test_commands_that_wait_together_are_as_one_by_one(database, who):
    session_id = begun(database, who)
    ines, lea, ada = (who[name] for name in ("ines.teacher", "lea.student", "ada.admin"))
    said = [
        commands.SendChat("all", "one"),
        commands.SendChat("nowhere", "two"),
        commands.SendChat("red", "three"),
    ]
    waiting = [
        service.Asked(said[0], lea, NOW, Request("request-send-chat-message", {"message": "one"})),
        service.Asked(commands.ExecuteAction("red-root-a1"), lea, NOW, Request("request-execute-action", {})),
        service.Asked(said[1], lea, NOW),
        service.Asked(commands.ExecuteAction("red-root-a1"), ines, NOW + timedelta(milliseconds=5)),
        service.Asked(said[0], ada, NOW),
        service.Asked(commands.Complete(), None, NOW),
        service.Asked(said[2], ines, NOW, Request("request-send-chat-message", {"message": "three"})),
    ]
    with database.begin() as connection:
        found = service.batch_of(session_id).run(connection, waiting)
    assert [getattr(one, "number", None) for one in found] == [None, None, 20500, 20202, 20004, None, None]
    done = [one for one in found if isinstance(one, service.Done)]
    assert [one.after.standing.seq for one in done] == [one.after.exercise.version for one in done]
    assert [len(one.entries) for one in done] == [1, 2, 0, 1]
    assert done[0].answer("chat-message-sent", user_id=lea.id)["message"]["message"] == "one"
    assert (
        done[1].answer("action-execution-initiated", user_id=lea.id)["execution"]["actionId"] == "red-root-a1"
    )
    assert done[3].answer("chat-message-sent", user_id=ines.id)["message"]["message"] == "three"
    assert {entry.actor_id for entry in done[3].entries} == {ines.id}
    live = hash_of(database, session_id)
    assert live == engine.state_hash(done[3].after.exercise)
    assert live == engine.state_hash(from_the_journal(database, session_id))
    with database.begin() as connection:
        assert service.folded(connection, session_id).standing == done[3].after.standing
        heads = [entry.at for entry in journal.read(connection, service.stream_of(session_id))]
        assert heads == sorted(heads)


def test_a_batch_for_a_session_that_is_gone_is_refused_one_by_one(database, who):
    with database.begin() as connection:
        waiting = [service.Asked(commands.Quit(), who["lea.student"], NOW)] * 3
        found = service.batch_of("f" * 24).run(connection, waiting)
    assert [one.number for one in found] == [20000] * 3


def test_a_batch_ends_at_the_session_s_end(database, who):
    session_id = begun(database, who)
    ines, lea = who["ines.teacher"], who["lea.student"]
    with database.begin() as connection:
        found = service.batch_of(session_id).run(
            connection,
            [
                service.Asked(commands.ExecuteAction("red-root-a1"), lea, NOW),
                service.Asked(
                    commands.Kick(service.folded(connection, session_id).exercise.member_of[lea.id]),
                    ines,
                    NOW,
                ),
                service.Asked(commands.ExecuteAction("red-hall-a1"), lea, NOW),
                service.Asked(commands.End(), ines, NOW),
                service.Asked(commands.Reset(), ines, NOW),
            ],
        )
        assert [getattr(one, "number", None) for one in found] == [None, None, 20004, None, 20004]
        assert service.session_of(connection, lea.id) is None
        assert service.session_of(connection, ines.id) is None
        assert not service.folded(connection, session_id).exercise.running


def test_the_journal_never_goes_back_in_time(database, who):
    session_id = begun(database, who)
    with database.begin() as connection:
        says(connection, session_id, who["lea.student"], 1, now=NOW + timedelta(seconds=5))
        says(connection, session_id, who["lea.student"], 2, now=NOW)
        entries = journal.read(connection, service.stream_of(session_id))
    times = [entry.at for entry in entries]
    assert times == sorted(times)


def test_nothing_hidden_is_in_a_list_or_in_what_a_player_reads(database, who):
    session_id = begun(database, who)
    with database.begin() as connection:
        listed = service.list_sessions(connection, actor=who["lea.student"])
        lines = service.journal_lines(connection, session_id, actor=who["lea.student"])
        moment = service.state_at(connection, session_id, None, actor=who["lea.student"], now=NOW)
    for text in (*listed, json.dumps(lines), json.dumps(moment.session)):
        assert "the-seed-nobody-sees" not in text
        assert "blue-" not in text


# --- how long it takes: measured, and bounded widely --------------------------------------------------------------


def best_of(count, work):
    times = []
    for _ in range(count):
        begin = time.process_time()
        work()
        times.append(time.process_time() - begin)
    return min(times) * 1000


def test_a_thousand_sessions_are_listed_at_once(database, who):
    with database.begin() as connection:
        for _ in range(1_000):
            service.launch(
                connection, MISSION_ID, SessionConfig(), actor=who["ines.teacher"], now=NOW, ids=SystemIds()
            )
    with database.begin() as connection:
        millis = best_of(5, lambda: service.list_sessions(connection, actor=who["ines.teacher"]))
        assert len(service.list_sessions(connection, actor=who["lea.student"])) == 1_000
    print(f"{database.dialect.name}: 1,000 sessions listed in {millis:.1f} ms")
    assert millis < 200


@pytest.mark.long
def test_any_moment_of_ten_thousand_events_is_near(database, who):
    session_id = begun(database, who)
    count, begin = 0, time.process_time()
    with database.begin() as connection:
        while service.folded(connection, session_id).standing.seq < 10_000:
            now = NOW + timedelta(seconds=count)
            if count % 4:
                says(connection, session_id, who["lea.student"], count, now=now)
            else:
                asked = commands.ExecuteAction("red-root-a1", Cheats(instantaneous=True))
                service.command(connection, session_id, asked, by=who["ines.teacher"], now=now)
            count += 1
        rate = count / (time.process_time() - begin)
        times = []
        for tenth in range(10):
            service.MEMO.clear()
            at = NOW + timedelta(seconds=count * tenth / 10)
            started = time.process_time()
            service.state_at(
                connection, session_id, at, actor=who["ines.teacher"], now=NOW + timedelta(days=9)
            )
            times.append((time.process_time() - started) * 1000)
    print(
        f"{database.dialect.name}: {rate:.0f} commands a second; a past state in {min(times):.0f} to {max(times):.0f} ms"
    )
    assert max(times) < 2_000
