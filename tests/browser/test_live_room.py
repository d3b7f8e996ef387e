"""Calls through the whole service: `stoa serve`, its page `/live/join/<room>`, and Chromium with fake cameras."""

import contextlib
import os
import signal
import time
from pathlib import Path

import httpx
import pytest
from tests.support import relays
from tests.support.processes import ROOT, Running

from stoa.web.auth import LOGIN_COOKIE

pytestmark = pytest.mark.browser

PASSWORD = "a long password"
NAMES = ("Ada", "Bo", "Cy", "Di", "Ed", "Flo")
SEEN = "[...document.querySelectorAll('.tile:not(.dark) video')].filter(each => each.videoWidth && each.currentTime > 0).length"
WITHOUT = """
const real = MediaDevices.prototype.getUserMedia;
MediaDevices.prototype.getUserMedia = function (wanted) {
  return wanted.%s ? Promise.reject(new DOMException('none', 'NotFoundError')) : real.call(this, wanted);
};
"""
NO_CAMERA, NO_MICROPHONE = WITHOUT % "video", WITHOUT % "audio"
OUTSIDE = """
[...document.querySelectorAll('#room :is(button, input, .tile)')].filter(each => each.offsetParent).map(each => [each, each.getBoundingClientRect()])
  .filter(([each, box]) => {
    const there = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
    return box.left < 0 || box.right > innerWidth || box.top < 0 || box.bottom > innerHeight || !each.contains(there);
  }).map(([each]) => each.id || each.outerHTML)
"""
EMBEDDED = {"STOA_LIVE_LISTEN": "127.0.0.1"}
ONLY_RELAYED = """
window.connections = [];
window.RTCPeerConnection = class extends RTCPeerConnection {
  constructor(configuration) {
    super({...configuration, iceTransportPolicy: 'relay'});
    connections.push(this);
  }
};
"""
PATHS = """
Promise.all(connections.map(async each => {
  const found = await each.getStats(), chosen = [...found.values()].find(one => one.type === 'transport').selectedCandidatePairId;
  return chosen && found.get(found.get(chosen).localCandidateId).candidateType;
}))
"""


class School:
    """A server with a teacher (the first) and students, which can be restarted."""

    def __init__(self, folder, **settings):
        self._folder, self._settings = folder, settings
        self.running = Running(folder, "--data", folder / "data", **settings).wait_ready(within=180)
        self.address, self.people = self.running.address, {}
        with self.client(self.running.sign_in()["access_token"]) as admin:
            for name in NAMES:
                access = "instructor" if name == NAMES[0] else "student"
                person = {"firstName": name, "lastName": "Li", "accessId": access, "password": PASSWORD}
                made = admin.post("/api/v1/users", json={"username": f"{name.lower()}.li"} | person)
                assert made.status_code == 200, made.text
        for name in NAMES:
            self.people[name] = self._signed_in(name)
        self.teacher = self.client(self.people[NAMES[0]][0])

    def client(self, token):
        return httpx.Client(base_url=self.address, headers={"authorization": f"Bearer {token}"}, timeout=60)

    def _signed_in(self, name):
        body = {"username": f"{name.lower()}.li", "password": PASSWORD}
        answer = httpx.post(f"{self.address}/auth/login", json=body, timeout=60)
        cookie = {"name": LOGIN_COOKIE, "value": answer.cookies[LOGIN_COOKIE], "url": self.address}
        return answer.json()["access_token"], cookie

    def session(self, **more):
        body = {"courseId": "c", "startsAt": "2026-12-26T15:00:00Z", "recordingEnabled": True}
        made = self.teacher.post("/live/sessions", json=body | more)
        assert made.status_code == 201, made.text
        return made.json()

    def restart(self):
        self.running.stop()
        data = self._folder / "data"
        self.running = Running(self._folder, "--data", data, port=self.running.port, **self._settings)
        self.running.wait_ready(within=180)

    def close(self):
        self.teacher.close()
        self.running.stop()
        for lock in self._folder.rglob("live/media*/**/*.lock"):
            with contextlib.suppress(OSError, ValueError):
                os.kill(int(lock.read_text()), signal.SIGKILL)


