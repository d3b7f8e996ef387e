"""Activity's document and rules, over HTTP, on SQLite and PostgreSQL."""

import base64
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from stoa import server as composition
from stoa.kernel.errors import InvalidError
from stoa.platform import journal

pytestmark = pytest.mark.anyio
SERVED = ("activity",)
START = 1_772_452_800  # 2026-03-02T12:00:00Z
VIEW, TAB = "/view/da7ac9b9-db1c-4435-a1f2-edb4d6be4db8", "view-tab_edd5855b-54f1-4c51-9550-d88c2da60768"
HIDES = ["session-hide", "session_hide", "session_tracepath"]
KEYS = ["id_beaker_session", "username", "start", "last_ping", "last_visible_ping", "last_visible_path", "visible_duration",
        "tab_duration"]  # fmt: skip
NOT_VALID = {"name": "", "description": "Session Not Valid"}


@pytest.fixture
async def client(house):
    async with house.client("lea.student") as client:
        yield client


@pytest.fixture
async def begun(client):
    assert (await client.post("/api/v2/sessionstart")).status_code == 200
    return client


@pytest.fixture
def pass_time(house):
    return lambda seconds: house.clock.advance(timedelta(seconds=seconds))


async def keepalive(caller, path=(VIEW,), *, visible=True, **more):
    sent = list(path) if isinstance(path, tuple) else path
    answer = await caller.post("/api/v2/keepalive", json={"visible": visible, "path": sent, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def sessions(client, query=""):
    answer = await client.get(f"/api/v2/sessions{query}")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def only(client):
    (session,) = await sessions(client)
    return session


def bad(answer):
    assert answer.status_code == 400, answer.text
    body = answer.json()
    assert set(body) == {"name", "description"}
    return body["description"]


@asynccontextmanager
async def rebuilt(house, **changed):
    """The same house after a restart with other settings of activity."""
    settings = replace(house.settings, activity=replace(house.settings.activity, **changed))
    built = composition.build(settings, clock=house.clock)
    yield replace(house, app=built.app, storage=built.storage, settings=settings)
    await built.storage.close()


# --- the document ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_a_session_starts_as_documented(house, client, method):
    answer = await client.request(method, "/api/v2/sessionstart")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("application/json")
    assert answer.json() == {"description": "Session Start"}
    session = await only(client)
    assert sorted(session) == sorted(["_id", *KEYS])
    assert len(session["_id"]) == 36
    assert {key: session[key] for key in KEYS[1:]} == {
        "username": "lea.student", "start": START, "last_ping": START, "last_visible_ping": START,
        "last_visible_path": [], "visible_duration": 0, "tab_duration": {},
    }  # fmt: skip


async def test_the_beaker_id_names_the_user_and_the_login(begun):
    session = await only(begun)
    assert base64.b64decode(session["id_beaker_session"]).decode() == f"lea.student_{START}"


async def test_a_second_start_changes_nothing(begun, pass_time):
    before = await only(begun)
    pass_time(100)
    assert (await begun.get("/api/v2/sessionstart")).json() == {"description": "Session Start"}
    assert await only(begun) == before


async def test_the_documents_sample_adds_up(begun, pass_time):
    """3000 + 50 + 700 = 3750, pinged every two minutes at most as the document's interface does."""
    for steps, path in (
        ([120] * 25, (VIEW, TAB)),
        ([50], ("/view/other-view", "other-tab")),
        ([120] * 5 + [100], ("/exploitation/pbehaviors",)),
    ):
        for step in steps:
            pass_time(step)
            await keepalive(begun, path)
    session = await only(begun)
    assert session["visible_duration"] == 3750
    assert session["tab_duration"] == {
        VIEW: {TAB: 3000}, "/view/other-view": {"other-tab": 50}, "/exploitation/pbehaviors": 700,
    }  # fmt: skip
    assert session["last_visible_path"] == ["/exploitation/pbehaviors"]
    assert session["last_ping"] == session["last_visible_ping"] == START + 3750


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ([VIEW, TAB], [VIEW, TAB]),
        ([VIEW], [VIEW]),
        (f"[{VIEW},{TAB}]", [VIEW, TAB]),
        (f"[{VIEW}, {TAB}]", [VIEW, TAB]),
        (f"[{VIEW}]", [VIEW]),
        (VIEW, [VIEW]),
        ("dash board", ["dash board"]),
        (["/é", "日本"], ["/é", "日本"]),
    ],
)
async def test_a_path_is_kept_as_a_list_and_echoed_as_sent(begun, pass_time, sent, stored):
    pass_time(7)
    answer = await keepalive(begun, sent)
    assert answer == {"description": "Session keepalive", "time": START + 7, "visible": True, "paths": sent}
    session = await only(begun)
    assert session["last_visible_path"] == stored
    assert session["tab_duration"] == {stored[0]: {stored[1]: 7} if len(stored) == 2 else 7}


