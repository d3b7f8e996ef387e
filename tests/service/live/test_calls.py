"""Calls through a real worker: aiortc's clients at the other end, on the loopback interface.

What every provider does is in ``tests/contract/test_live_providers.py``.
"""

import asyncio

import pytest
from aiortc.mediastreams import AudioStreamTrack
from tests.support.callers import Caller, Picture, eventually, still

from stoa.kernel.errors import ConflictError, InvalidError, NotFoundError
from stoa.live.media import messages as m

pytestmark = pytest.mark.anyio


def grows(counts, *keys):
    """Whether these counts have grown by five since now."""
    before = {key: counts.get(key, 0) for key in keys}
    return lambda: all(counts.get(key, 0) >= before[key] + 5 for key in keys)


async def test_who_comes_late_sees_who_is_there(hall):
    await hall.caller("ada")
    await eventually(lambda: hall.of(m.TrackChanged, source="camera", state="on"))
    bob = await hall.caller("bob", publish=False)
    await eventually(lambda: bob.seen and bob.heard)
    assert {shown.source for shown in hall.of(m.Offered, participant="bob")[-1].tracks} == {"mic", "camera"}


async def test_rooms_hear_nothing_of_each_other(hall):
    other = f"{hall.room}-other"
    await hall.controller.open_room(other)
    await hall.caller("ada")
    bob = await hall.caller("bob", publish=False, room=other)
    await eventually(lambda: hall.of(m.TrackChanged, source="camera", state="on"))
    await eventually(lambda: hall.of(m.Joined, room=other))
    assert bob.receiving.getTransceivers()[0].currentDirection == "inactive"
    assert not bob.seen
    await hall.controller.close_room(other)


async def test_who_leaves_takes_their_tracks_along(hall):
    await hall.caller("ada")
    bob = await hall.caller("bob", publish=False)
    await eventually(lambda: bob.seen)
    await hall.controller.leave(hall.room, "ada")
    await eventually(lambda: hall.of(m.Left, participant="ada", reason="left"))
    await eventually(lambda: hall.of(m.Offered, participant="bob")[-1].tracks == [])
    assert {event.source for event in hall.of(m.TrackChanged, state="gone")} == {"mic", "camera"}
    with pytest.raises(NotFoundError, match="Nobody"):
        await hall.controller.leave(hall.room, "ada")


async def test_sections_are_used_again(hall):
    """aiortc does not show what comes in them then; browsers do (see the browser test)."""
    await hall.caller("bob", publish=False)
    for name in ("ada", "eve", "kim"):
        await hall.caller(name)
        await eventually(lambda: hall.of(m.TrackChanged, participant=name, state="on"))  # noqa: B023
        await hall.controller.leave(hall.room, name)
    await hall.caller("joe")
    await eventually(
        lambda: (
            [shown.participant for shown in hall.of(m.Offered, participant="bob")[-1].tracks] == ["joe"] * 2
        )
    )
    assert hall.of(m.Offered, participant="bob")[-1].sdp.count("m=") == 2


async def test_a_kicked_participant_is_out_at_once(hall):
    ada = await hall.caller("ada")
    await eventually(lambda: ada.sending.connectionState == "connected")
    await hall.controller.leave(hall.room, "ada", reason="kicked")
    await eventually(lambda: ada.sending.connectionState in ("closed", "failed"))
    assert hall.of(m.Left, participant="ada")[0].reason == "kicked"


async def test_a_client_that_closes_is_out_at_once(hall):
    ada = await hall.caller("ada")
    await eventually(lambda: ada.receiving.connectionState == "connected")
    await ada.receiving.close()
    await eventually(lambda: hall.of(m.Left, participant="ada", reason="closed"))


async def test_who_only_stops_sending_stays(hall):
    ada, bob = await hall.caller("ada"), await hall.caller("bob")
    await eventually(lambda: ada.seen and bob.seen)
    await eventually(lambda: hall.of(m.TrackChanged, participant="ada", source="mic", state="on"))
    await ada.sending.close()
    await eventually(lambda: len(hall.of(m.TrackChanged, participant="ada", state="gone")) == 2)
    await eventually(lambda: hall.of(m.Offered, participant="bob")[-1].tracks == [])
    await eventually(grows(ada.seen, *ada.seen))
    ada.sending = None
    await ada.publish()
    await eventually(lambda: len(hall.of(m.TrackChanged, participant="ada", source="mic", state="on")) == 2)
    assert not hall.of(m.Left)


async def test_a_full_room_takes_nobody_more(hall):
    await hall.controller.open_room(hall.room, max_participants=2)
    answers = await asyncio.gather(
        *(hall.controller.join(hall.room, f"p{i}") for i in range(5)), return_exceptions=True
    )
    assert [type(answer).__name__ for answer in answers].count("RoomFullError") == 3
    with pytest.raises(ConflictError, match="full"):
        await hall.controller.join(hall.room, "late")
    await hall.controller.leave(hall.room, "p0")
    await hall.controller.join(hall.room, "late")


async def test_joining_again_replaces_the_first(hall):
    await hall.controller.open_room(hall.room, max_participants=1)
    await hall.caller("ada")
    await eventually(lambda: hall.of(m.Joined, participant="ada"))
    again = await hall.caller("ada")
    await eventually(lambda: len(hall.of(m.Joined, participant="ada")) == 2)
    assert [event.reason for event in hall.of(m.Left)] == ["replaced"]
    await eventually(lambda: again.sending.connectionState == "connected")