@pytest.fixture(scope="module")
def school(tmp_path_factory):
    school = School(tmp_path_factory.mktemp("school"), **EMBEDDED)
    yield school
    school.close()


@pytest.fixture
def session(school):
    session = school.session()
    yield session
    school.teacher.put(f"/live/sessions/{session['_id']}/status", json={"status": "ended"})


@pytest.fixture
def visit(media, school):
    """``visit(name, session)`` is somebody's page of a class, signed in, before they join."""
    with contextlib.ExitStack() as after:
        yield visiting(media, school, after)


def visiting(media, school, after):
    def visit(name, session, *, picture="240", script=None, viewport=None):
        context = media.new_context(**({"viewport": viewport} if viewport else {}))
        after.callback(context.close)
        context.set_default_timeout(60_000)
        if name is not None:
            context.add_cookies([school.people[name][1]])
        page = context.new_page()
        page.add_init_script(f"localStorage.setItem('stoa-live-picture', '{picture}')")
        if script:
            page.add_init_script(script)
        page.goto(f"{school.address}/live/join/{session['roomName']}")
        return page

    return visit


@pytest.fixture
def enter(visit):
    """The same, in the room."""

    def enter(name, session, **how):
        page = visit(name, session, **how)
        join(page)
        return page

    return enter


def join(page):
    """A busy machine may be too slow for its own fake camera: it is tried again, as a user would."""
    page.wait_for_selector("#try-camera:not([disabled])", timeout=60_000)
    for _ in range(3):
        if "try again" in page.inner_text("#try-camera") and "was not found" not in page.inner_text(
            "#devices-problem"
        ):
            page.click("#try-camera")
            page.wait_for_timeout(500)
    page.click("#join")
    page.wait_for_selector("#room:not([hidden])", timeout=60_000)


def eventually(page, true, *, within=60):
    deadline = time.monotonic() + within
    while not (found := true()):
        assert time.monotonic() < deadline, (page.inner_text("body"), flows(page))
        page.wait_for_timeout(50)
    return found


def shows(page, selector, text, **how):
    eventually(page, lambda: text in page.inner_text(selector), **how)


def sees(page, count):
    """So many pictures, one's own among them."""
    eventually(page, lambda: page.evaluate(SEEN) == count)


def flows(page):
    return page.evaluate("room.statistics()")


def incoming(page, kind="video"):
    return {
        each["publication"]: each
        for each in flows(page)
        if each["direction"] == "in" and each["kind"] == kind and each["publication"]
    }


def counts(page):
    """(seconds by the page's own clock, the pictures that come by who sends them, the frames of the camera's largest
    layer): at one moment, whenever the other pages are asked.
    """
    at, found = page.evaluate("room.statistics().then(found => [performance.now() / 1000, found])")
    video = [each for each in found if each["kind"] == "video"]
    seen = {each["userId"]: each for each in video if each["direction"] == "in" and each["publication"]}
    sent = [each for each in video if each["direction"] == "out" and each["source"] == "camera"]
    return at, seen, max(each["frames"] for each in sent)


def _everybody_comes(page, others):
    seen, heard = incoming(page).values(), incoming(page, "audio").values()
    return (
        len(seen) == len(heard) == others
        and all(each["frames"] > 5 for each in seen)
        and all(each["energy"] > 0 for each in heard)
    )


def assert_all_flow(pages, *, seconds, height):
    """Everybody hears everybody, and their frames come in every four seconds, at the size and rate at which they are sent."""
    others = len(pages) - 1
    for page in pages:
        eventually(page, lambda page=page: _everybody_comes(page, others))
    of = {page.evaluate("room.joined.userId"): page for page in pages}
    begun = before = [counts(page) for page in pages]
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        pages[0].wait_for_timeout(4000)
        now = [counts(page) for page in pages]
        for (_, seen, _), (_, earlier, _) in zip(now, before, strict=True):
            stalled = {user: each for user, each in seen.items() if each["frames"] <= earlier[user]["frames"]}
            assert not stalled, [flows(page) for page in pages]
        before = now
    rates = {
        user: (after[2] - first[2]) / (after[0] - first[0])
        for user, after, first in zip(of, before, begun, strict=True)
    }
    for (at, seen, _), (first_at, first, _) in zip(before, begun, strict=True):
        for user, each in seen.items():
            assert each["height"] == height
            rate = (each["frames"] - first[user]["frames"]) / (at - first_at)
            assert rate >= 0.8 * rates[user] - 2, (each, rate, rates)


