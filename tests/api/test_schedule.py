"""The schedule's document and rules, over HTTP, on SQLite and PostgreSQL."""

import asyncio

import pytest

pytestmark = pytest.mark.anyio
SERVED = ("schedule",)
YOGA = {
    "type": "RECURRING",
    "name": "Weekly Yoga Class",
    "startDateTime": "2023-12-01T09:00:00Z",
    "endDateTime": "2023-12-01T10:00:00Z",
    "repeatCycleType": "WEEKLY",
    "recurringDayOfWeek": "FRIDAY",
    "description": "Weekly yoga session for intermediate level",
}
WORKSHOP = {
    "type": "ONE_TIME",
    "name": "Special Workshop",
    "startDateTime": "2023-12-14T14:00:00Z",
    "endDateTime": "2023-12-14T16:00:00Z",
    "description": "Special workshop event",
}
DOCUMENTED = {
    "id", "type", "timelineId", "name", "startDateTime", "endDateTime", "repeatCycleType", "recurringDayOfWeek",
    "description", "createdAt", "updatedAt", "removedAt",
}  # fmt: skip


@pytest.fixture
async def teacher(house):
    async with house.client("ines.teacher") as client:
        yield client


@pytest.fixture
async def timeline(teacher):
    return await new_timeline(teacher)


async def new_timeline(client, zone="UTC", name="Studio"):
    answer = await client.post("/schedule/timelines", json={"name": name, "timezone": zone})
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]["id"]


async def create(client, timeline, body=WORKSHOP, **more):
    answer = await client.post("/schedule/sessions", json={**body, "timelineId": timeline, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


def faults(answer, status=400):
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert body["data"] is None
    return {error["field"] for error in body["meta"]["errors"]}


async def test_a_session_comes_back_as_documented(teacher, timeline):
    answer = await teacher.post("/schedule/sessions", json={**YOGA, "timelineId": timeline})
    assert answer.status_code == 200
    assert answer.json()["meta"] == {"message": "success"}
    session = answer.json()["data"]
    assert set(session) >= DOCUMENTED
    assert {key: session[key] for key in YOGA} == YOGA
    assert session["removedAt"] is None
    again = await teacher.get(f"/schedule/sessions/{session['id']}")
    assert again.json() == answer.json()


async def test_the_list_counts_all_that_match(teacher, timeline):
    for hour in range(3):
        await create(
            teacher,
            timeline,
            startDateTime=f"2024-01-01T{hour:02}:00:00Z",
            endDateTime=f"2024-01-01T{hour:02}:30:00Z",
        )
    answer = await teacher.get(
        f"/schedule/sessions?timelineId={timeline}&take=2&skip=0&startDateTimeSortOrder=asc"
    )
    assert answer.json()["meta"] == {"message": "success", "meta": {"skip": 0, "take": 2, "count": 3}}
    starts = [session["startDateTime"] for session in answer.json()["data"]]
    assert starts == ["2024-01-01T00:00:00Z", "2024-01-01T01:00:00Z"]
    newest = await teacher.get("/schedule/sessions?take=1")
    assert newest.json()["data"][0]["startDateTime"] == "2024-01-01T02:00:00Z"
    some = await teacher.get("/schedule/sessions?from=2024-01-01T01:00:00Z&to=2024-01-01T02:00:00Z")
    assert some.json()["meta"]["meta"]["count"] == 1


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("skip=-1", "skip"), ("take=0", "take"), ("take=101", "take"), ("take=many", "take"),
        ("startDateTimeSortOrder=UP", "startDateTimeSortOrder"), ("from=yesterday", "from"), ("skip=9e99", "skip"),
    ],
)  # fmt: skip
async def test_a_malformed_list_query_names_its_parameter(teacher, query, field):
    assert field in faults(await teacher.get(f"/schedule/sessions?{query}"))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"type": "SOMETIMES"}, "type"), ({"type": None}, "type"), ({"name": ""}, "name"), ({"name": 7}, "name"),
        ({"name": "x" * 256}, "name"), ({"timelineId": 1}, "timelineId"), ({"name": "a\0b"}, "name"),
        ({"timelineId": "2c4f0b1e-0000-4000-8000-000000000000"}, "timelineId"),
        ({"startDateTime": "tomorrow"}, "startDateTime"), ({"startDateTime": "2023-12-01T09:00:00"}, "startDateTime"),
        ({"startDateTime": "9999-12-31T23:59:59-14:00"}, "startDateTime"),
        ({"endDateTime": YOGA["startDateTime"]}, "endDateTime"), ({"endDateTime": None}, "endDateTime"),
        ({"startDateTime": None}, "startDateTime"), ({"repeatCycleType": None}, "repeatCycleType"),
        ({"repeatCycleType": "HOURLY"}, "repeatCycleType"), ({"repeatCycleType": "DAILY"}, "recurringDayOfWeek"),
        ({"type": "ONE_TIME"}, "repeatCycleType"), ({"recurringDayOfWeek": "FREITAG"}, "recurringDayOfWeek"),
        ({"interval": 0}, "interval"), ({"interval": 1001}, "interval"), ({"count": 0}, "count"),
        ({"count": 2, "until": "2030-01-01T00:00:00Z"}, "until"), ({"until": "2020-01-01T00:00:00Z"}, "until"),
        ({"exceptions": ["Friday"]}, "exceptions[0]"), ({"exceptions": ["2023-12-08"] * 1001}, "exceptions"),
        ({"overrides": [{"name": "no date"}]}, "overrides[0].date"),
    ],
)  # fmt: skip
async def test_a_wrong_field_is_named_and_nothing_changes(teacher, timeline, change, field):
    body = {**YOGA, "timelineId": timeline, **change}
    assert field in faults(await teacher.post("/schedule/sessions", json=body))
    assert (await teacher.get("/schedule/sessions")).json()["meta"]["meta"]["count"] == 0