NO_PATHS = [
    [], ["a", "b", "c"], [""], ["  "], "", "[]", "[a,b,c]", [1], [None], {}, 7, None, ["a\0"], ["x" * 5000],
]  # fmt: skip


@pytest.mark.parametrize("name", ["keepalive", "session-hide"])
async def test_a_path_that_is_none_is_400(begun, name):
    for path in NO_PATHS:
        answer = await begun.post(f"/api/v2/{name}", json={"visible": True, "path": path})
        assert "path" in bad(answer)
    assert (await only(begun))["tab_duration"] == {}


@pytest.mark.parametrize("name", HIDES)
async def test_a_hide_counts_and_answers_nothing(begun, pass_time, name):
    pass_time(30)
    answer = await begun.post(f"/api/v2/{name}", json={"path": [VIEW, TAB]})
    assert (answer.status_code, answer.content) == (200, b"")
    assert (await only(begun))["tab_duration"] == {VIEW: {TAB: 30}}


async def test_a_broken_keepalive_is_400(begun):
    for body in (b"{", b"", b"[]", b"{}", b'{"visible": true}', b'{"path": ["a"], "visible": "yes"}'):
        assert bad(await begun.post("/api/v2/keepalive", content=body))


async def test_a_missing_key_is_named(begun):
    assert "visible" in bad(await begun.post("/api/v2/keepalive", json={"path": ["a"]}))
    assert "path" in bad(await begun.post("/api/v2/keepalive", json={"visible": False}))
    assert "path" in bad(await begun.post("/api/v2/session-hide", json={}))


async def test_unknown_keys_are_left_out(begun):
    await keepalive(begun, colour="green")


# --- who and when ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "sessionstart"), ("GET", "sessionstart"), ("POST", "keepalive"), ("GET", "sessions"), ("GET", "stats"),
     ("GET", "my-activity"), ("DELETE", "my-activity"), *(("POST", name) for name in HIDES)],
)  # fmt: skip
async def test_everything_needs_a_login(house, method, path):
    async with house.client() as nobody:
        answer = await nobody.request(method, f"/api/v2/{path}", content=b"{" if method == "POST" else None)
    assert answer.status_code == 401
    assert set(answer.json()) == {"name", "description"}


@pytest.mark.parametrize("name", ["keepalive", *HIDES])
async def test_a_ping_without_a_session_is_not_valid(client, name):
    answer = await client.post(f"/api/v2/{name}", json={"visible": True, "path": [VIEW]})
    assert answer.status_code == 400
    assert answer.json() == NOT_VALID
    assert await sessions(client) == []


