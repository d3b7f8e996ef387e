"""Chromium with fake cameras in a class over the whole of Stoa, its media on Janus, which has a network of its own."""

import time

import pytest
from bench import januses
from tests.browser import test_live_room
from tests.browser.test_live_room import School, assert_all_flow, eventually, sees

pytestmark = pytest.mark.browser
session, visit, enter = test_live_room.session, test_live_room.visit, test_live_room.enter


@pytest.fixture(scope="module")
def school(service_or_skip, tmp_path_factory):
    service_or_skip("Janus", januses.check)
    network = januses.Network()
    server = januses.JanusServer(network, tmp_path_factory.mktemp("janus")).start()
    school = School(
        tmp_path_factory.mktemp("school"), STOA_LIVE_PROVIDER="janus", STOA_LIVE_JANUS=server.url,
        STOA_LIVE_JANUS_SECRET=januses.SECRET,
    )  # fmt: skip
    yield school
    school.close()
    server.stop()
    network.close()


def test_two_see_and_hear_each_other_and_one_is_put_out(enter, school, session):
    ada, bo = enter("Ada", session), enter("Bo", session)
    assert_all_flow([ada, bo], seconds=6, height=240)
    user = bo.evaluate("room.joined.userId")
    answer = school.teacher.post(f"/live/sessions/{session['roomName']}/participants/{user}/kick")
    assert answer.status_code == 200, answer.text
    bo.wait_for_selector("#room", state="hidden", timeout=60_000)


def test_who_only_watches_and_is_gone_without_a_word_is_out(enter, school, session, context, asleep):
    """No socket closes, and of who sends nothing Janus would tell after a minute. 5 s, and more for a busy machine."""
    ada = enter("Ada", session)
    context.add_cookies([school.people["Bo"][1]])
    bo = context.new_page()
    bo.goto(f"{school.address}/live/join/{session['roomName']}")
    bo.wait_for_selector("#try-camera:not([disabled])", timeout=60_000)
    bo.click("#join")
    bo.wait_for_selector("#room:not([hidden])", timeout=60_000)
    user = bo.evaluate("room.joined.userId")
    eventually(bo, lambda: test_live_room.incoming(bo))
    bo.wait_for_timeout(5_000)

    def there():
        ledger = school.teacher.get(f"/live/sessions/{session['roomName']}/participants").json()
        return [one for one in ledger if one["userId"] == user and one["leftAt"] is None]

    assert there(), "who only watches is asked, and answers"
    with asleep():
        gone = time.monotonic()
        eventually(ada, lambda: not there())
        took = time.monotonic() - gone
    print(f"out of the ledger after {took:.1f} s")
    assert took < 15
    sees(bo, 1)  # awake, it comes in again
    eventually(ada, there)


@pytest.mark.long
@pytest.mark.parametrize("count", [2, 4, 6])
def test_all_see_and_hear_each_other_for_half_a_minute(enter, session, count):
    names = test_live_room.NAMES[:count]
    assert_all_flow([enter(name, session) for name in names], seconds=30, height=240)