@pytest.mark.parametrize("missing", ["type", "timelineId", "name"])
async def test_what_is_required_is_named(teacher, timeline, missing):
    body = {**WORKSHOP, "timelineId": timeline}
    del body[missing]
    assert faults(await teacher.post("/schedule/sessions", json=body)) == {missing}


@pytest.mark.parametrize("body", [b"{", b"", b"[1]", b"\xff\xfe", b'{"a":' * 5000, b"null"])
async def test_what_is_no_session_at_all_is_400(teacher, body):
    answer = await teacher.post(
        "/schedule/sessions", content=body, headers={"content-type": "application/json"}
    )
    faults(answer)


async def test_unknown_keys_are_left_out(teacher, timeline):
    session = await create(teacher, timeline, colour="green", seq=9)
    assert "colour" not in session


async def test_9_in_paris_stays_9_in_paris(teacher):
    timeline = await new_timeline(teacher, "Europe/Paris")
    session = await create(
        teacher,
        timeline,
        YOGA,
        startDateTime="2024-01-05T09:00:00+01:00",
        endDateTime="2024-01-05T10:00:00+01:00",
    )
    answer = await teacher.get(
        f"/schedule/sessions/{session['id']}/occurrences?from=2024-03-25T00:00:00Z&to=2024-04-08T00:00:00Z"
    )
    assert [item["startDateTime"] for item in answer.json()["data"]] == [
        "2024-03-29T08:00:00Z",
        "2024-04-05T07:00:00Z",
    ]


async def test_a_collision_is_409_and_names_the_first_occurrences(teacher, timeline):
    yoga = await create(teacher, timeline, YOGA)
    body = {**WORKSHOP, "startDateTime": "2031-05-02T09:30:00Z", "endDateTime": "2031-05-02T11:00:00Z"}
    answer = await teacher.post("/schedule/sessions", json={**body, "timelineId": timeline})
    assert answer.status_code == 409
    assert answer.json()["data"] is None
    assert answer.json()["meta"]["conflicts"] == [
        {
            "sessionId": yoga["id"], "name": yoga["name"],
            "startDateTime": "2031-05-02T09:00:00Z", "endDateTime": "2031-05-02T10:00:00Z",
        }
    ]  # fmt: skip
    touching = {**body, "startDateTime": "2031-05-02T10:00:00Z"}
    assert (
        await teacher.post("/schedule/sessions", json={**touching, "timelineId": timeline})
    ).status_code == 200


async def test_an_owner_is_in_one_place_at_a_time(house, teacher, timeline):
    other = await new_timeline(teacher, name="Elsewhere")
    await create(teacher, timeline)
    assert (
        await teacher.post("/schedule/sessions", json={**WORKSHOP, "timelineId": other})
    ).status_code == 409
    async with house.client("tom.teacher") as tom:
        await create(tom, other)


async def test_a_session_without_times_never_collides(teacher, timeline):
    for _ in range(2):
        await create(teacher, timeline, startDateTime=None, endDateTime=None)
    await create(teacher, timeline, endDateTime=None)


async def test_of_ten_racing_requests_one_wins(teacher, timeline):
    body = {**YOGA, "timelineId": timeline}
    answers = await asyncio.gather(*(teacher.post("/schedule/sessions", json=body) for _ in range(10)))
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 9