async def test_a_session_ends_after_300_seconds_of_silence(begun, pass_time):
    pass_time(299)
    await keepalive(begun, visible=False)
    pass_time(299.999)
    await keepalive(begun)
    pass_time(300)
    answer = await begun.post("/api/v2/keepalive", json={"visible": True, "path": [VIEW]})
    assert (answer.status_code, answer.json()) == (400, NOT_VALID)
    (ended,) = await sessions(begun)
    assert ended["last_ping"] == START + 598
    await begun.post("/api/v2/sessionstart")
    newest, oldest = await sessions(begun)
    assert oldest == ended
    assert (newest["start"], newest["visible_duration"]) == (START + 898, 0)
    assert newest["id_beaker_session"] == oldest["id_beaker_session"]
    assert newest["_id"] != oldest["_id"]


async def test_an_unreadable_configuration_stops_the_start(house):
    for text in (
        "alive_session_duration=60",
        "[SESSION]\nalive_session_duration=soon",
        "[SESSION]\nalive_session_duration=0",
    ):
        write_conf(house, text)
        with pytest.raises(InvalidError, match=r"session\.conf"):
            composition.build(house.settings, clock=house.clock)


def write_conf(house, text):
    path = house.settings.folder / "etc/session/session.conf"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


async def lives_for(house, seconds, pass_time, **changed):
    async with rebuilt(house, **changed) as again, again.client("lea.student") as client:
        await client.post("/api/v2/sessionstart")
        pass_time(seconds - 0.001)
        await keepalive(client)
        pass_time(seconds)
        answer = await client.post("/api/v2/keepalive", json={"visible": True, "path": [VIEW]})
        assert answer.status_code == 400


async def test_the_configuration_file_says_how_long(house, pass_time):
    write_conf(
        house, "[SESSION]\nsession_storage_uri=mongodb-default-session://\nalive_session_duration=60\n"
    )
    await lives_for(house, 60, pass_time)


async def test_the_setting_goes_before_the_file(house, pass_time):
    write_conf(house, "[SESSION]\nalive_session_duration=60\n")
    await lives_for(house, 20, pass_time, alive_seconds=20)


async def test_a_file_without_the_key_leaves_300(house, pass_time):
    write_conf(house, "[SESSION]\nsession_storage_uri=mongodb-default-session://\n")
    await lives_for(house, 300, pass_time)


# --- counting ----------------------------------------------------------------------------------------------------


async def test_an_invisible_keepalive_counts_nothing(begun, pass_time):
    pass_time(10)
    answer = await keepalive(begun, visible=False)
    assert answer["visible"] is False
    session = await only(begun)
    assert (session["visible_duration"], session["tab_duration"], session["last_visible_path"]) == (0, {}, [])
    assert (session["last_ping"], session["last_visible_ping"]) == (START + 10, START)
    pass_time(5)
    await keepalive(begun)
    assert (await only(begun))["visible_duration"] == 5


async def test_a_view_with_and_without_a_tab_keeps_both(begun, pass_time):
    for path in ((VIEW,), (VIEW, TAB), (VIEW,)):
        pass_time(10)
        await keepalive(begun, path)
    session = await only(begun)
    assert session["tab_duration"] == {VIEW: {"": 20, TAB: 10}}
    assert session["visible_duration"] == 30


async def test_milliseconds_are_kept_and_seconds_answered(begun, pass_time):
    for step in range(10):
        pass_time(0.35)
        await keepalive(begun, (f"/{step % 3}",))
    session = await only(begun)
    assert session["visible_duration"] == 3
    assert sum(session["tab_duration"].values()) == 3
    assert isinstance(session["last_ping"], int)


async def test_the_same_seq_counts_once_in_any_order(begun, pass_time):
    pass_time(10)
    for seq in (1, 1, 1):
        await keepalive(begun, seq=seq, client="page")
    pass_time(10)
    await keepalive(begun, ("/late",), seq=3, client="page")
    await keepalive(begun, seq=2, client="page")
    await keepalive(begun, seq=1, client="page")
    session = await only(begun)
    assert session["visible_duration"] == 20
    assert session["last_visible_path"] == ["/late"]