def test_two_sign_in_and_talk(visit, enter, school, session):
    teacher = enter("Ada", session)
    bo = visit(None, session)
    bo.fill("[name=username]", "bo.li")
    bo.fill("[name=password]", "wrong")
    bo.click("#login button")
    shows(bo, "#state", "The username or the password is wrong.")
    bo.fill("[name=password]", PASSWORD)
    bo.click("#login button")
    join(bo)
    assert_all_flow([teacher, bo], seconds=8, height=240)
    for page in (teacher, bo):
        sees(page, 2)
    bo.fill("#text", "Good morning")
    bo.press("#text", "Enter")
    bo.focus("#hand")
    bo.keyboard.press("Enter")
    shows(teacher, "#said", "Good morning")
    shows(teacher, "#people-title", "2 here · 1 hand up")
    shows(bo, "#hand", "Lower hand")
    assert bo.evaluate("document.activeElement.id") == "hand", "who uses the keyboard goes on from there"
    bo.click("#mic")
    shows(bo, "#mic", "Unmute")
    teacher.wait_for_selector(
        "#people li:has-text('Bo Li') .sign:has-text('microphone off')", state="attached"
    )
    bo.click("#mic")
    shows(bo, "#mic", "Mute")
    teacher.wait_for_selector(
        "#people li:has-text('Bo Li') .sign:has-text('microphone off')", state="detached"
    )


def test_a_shared_screen_is_a_second_picture(enter, session):
    teacher, bo = enter("Ada", session), enter("Bo", session)
    teacher.click("#screen")
    bo.wait_for_selector('.tile.screen:has-text("Ada Li\'s screen")')
    eventually(
        bo,
        lambda: [each for each in incoming(bo).values() if each["source"] == "screen" and each["frames"] > 5],
    )
    assert {each["source"] for each in incoming(bo).values()} == {"screen", "camera"}
    # As the browser's own button does, which no script can press.
    teacher.evaluate("room.own.get('screen').track.dispatchEvent(new Event('ended'))")
    bo.wait_for_selector(".tile.screen", state="detached")
    shows(teacher, "#screen", "Share screen")
    teacher.click("#screen")
    bo.wait_for_selector(".tile.screen")


def test_the_owner_mutes_records_and_ends(enter, session):
    teacher, bo = enter("Ada", session), enter("Bo", session)
    sees(teacher, 2)
    teacher.click("[aria-label='Mute Bo Li']")
    shows(bo, "#state", "The teacher muted your microphone.")
    assert bo.evaluate("room.own.get('mic').track.enabled") is False
    bo.click("#hand")
    teacher.click("#record")
    shows(bo, "header", "Recording")
    late = enter("Cy", session)
    shows(late, "header", "Recording")
    late.wait_for_selector("#people li:has-text('Bo Li') .sign:has-text('microphone off')", state="attached")
    shows(late, "#people-title", "3 here · 1 hand up")
    late.click("#leave")
    shows(late, "main", "You left the class.")
    assert "Recording" not in late.inner_text("header")
    teacher.click("#record")
    teacher.click("#sure-yes")
    for page in (teacher, bo):
        shows(page, "main", "The class has ended.")
        assert page.is_hidden("#again")