async def test_an_edit_changes_only_what_it_names(teacher, timeline):
    session = await create(teacher, timeline, YOGA)
    change = {
        "startDateTime": "2023-12-08T10:30:00Z",
        "endDateTime": "2023-12-08T11:30:00Z",
        "description": "Updated time for yoga session",
    }
    answer = await teacher.patch(
        f"/schedule/sessions/{session['id']}", json={**change, "timelineId": "elsewhere"}
    )
    changed = answer.json()["data"]
    assert answer.status_code == 200
    assert changed == {**session, **change, "updatedAt": changed["updatedAt"]}
    assert changed["updatedAt"] is not None


async def test_an_edit_into_a_collision_changes_nothing(teacher, timeline):
    await create(teacher, timeline, YOGA)
    session = await create(teacher, timeline)
    change = {"startDateTime": "2023-12-08T09:00:00Z", "endDateTime": "2023-12-08T10:00:00Z"}
    assert (await teacher.patch(f"/schedule/sessions/{session['id']}", json=change)).status_code == 409
    assert (await teacher.get(f"/schedule/sessions/{session['id']}")).json()["data"] == session


async def occurrences(client, session_id):
    answer = await client.get(
        f"/schedule/sessions/{session_id}/occurrences?from=2023-12-01T00:00:00Z&to=2024-01-01T00:00:00Z"
    )
    return [(item["date"], item["startDateTime"][11:16], item["name"]) for item in answer.json()["data"]]


async def test_one_occurrence_moves_and_is_renamed(teacher, timeline):
    session = await create(teacher, timeline, YOGA)
    answer = await teacher.patch(
        f"/schedule/sessions/{session['id']}?scope=this&occurrence=2023-12-15",
        json={"startDateTime": "2023-12-15T11:00:00Z", "name": "Late Yoga"},
    )
    assert answer.status_code == 200
    seen = await occurrences(teacher, session["id"])
    assert ("2023-12-15", "11:00", "Late Yoga") in seen
    assert ("2023-12-08", "09:00", YOGA["name"]) in seen


async def test_following_occurrences_become_a_session_of_their_own(teacher, timeline):
    session = await create(teacher, timeline, YOGA)
    answer = await teacher.patch(
        f"/schedule/sessions/{session['id']}?scope=following&occurrence=2023-12-15", json={"name": "Yoga II"}
    )
    later = answer.json()["data"]
    assert later["id"] != session["id"]
    assert [day for day, _, _ in await occurrences(teacher, session["id"])] == ["2023-12-01", "2023-12-08"]
    assert [(day, name) for day, _, name in await occurrences(teacher, later["id"])] == [
        ("2023-12-15", "Yoga II"), ("2023-12-22", "Yoga II"), ("2023-12-29", "Yoga II"),
    ]  # fmt: skip


async def test_one_occurrence_or_the_later_ones_are_deleted(teacher, timeline):
    session = await create(teacher, timeline, YOGA)
    url = f"/schedule/sessions/{session['id']}"
    assert (await teacher.delete(f"{url}?scope=this&occurrence=2023-12-08")).json()["data"]["exceptions"] == [
        "2023-12-08"
    ]
    assert (await teacher.delete(f"{url}?scope=following&occurrence=2023-12-22")).json()["data"][
        "removedAt"
    ] is None
    assert [day for day, _, _ in await occurrences(teacher, session["id"])] == ["2023-12-01", "2023-12-15"]


async def test_a_scope_needs_an_occurrence_that_is_there(teacher, timeline):
    session = await create(teacher, timeline, YOGA)
    url = f"/schedule/sessions/{session['id']}"
    assert faults(await teacher.delete(f"{url}?scope=this")) == {"occurrence"}
    assert faults(await teacher.delete(f"{url}?scope=never")) == {"scope"}
    assert faults(await teacher.delete(f"{url}?scope=this&occurrence=soon")) == {"occurrence"}
    assert (await teacher.delete(f"{url}?scope=this&occurrence=2023-12-09")).status_code == 404
    assert faults(await teacher.patch(f"{url}?scope=this&occurrence=2023-12-08", json={"interval": 2})) == {
        "interval"
    }


async def test_deletion_is_soft_and_final(teacher, timeline):
    session = await create(teacher, timeline)
    url = f"/schedule/sessions/{session['id']}"
    assert (await teacher.delete(url)).json()["data"]["removedAt"] is not None
    assert (await teacher.get(url)).status_code == 404
    assert (await teacher.delete(url)).status_code == 404
    assert (await teacher.get("/schedule/sessions")).json()["meta"]["meta"]["count"] == 0
    await create(teacher, timeline)