BAD_NUMBERS = [
    {"seq": -1}, {"seq": 1.5}, {"seq": "1"}, {"seq": 2**53}, {"client": "x" * 65}, {"client": "é"}, {"client": 1},
    {"visible_ms": -1},
]  # fmt: skip


async def test_a_bad_number_of_a_ping_is_400(begun):
    for more in BAD_NUMBERS:
        (name,) = more
        assert name in bad(
            await begun.post("/api/v2/keepalive", json={"visible": True, "path": [VIEW], **more})
        )


# --- the list ----------------------------------------------------------------------------------------------------


@pytest.fixture
async def three(house, pass_time):
    """lea's session from 0 to 10 s, tom's from 100 s, ines's from 400 s; it is 450 s."""
    for username, wait in (("lea.student", 0), ("tom.teacher", 90), ("ines.teacher", 290)):
        pass_time(wait)
        async with house.client(username) as client:
            await client.post("/api/v2/sessionstart")
            pass_time(10)
            await keepalive(client)
    pass_time(40)


FILTERS = [
    ("", ["ines", "tom", "lea"]),
    ("?usernames[]=lea.student", ["lea"]),
    ("?usernames[]=lea.student&usernames[]=ines.teacher", ["ines", "lea"]),
    ("?usernames%5B%5D=lea.student", ["lea"]),
    ("?usernames[]=nobody", []),
    ("?active=true", ["ines"]),
    ("?active=false", ["tom", "lea"]),
    ("?active=", ["tom", "lea"]),
    ("?active=True", ["tom", "lea"]),
    (f"?started_after={START}", ["ines", "tom"]),
    (f"?started_after={START - 1}", ["ines", "tom", "lea"]),
    (f"?started_after={START + 0.5}", ["ines", "tom"]),
    (f"?stopped_before={START + 10}", []),
    (f"?stopped_before={START + 11}", ["lea"]),
    (f"?started_after={START}&stopped_before={START + 111}", ["tom"]),
    (f"?active=true&stopped_before={START + 111}", []),
    ("?started_after=-1e9&stopped_before=1e12", ["ines", "tom", "lea"]),
    (f"?started_after={2**70}", []),
]


async def test_filters_hold_together(three, client):
    for query, names in FILTERS:
        listed = await sessions(client, query)
        assert [session["username"].split(".")[0] for session in listed] == names, query


@pytest.mark.parametrize("name", ["started_after", "stopped_before"])
async def test_a_time_that_is_no_number_is_400(client, name):
    for value in ("yesterday", "", "nan", "inf", "1e999", "0x10", "1,5", "%00", "2026-03-02T12:00:00Z"):
        assert name in bad(await client.get(f"/api/v2/sessions?{name}={value}")), value


async def test_a_page_and_a_cursor_go_through_all(house, client, pass_time):
    for _ in range(7):
        await client.post("/api/v2/sessionstart")
        pass_time(300)
    seen, query = [], "?limit=3"
    while query:
        answer = await client.get(f"/api/v2/sessions{query}")
        page = answer.json()
        assert 0 < len(page) <= 3
        seen += page
        cursor = answer.headers.get("x-next-cursor")
        query = f"?limit=3&cursor={cursor}" if cursor else ""
    assert seen == await sessions(client)
    for limit in ("0", "1001", "many"):
        assert "limit" in bad(await client.get(f"/api/v2/sessions?limit={limit}"))
    assert "cursor" in bad(await client.get("/api/v2/sessions?cursor=nonsense"))