@pytest.mark.parametrize("way", ["permit", "mute"])
async def test_what_may_not_pass_reaches_nobody(hall, way):
    await hall.caller("ada")
    bob = await hall.caller("bob", publish=False)
    await eventually(lambda: bob.seen and bob.heard)

    async def let(passes):
        if way == "permit":
            await hall.controller.permit(hall.room, "ada", mic=True, camera=passes)
        else:
            await hall.controller.mute(hall.room, "ada", "camera", muted=not passes)

    await eventually(lambda: hall.of(m.TrackChanged, source="camera", state="on"))
    await let(False)
    await eventually(lambda: hall.of(m.TrackChanged, source="camera")[-1].state == "off")
    await still(bob.seen)
    seen = dict(bob.seen)
    await eventually(grows(bob.heard, *bob.heard))
    assert bob.seen == seen
    await let(True)
    await eventually(grows(bob.seen, *bob.seen))


async def test_who_may_not_send_from_the_start_is_not_seen_until_they_may(hall):
    await hall.caller("ada", mic=True, camera=False)
    bob = await hall.caller("bob", publish=False)
    await eventually(lambda: bob.heard)
    assert not bob.seen
    await hall.controller.permit(hall.room, "ada", mic=True, camera=True)
    await eventually(lambda: bob.seen)


async def test_a_screen_comes_and_goes_as_a_second_picture(hall):
    ada = await hall.caller("ada")
    bob = await hall.caller("bob", publish=False)
    await eventually(lambda: bob.seen)
    await ada.publish(Picture(320, 240))
    await eventually(lambda: len(bob.seen) == 2)
    assert {shown.source for shown in hall.of(m.Offered, participant="bob")[-1].tracks} == {
        "mic",
        "camera",
        "screen",
    }
    screen = ada.sending.getTransceivers()[-1]
    screen.direction = "inactive"
    await ada.publish(AudioStreamTrack())
    await eventually(lambda: hall.of(m.TrackChanged, source="screen", state="gone"))
    assert hall.of(m.Offered, participant="bob")[-1].tracks[-1].source == "screen-audio"


async def test_a_source_can_be_named(hall):
    ada = Caller(hall.controller, hall.room, "ada")
    hall.callers[hall.room, "ada"] = ada
    await ada.join()
    await ada.publish(Picture(), sources={"0": "screen"})
    await eventually(lambda: hall.of(m.TrackChanged, source="screen", state="on"))


@pytest.mark.parametrize("sources", [{"0": "camera"}, {"0": "nonsense"}, {"1": "mic"}])
async def test_a_source_of_another_kind_is_refused(hall, sources):
    ada = Caller(hall.controller, hall.room, "ada")
    hall.callers[hall.room, "ada"] = ada
    await ada.join()
    with pytest.raises(InvalidError, match="Section"):
        await ada.publish(sources=sources)


@pytest.mark.parametrize(
    "text", ["", "v=0", "garbage" * 1000, "v=0\r\n" + "a=x\r\n" * 200_000, "\0" * 1_000_000], ids=range(5)
)
async def test_what_is_no_description_is_refused(hall, text):
    await hall.controller.join(hall.room, "ada")
    with pytest.raises(InvalidError):
        await hall.controller.publish(hall.room, "ada", text)
    with pytest.raises(InvalidError):
        await hall.controller.answer(hall.room, "ada", 1, text)
    await hall.caller("bob")
    await eventually(lambda: hall.of(m.Joined, participant="bob"))


async def test_a_stale_answer_changes_nothing(hall):
    await hall.controller.join(hall.room, "ada")
    offered = await hall.controller.offer(hall.room, "ada")
    await hall.controller.answer(hall.room, "ada", offered.version + 7, offered.sdp)
    assert (await hall.controller.offer(hall.room, "ada")).version == offered.version


@pytest.mark.parametrize(
    "candidate", ["", "candidate:1 1 udp 1 10.0.0.1 5000 typ host", "candidate:1 1 udp 1 x.local 9 typ host"]
)
async def test_candidates_are_taken(hall, candidate):
    await hall.controller.join(hall.room, "ada")
    await hall.controller.candidate(hall.room, "ada", candidate)


async def test_what_is_no_candidate_is_refused(hall):
    await hall.controller.join(hall.room, "ada")
    with pytest.raises(InvalidError, match="candidate"):
        await hall.controller.candidate(hall.room, "ada", "candidate:nonsense")


async def test_numbers_of_a_room(hall):
    await hall.caller("ada")
    bob = await hall.caller("bob", publish=False)
    await eventually(lambda: bob.seen)
    stats = await hall.controller.stats(hall.room)
    ada = next(each for each in stats.participants if each.participant == "ada")
    assert {track.source for track in ada.sends if track.on} == {"mic", "camera"}
    assert ada.sends[1].layers[0].height == 120
    assert stats.participants[1].receives[1].packets > 0


@pytest.mark.parametrize("name", ["a b", "a\r\nb", "", "ä", "x" * 129])
async def test_a_name_that_could_forge_a_description_is_refused(hall, name):
    with pytest.raises(InvalidError, match="A name has"):
        await hall.controller.join(hall.room, name)


async def test_a_room_that_is_not_there(hall):
    with pytest.raises(NotFoundError, match="room"):
        await hall.controller.join("nowhere", "ada")


async def test_closing_a_room_ends_its_call(hall):
    ada = await hall.caller("ada")
    await eventually(lambda: hall.of(m.Joined))
    await hall.controller.close_room(hall.room)
    await eventually(lambda: hall.of(m.Left, reason="room-closed"))
    await eventually(lambda: ada.receiving.connectionState in ("closed", "failed"))
    await hall.controller.close_room(hall.room)