async def test_removed_at_routes(teacher, timeline):
    one = await create(teacher, timeline)
    removed = await teacher.patch(f"/schedule/sessions/{one['id']}/removedAt")
    assert removed.json()["data"]["removedAt"] is not None
    ids = [(await create(teacher, timeline, startDateTime=None))["id"] for _ in range(3)]
    assert (await teacher.patch("/schedule/sessions/removedAt", json=[*ids, "nobody"])).status_code == 404
    answer = await teacher.patch("/schedule/sessions/removedAt", json=ids)
    assert answer.json() == {"data": 3, "meta": {"message": "success"}}


@pytest.mark.parametrize("method", ["get", "patch", "delete"])
async def test_an_unknown_session_is_404(teacher, method):
    kwargs = {"json": {}} if method == "patch" else {}
    answer = await getattr(teacher, method)("/schedule/sessions/nowhere", **kwargs)
    assert answer.status_code == 404
    assert answer.json()["data"] is None


async def test_rights(house, teacher, timeline):
    session = await create(teacher, timeline)
    url = f"/schedule/sessions/{session['id']}"
    async with (
        house.client() as nobody,
        house.client("lea.student") as student,
        house.client("tom.teacher") as other,
        house.client("ada.admin") as admin,
    ):
        assert (await nobody.get(url)).status_code == 401
        assert (await nobody.post("/schedule/sessions", content=b"{")).status_code == 401
        assert (await student.get(url)).status_code == 200
        assert (
            await student.post("/schedule/sessions", json={**WORKSHOP, "timelineId": timeline})
        ).status_code == 403
        assert (await student.post("/schedule/timelines", json={"name": "Mine"})).status_code == 403
        for stranger in (student, other):
            assert (await stranger.patch(url, json={"name": "Mine"})).status_code == 403
            assert (await stranger.delete(url)).status_code == 403
            assert (
                await stranger.patch("/schedule/sessions/removedAt", json=[session["id"]])
            ).status_code == 403
            assert (await stranger.delete(f"/schedule/timelines/{timeline}")).status_code == 403
        assert (await admin.patch(url, json={"name": "Ours"})).status_code == 200
        assert (await admin.delete(url)).status_code == 200


async def test_occurrences_are_paged_with_a_cursor(teacher, timeline):
    for hour in range(4):
        await create(
            teacher, timeline, {**YOGA, "repeatCycleType": "DAILY", "recurringDayOfWeek": None},
            startDateTime=f"2023-12-01T{hour:02}:00:00Z", endDateTime=f"2023-12-01T{hour:02}:30:00Z",
        )  # fmt: skip
    url = "/schedule/occurrences?from=2024-01-01T00:00:00Z&to=2025-01-01T00:00:00Z"
    first = (await teacher.get(url)).json()
    assert len(first["data"]) == 1000
    second = (await teacher.get(f"{url}&cursor={first['meta']['cursor']}")).json()
    assert len(second["data"]) == 366 * 4 - 1000
    assert "cursor" not in second["meta"]
    seen = [(item["startDateTime"], item["sessionId"]) for item in first["data"] + second["data"]]
    assert seen == sorted(set(seen))


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("from=2024-01-01T00:00:00Z&to=2025-01-03T00:00:00Z", "to"),
        ("from=2024-01-01T00:00:00Z&to=2024-01-01T00:00:00Z", "to"),
        ("to=2024-01-01T00:00:00Z", "from"),
        ("from=2024-01-01T00:00:00Z&to=2024-02-01T00:00:00Z&cursor=abc", "cursor"),
    ],
)
async def test_a_window_that_is_none_is_400(teacher, query, field):
    assert field in faults(await teacher.get(f"/schedule/occurrences?{query}"))


async def test_free_busy_merges(house, teacher, timeline):
    other = await new_timeline(teacher, name="Other")
    await create(teacher, timeline, startDateTime="2024-01-01T09:00:00Z", endDateTime="2024-01-01T10:00:00Z")
    await create(teacher, other, startDateTime="2024-01-01T10:00:00Z", endDateTime="2024-01-01T11:00:00Z")
    owner, student = house.ids["ines.teacher"], house.ids["lea.student"]
    answer = await teacher.get(
        f"/schedule/free-busy?owners[]={owner}&owners[]={student}&from=2024-01-01T09:30:00Z&to=2024-01-02T00:00:00Z"
    )
    assert answer.json()["data"] == [
        {
            "ownerId": owner,
            "busy": [{"startDateTime": "2024-01-01T09:30:00Z", "endDateTime": "2024-01-01T11:00:00Z"}],
        },
        {"ownerId": student, "busy": []},
    ]