async def test_everybody_sees_everyone_unless_told_otherwise(house, three, client):
    assert len(await sessions(client)) == 3
    async with rebuilt(house, list="self") as private:
        async with private.client("lea.student") as lea, private.client("ada.admin") as admin:
            assert [session["username"] for session in await sessions(lea)] == ["lea.student"]
            assert await sessions(lea, "?usernames[]=tom.teacher") == []
            assert (await lea.get("/api/v2/stats?group_by=user")).json()["stats"] == [
                {"key": "lea.student", "visible_duration": 10, "sessions": 1}
            ]
            before = reads(private)
            assert len(await sessions(admin)) == 3
            await admin.get("/api/v2/stats?group_by=user")
        assert before == []
        assert [(event["type"], event["actor_id"]) for event in reads(private)] == [
            ("activity.sessions_read", private.ids["ada.admin"]), ("activity.stats_read", private.ids["ada.admin"]),
        ]  # fmt: skip


def reads(house):
    """The journal's entries about reads of others' activity."""
    table = journal.metadata.tables["journal"]
    with house.storage.engine.connect() as connection:
        rows = connection.execute(table.select().where(table.c.stream == "activity/reads"))
        return [dict(row._mapping) for row in rows]


# --- statistics, export, erasure -----------------------------------------------------------------------------------


async def test_statistics_are_the_lists_sums(three, client):
    async def stats(query):
        body = (await client.get(f"/api/v2/stats?{query}")).json()
        return [(row["key"], row["visible_duration"], row["sessions"]) for row in body["stats"]]

    assert await stats("group_by=page") == [(VIEW, 30, None)]
    assert sorted(await stats("group_by=user")) == [
        ("ines.teacher", 10, 1),
        ("lea.student", 10, 1),
        ("tom.teacher", 10, 1),
    ]
    assert await stats("group_by=day") == [("2026-03-02", 30, 3)]
    assert await stats("group_by=day&usernames[]=lea.student") == [("2026-03-02", 10, 1)]
    assert await stats("group_by=day&from=2026-03-02&to=2026-03-02") == [("2026-03-02", 30, 3)]
    assert await stats("group_by=day&from=2026-03-03") == []
    assert await stats("group_by=page&to=2026-03-01") == []
    whole = sum(session["visible_duration"] for session in await sessions(client))
    assert whole == 30


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("", "group_by"),
        ("group_by=week", "group_by"),
        ("group_by=day&from=soon", "from"),
        ("group_by=day&to=2026-02-30", "to"),
    ],
)
async def test_a_malformed_question_for_statistics_is_400(client, query, field):
    assert field in bad(await client.get(f"/api/v2/stats?{query}"))


async def test_ones_own_data_is_exported_and_erased(house, three, client):
    exported = (await client.get("/api/v2/my-activity")).json()
    assert (exported["user_id"], exported["username"]) == (house.ids["lea.student"], "lea.student")
    assert exported["sessions"] == await sessions(client, "?usernames[]=lea.student")
    assert exported["days"] == {"2026-03-02": 10}
    assert (await client.delete("/api/v2/my-activity")).json() == {"sessions": 1, "visible_duration": 10}
    assert [session["username"] for session in await sessions(client)] == ["ines.teacher", "tom.teacher"]
    assert (await client.get("/api/v2/my-activity")).json()["sessions"] == []
    stats = (await client.get("/api/v2/stats?group_by=page")).json()["stats"]
    assert stats == [{"key": VIEW, "visible_duration": 20, "sessions": None}]
    assert [event["type"] for event in reads(house)] == ["activity.erased"]
    assert (await client.delete("/api/v2/my-activity")).json() == {"sessions": 0, "visible_duration": 0}


async def test_after_an_erasure_a_ping_is_not_valid(begun):
    await begun.delete("/api/v2/my-activity")
    assert (await begun.post("/api/v2/keepalive", json={"visible": True, "path": [VIEW]})).json() == NOT_VALID


async def test_the_tracker_is_served_to_everybody(house):
    async with house.client() as nobody:
        script = await nobody.get("/activity.js")
    assert script.status_code == 200
    assert script.headers["content-type"].startswith("text/javascript")
    assert "/api/v2/keepalive" in script.text or "keepalive" in script.text
