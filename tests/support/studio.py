"""A provider that carries nothing: it notes what it is asked, and says what a test has it say."""

from stoa.kernel.clock import to_millis
from stoa.live.media import messages as m


class FakeProvider:
    """``asked`` are its calls in order; ``failing`` are names of calls that fail. ``inside`` and ``silent`` are (room, user)."""

    name = "fake"
    makes_files = False
    own_clients = False

    def __init__(self, clock=None, recordings=None):
        self.asked, self.failing, self.inside, self.silent = [], set(), {}, set()
        self.recordings = recordings
        self.clock, self.told = clock, None

    @property
    def signalling(self):
        return self

    def _note(self, name, *args):
        self.asked.append((name, *args))
        if name in self.failing:
            raise OSError(f"{name} failed")

    @property
    def _at(self):
        return to_millis(self.clock.now())

    async def start(self, told):
        self.told = told
        return []

    async def stop(self):
        pass

    async def entry(self, shown, member):
        return {}

    async def open_room(self, room, *, max_participants):
        self._note("open_room", room, max_participants)

    async def close_room(self, room):
        self._note("close_room", room)
        for place in [each for each in self.inside if each[0] == room]:
            await self.leave(*place, reason="room-closed")

    async def start_recording(self, room, recording_id):
        self._note("start_recording", room)

    async def stop_recording(self, room):
        self._note("stop_recording", room)

    async def tracks(self, recording_id):
        return self.recordings / recording_id

    async def eject(self, room, user_id):
        self._note("eject", room, user_id)
        await self.leave(room, user_id, reason="kicked")

    async def permit(self, room, user_id, *, mic, camera):
        self._note("permit", room, user_id, mic, camera)

    async def join(self, room, user_id, *, mic=True, camera=True):
        self._note("join", room, user_id)
        self.inside[room, user_id] = True

    async def publish(self, room, user_id, offer, sources=None):
        self._note("publish", room, user_id)
        return f"answer to {offer}"

    async def answer(self, room, user_id, version, answer):
        """The media is there."""
        self._note("answer", room, user_id, version)
        await self.told(m.Joined(room, self._at, user_id))

    async def offer(self, room, user_id):
        return m.Offered(room, self._at, user_id, 1, "an offer", [])

    async def candidate(self, room, user_id, candidate):
        self._note("candidate", room, user_id)

    async def cut_off(self, room, user_id):
        """It is not missed."""

    def is_silent(self, room, user_id):
        return (room, user_id) in self.silent

    async def mute(self, room, user_id, source, *, muted):
        self._note("mute", room, user_id, source, muted)

    async def show(self, room, user_id, publication, *, max_height):
        self._note("show", room, user_id, publication, max_height)

    async def leave(self, room, user_id, *, reason="left"):
        if self.inside.pop((room, user_id), None):
            await self.told(m.Left(room, self._at, user_id, reason))