def test_who_is_removed_is_out_at_once_and_not_back_with_an_old_token(enter, session):
    teacher, bo = enter("Ada", session), enter("Bo", session)
    sees(teacher, 2)
    old = bo.evaluate(
        "fetch(`../sessions/${room.joined.room}/token`, {method: 'POST'}).then(each => each.json())"
    )
    bo.evaluate("() => { room.on('out', ({reason}) => { window.out = {reason, at: Date.now()}; }); }")
    teacher.evaluate(
        "(user) => { window.began = Date.now(); return fetch(`../sessions/${room.joined.room}/participants/${user}/kick`, {method: 'POST'}); }",
        bo.evaluate("room.joined.userId"),
    )
    shows(bo, "main", "The teacher removed you")
    assert bo.evaluate("out.reason") == "kicked"
    assert bo.evaluate("out.at") - teacher.evaluate("began") < 10_000, "1 s, and more for a busy machine"
    refused = bo.evaluate(
        "token => import('/live/live.js').then(({LiveRoom}) => new LiveRoom({token}).join()).catch(({code}) => code)",
        old["token"],
    )
    assert refused == "live.token_refused"
    sees(teacher, 1)


def test_the_second_tab_takes_over(enter, session):
    teacher, first = enter("Ada", session), enter("Bo", session)
    sees(teacher, 2)
    second = enter("Bo", session)
    shows(first, "main", "in another tab")
    sees(second, 2)
    sees(teacher, 2)


def test_who_has_no_camera_is_heard(enter, session):
    teacher, bo = enter("Ada", session), enter("Bo", session, script=NO_CAMERA)
    eventually(teacher, lambda: [each for each in incoming(teacher, "audio").values() if each["energy"] > 0])
    shows(bo, "#camera-button", "Use a camera")
    assert teacher.evaluate(SEEN) == 1
    bo.click("#camera-button")
    shows(bo, "#state", "Your camera was not found.")
    sees(bo, 1)


@pytest.mark.long
def test_who_can_only_relay_is_in_the_call(service_or_skip, media, tmp_path):
    """A browser behind a firewall that lets nothing out but TURN: it is told of a server, and gets in by its credentials."""
    service_or_skip("coturn (/usr/bin/turnserver)", lambda: Path(relays.TURNSERVER).stat())
    with relays.coturn(tmp_path) as port, contextlib.ExitStack() as after:
        turn = {"STOA_LIVE_TURN": f"turn:127.0.0.1:{port}", "STOA_LIVE_TURN_SECRET": relays.SECRET}
        school = School(tmp_path, **EMBEDDED, **turn)
        after.callback(school.close)
        visit = visiting(media, school, after)
        session = school.session()
        pages = [visit("Ada", session), visit("Bo", session, script=ONLY_RELAYED)]
        for page in pages:
            join(page)
        assert_all_flow(pages, seconds=2, height=240)
        assert pages[1].evaluate(PATHS) == ["relay", "relay"]


def test_who_has_no_microphone_is_seen_to_have_none(enter, session):
    teacher, bo = enter("Ada", session), enter("Bo", session, script=NO_MICROPHONE)
    sees(teacher, 2)
    teacher.wait_for_selector(
        "#people li:has-text('Bo Li') .sign:has-text('microphone off')", state="attached"
    )
    assert teacher.is_disabled("[aria-label='Mute Bo Li']")
    bo.click("#mic")
    shows(bo, "#state", "Your microphone was not found.")
    assert "join" not in bo.inner_text("#state"), "they are in already"


def test_who_may_not_speak_sees_that_they_are_not_heard(enter, school, session):
    teacher, bo = enter("Ada", session), enter("Bo", session)
    sees(teacher, 2)
    path = (
        f"/live/sessions/{session['roomName']}/participants/{bo.evaluate('room.joined.userId')}/permissions"
    )
    silent = "#people li:has-text('Bo Li') .sign:has-text('microphone off')"
    assert school.teacher.post(path, json={"micAllowed": False}).status_code == 200
    for page in (teacher, bo):
        page.wait_for_selector(silent, state="attached")
    bo.click("#mic")
    shows(bo, "#state", "The teacher turned your microphone off for this class.")
    assert bo.evaluate("room.own.get('mic').track.enabled") is False
    assert school.teacher.post(path, json={"micAllowed": True}).status_code == 200
    shows(bo, "#mic", "Unmute")
    assert bo.inner_text("#state") == ""
    bo.click("#mic")
    for page in (teacher, bo):
        page.wait_for_selector(silent, state="detached")