async def test_a_list_of_five_thousand_owners_is_400(teacher):
    owners = "&".join("owners[]=a" for _ in range(5_000))
    faults(
        await teacher.get(f"/schedule/free-busy?from=2024-01-01T00:00:00Z&to=2024-01-02T00:00:00Z&{owners}")
    )


async def test_a_timeline_is_kept_changed_and_removed(teacher, timeline):
    url = f"/schedule/timelines/{timeline}"
    assert (await teacher.patch(url, json={"name": "Season", "timezone": "Asia/Tokyo"})).json()["data"][
        "timezone"
    ] == ("Asia/Tokyo")
    assert faults(await teacher.patch(url, json={"timezone": "Mars/Base"})) == {"timezone"}
    session = await create(teacher, timeline, YOGA)
    assert (await teacher.patch(url, json={"timezone": "UTC"})).status_code == 409
    assert (await teacher.get("/schedule/timelines")).json()["meta"]["meta"]["count"] == 1
    assert (await teacher.delete(url)).json()["data"]["removedAt"] is not None
    assert (await teacher.get(url)).status_code == 404
    assert (await teacher.get(f"/schedule/sessions/{session['id']}")).status_code == 404


async def test_a_calendar_goes_out_and_comes_back(house, teacher):
    timeline = await new_timeline(teacher, "Europe/Paris")
    session = await create(teacher, timeline, YOGA, exceptions=["2023-12-08"])
    feed_url = (await teacher.get(f"/schedule/timelines/{timeline}")).json()["data"]["feedUrl"]
    async with house.client() as nobody, house.client("lea.student") as student:
        feed = await nobody.get(feed_url)
        assert feed.status_code == 200
        assert feed.headers["content-type"].startswith("text/calendar")
        assert b"RRULE:FREQ=WEEKLY" in feed.content
        assert (await nobody.get(feed_url[:-1])).status_code == 404
        assert (await student.get(f"/schedule/timelines/{timeline}")).json()["data"]["feedUrl"] is None
    same = await teacher.post(f"/schedule/timelines/{timeline}/import", content=feed.content)
    assert [item["id"] for item in same.json()["data"]["updated"]] == [session["id"]]
    await teacher.delete(f"/schedule/sessions/{session['id']}")
    back = await teacher.post(
        f"/schedule/timelines/{timeline}/import", files={"file": ("a.ics", feed.content)}
    )
    (created,) = back.json()["data"]["created"]
    same_fields = {key for key in created if key not in ("id", "createdAt", "updatedAt")}
    assert {key: created[key] for key in same_fields} == {key: session[key] for key in same_fields}
    renewed = (await teacher.post(f"/schedule/timelines/{timeline}/calendar-link")).json()["data"]["feedUrl"]
    async with house.client() as nobody:
        assert (await nobody.get(feed_url)).status_code == 404
        assert (await nobody.get(renewed)).status_code == 200


async def test_what_an_import_can_not_take_is_told(teacher, timeline):
    event = "BEGIN:VEVENT\r\nUID:{}\r\nDTSTART:20260301T{}0000Z\r\nDURATION:PT1H\r\nSUMMARY:{}\r\n{}END:VEVENT\r\n"
    events = [
        event.format("u" * 256, "06", "Long uid", ""),
        event.format("long-name", "08", "n" * 256, ""),
        event.format("hourly", "10", "Hourly", "RRULE:FREQ=HOURLY\r\n"),
        event.format("fine", "12", "Fine", ""),
        event.format("late", "12", "Same time", ""),
    ]
    data = f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{''.join(events)}END:VCALENDAR\r\n".encode()
    answer = await teacher.post(f"/schedule/timelines/{timeline}/import", content=data)
    taken = answer.json()["data"]
    assert [session["name"] for session in taken["created"]] == ["Fine"]
    assert len(taken["refused"]) == 4
    assert all(refusal["reason"] for refusal in taken["refused"])


async def test_what_is_no_calendar_is_400(teacher, timeline):
    assert "file" in faults(await teacher.post(f"/schedule/timelines/{timeline}/import", content=b"hello"))
    assert "file" in faults(
        await teacher.post(f"/schedule/timelines/{timeline}/import", files={"other": b"x"})
    )


async def test_an_unknown_address_and_method_speak_the_same_dialect(teacher):
    assert (await teacher.get("/schedule/sessions/a/b/c")).json()["data"] is None
    assert (await teacher.put("/schedule/sessions", json={})).status_code == 405
    assert (await teacher.put("/schedule/sessions", json={})).json()["data"] is None
