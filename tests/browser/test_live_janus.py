"""Chromium with fake cameras in a class over the whole of Stoa, its media on Janus, which has a network of its own."""

import pytest
from bench import januses
from tests.browser import test_live_room
from tests.browser.test_live_room import School, assert_all_flow

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
    bo.wait_for_selector("#room", state="hidden", timeout=5_000)


@pytest.mark.long
@pytest.mark.parametrize("count", [2, 4, 6])
def test_all_see_and_hear_each_other_for_half_a_minute(enter, session, count):
    names = test_live_room.NAMES[:count]
    assert_all_flow([enter(name, session) for name in names], seconds=30, height=240)