@pytest.mark.parametrize(("width", "height"), [(390, 844), (844, 390)], ids=["upright", "lying"])
def test_on_a_telephone_all_is_in_reach(enter, session, width, height):
    page = enter("Ada", session, viewport={"width": width, "height": height})
    enter("Bo", session)
    sees(page, 2)
    assert page.evaluate(OUTSIDE) == []
    page.click("#show-chat")
    page.fill("#text", "Good morning")
    page.click("#chat button")
    shows(page, "#said", "Good morning")
    page.click("#show-people")
    page.click("[aria-label='Mute Bo Li']")
    page.wait_for_selector("#people li:has-text('Bo Li') .sign:has-text('microphone off')", state="attached")
    page.click("#show-people")
    assert page.evaluate(OUTSIDE) == []


def test_a_full_class_says_so(visit, enter, school):
    small = school.session(maxParticipants=1)
    enter("Ada", small)
    bo = visit("Bo", small)
    bo.wait_for_selector("#try-mic:not([disabled])", timeout=60_000)
    bo.click("#join")
    shows(bo, "#state", "The class is full.")


def test_a_room_that_does_not_exist_is_a_page_that_says_so(media, school):
    page = media.new_page()
    answer = page.goto(f"{school.address}/live/join/nowhere")
    assert answer.status == 404
    shows(page, "main", "There is no such class")
    page.close()


def test_the_example_of_the_readme_runs(enter, school, session):
    """A page of anybody's, with the package's own words."""
    bo = enter("Bo", session)
    readme = (ROOT / "console/live/README.md").read_text()
    example = readme.split("```js\n")[1].split("```")[0]
    page = bo.context.browser.new_page()
    page.goto(f"{school.address}/")
    example = (
        example.replace("NAME", session["roomName"])
        .replace("ines.moreau", "ada.li")
        .replace("stoa-demo", PASSWORD)
    )
    page.evaluate("async code => { await new (async () => {}).constructor(code)(); }", example)
    shows(bo, "#said", "Hello")
    sees(bo, 2)
    page.wait_for_function("document.querySelector('video')?.currentTime > 0")
    page.close()


def test_a_restart_of_the_server_drops_no_call(enter, school, session):
    teacher, bo = enter("Ada", session), enter("Bo", session)
    for page in (teacher, bo):
        sees(page, 2)
        page.evaluate("() => { room.on('joined', ({resumed}) => { window.resumed = resumed; }); }")
    before = incoming(bo)
    school.restart()
    for page in (teacher, bo):
        eventually(page, lambda page=page: page.evaluate("window.resumed") is True)
    after = incoming(bo)
    assert set(after) == set(before)
    (name,) = after
    assert after[name]["frames"] - before[name]["frames"] > 20
    teacher.fill("#text", "Still here")
    teacher.press("#text", "Enter")
    shows(bo, "#said", "Still here")


@pytest.mark.long
@pytest.mark.parametrize("count", [2, 4, 6])
def test_all_see_and_hear_each_other_for_half_a_minute(enter, session, count):
    pages = [enter(name, session) for name in NAMES[:count]]
    assert_all_flow(pages, seconds=30, height=240)


@pytest.mark.long
def test_a_720p_camera_is_seen_as_such(enter, visit, session):
    """Eight seconds are wanted, and a busy machine is given more."""
    viewer = enter("Ada", session, script=NO_CAMERA, viewport={"width": 1600, "height": 1000})
    bo = visit("Bo", session, picture="720")
    bo.wait_for_selector("#try-camera:not([disabled])")
    began = time.monotonic()
    join(bo)
    eventually(
        viewer, lambda: [each for each in incoming(viewer).values() if each["height"] == 720], within=20
    )
    print(f"720 lines {time.monotonic() - began:.1f} s after `Join now` was pressed")
