"""A server that behaves as Daily documents its REST API and its webhooks, oddities included.

It listens on 127.0.0.1 and keeps everything in memory. A test plays the browsers: ``join`` with a meeting token, and
``leave``. What Daily would post is in ``outbox``: a test hands it on in any order, as often as it likes, or has ``flush``
post it to the webhooks that are registered.
"""

import base64
import hashlib
import hmac
import json
import threading
import urllib.error
import urllib.request
import uuid
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

import jwt

from stoa.live.daily import Account, Daily
from stoa.live.studio import Studio

KEY, DOMAIN = "a-key-of-daily-that-is-long-enough", "d-0001"


class AnswerError(Exception):
    def __init__(self, status, error, info="", headers=None, **more):
        self.status, self.headers = status, headers or {}
        self.body = {"error": error, "info": info} | more


def missing(what):
    return AnswerError(404, "not-found", f"{what} was not found")


class FakeDaily:
    """``asked`` are (method, path). ``troubles`` are answered instead, one each: a status, or (429, seconds).

    ``list_lag``: so many lists of recordings do not show one that has begun. ``most_listed``: people in one answer.
    """

    def __init__(self, clock=None):
        self.lock, self.url = threading.RLock(), None
        self.reset(clock)

    def reset(self, clock=None):
        self.clock = clock
        self.rooms, self.inside, self.banned = {}, {}, set()
        self.meetings, self.recordings, self.hooks = [], [], {}
        self.tokens, self.asked, self.troubles, self.outbox = {}, [], [], []
        self.list_lag, self.events, self.most_listed = 0, 0, 1000

    @property
    def now(self):
        return self.clock.now().timestamp() if self.clock else datetime.now(UTC).timestamp()

    # What browsers do.

    def join(self, token):
        """The name of the connection. Raises AnswerError as Daily would refuse it."""
        with self.lock:
            claims = jwt.decode(token, KEY, algorithms=["HS256"], options={"verify_exp": False})
            room, user_id = claims["r"], claims["ud"]
            config = self._room(room)["config"]
            there = self.people(room)
            if claims["exp"] <= self.now:
                raise AnswerError(403, "token-expired")
            if (room, user_id) in self.banned:
                raise AnswerError(403, "banned")
            if config.get("max_participants") and len(there) >= config["max_participants"]:
                raise AnswerError(403, "meeting-full")
            if config.get("enforce_unique_user_ids"):
                for one in [each for each in there if each["user_id"] == user_id]:
                    self.leave(one["session_id"])
            if not self.people(room):
                meeting = {"id": str(uuid.uuid4()), "room": room, "start_time": self.now, "participants": []}
                self.meetings.append(meeting)
                self._tell("meeting.started", room=room, meeting_id=meeting["id"], start_ts=self.now)
            session_id = str(uuid.uuid4())
            can_send = claims.get("p", {}).get("cs", True)
            one = {
                "session_id": session_id, "room": room, "user_id": user_id, "user_name": claims["u"],
                "owner": claims["o"], "joined_at": self.now, "can_send": can_send,
                "permissions": {"hasPresence": True, "canSend": can_send, "canAdmin": claims["o"]},
            }  # fmt: skip
            self.inside[session_id] = one
            self._tell("participant.joined", **self._payload(one))
            return session_id

    def leave(self, session_id):
        with self.lock:
            one = self.inside.pop(session_id)
            duration = self.now - one["joined_at"]
            meeting = next(each for each in reversed(self.meetings) if each["room"] == one["room"])
            meeting["participants"].append({
                "participant_id": session_id, "user_id": one["user_id"], "user_name": one["user_name"],
                "join_time": one["joined_at"], "duration": duration,
            })  # fmt: skip
            self._tell("participant.left", **self._payload(one), duration=duration)
            if not self.people(one["room"]):
                meeting["duration"] = self.now - meeting["start_time"]
                self._tell(
                    "meeting.ended", room=one["room"], meeting_id=meeting["id"], start_ts=meeting["start_time"],
                    end_ts=self.now,
                )  # fmt: skip

    def people(self, room):
        return [one for one in self.inside.values() if one["room"] == room]

    def make_file(self, recording_id=None, *, duration=None, tell=True):
        """A recording that was stopped becomes a file: only then is Daily's duration known."""
        one = next(each for each in self.recordings if recording_id in (None, each["id"]))
        one |= {"status": "finished", "duration": one.pop("ran", None) if duration is None else duration}
        one["s3key"] = f"stoa/{one['id']}.mp4"
        if tell:
            self._tell(
                "recording.ready-to-download", type="cloud", recording_id=one["id"], room_name=one["room_name"],
                start_ts=one["start_ts"], status="finished", max_participants=1, duration=one["duration"],
                s3_key=one["s3key"], tracks=[],
            )  # fmt: skip
        return one

    def break_recording(self, message="out of disk"):
        one = self.recordings[0]
        self._tell(
            "recording.error", action="clourd-recording-err", error_msg=message, instance_id=one["instance"],
            room_name=one["room_name"], timestamp=self.now,
        )  # fmt: skip

    def _payload(self, one):
        told = ("joined_at", "session_id", "room", "user_id", "user_name", "owner", "permissions")
        return {name: one[name] for name in told} | {"networkQualityState": "unknown", "will_eject_at": 0}

    # What Daily posts.

    def _tell(self, kind, **payload):
        self.events += 1
        self.outbox.append({
            "version": "1.0.0", "type": kind, "id": f"{kind}-{self.events:04}", "payload": payload,
            "event_ts": self.now + 0.25,
        })  # fmt: skip

    def taken(self):
        """What is in the outbox, which is empty then."""
        with self.lock:
            events, self.outbox = self.outbox, []
            return events

    def flush(self):
        """Posts it to every webhook that is active. After three failures in a row a webhook is FAILED."""
        for event in self.taken():
            for hook in self.hooks.values():
                if hook["state"] == "ACTIVE" and event["type"] in hook["eventTypes"]:
                    self._push(hook, event)

    def _push(self, hook, event):
        secret = base64.b64decode(hook["hmac"])
        body, headers = signed(event, secret, at=self.now)
        if self._post(hook["url"], body, headers) == 200:
            hook["failedCount"] = 0
            return
        hook["failedCount"] += 1
        if hook["failedCount"] >= 3:
            hook["state"] = "FAILED"

    def _post(self, url, body, headers):
        request = urllib.request.Request(url, body, {"content-type": "application/json"} | headers)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return None

    # What is asked of Daily.

    def answer(self, method, path, query, body):  # noqa: PLR0911 - a table of routes
        with self.lock:
            self.asked.append((method, path))
            if self.troubles:
                self._trouble(self.troubles.pop(0))
            match [method, *path.strip("/").split("/")[1:]]:
                case ["POST", "rooms"]:
                    return self._make_room(body)
                case ["GET", "rooms"]:
                    found = list(self.rooms.values())[: int(query["limit"])]
                    return {"total_count": len(self.rooms), "data": found}
                case [_, "rooms", name, *more]:
                    return self._of_room(method, name, more, query, body)
                case ["POST", "meeting-tokens"]:
                    return self._token(body["properties"])
                case ["GET", "meetings"]:
                    found = [each for each in self.meetings if each["room"] == query["room"]]
                    return {"total_count": len(found), "data": found[::-1]}
                case ["GET", "recordings"]:
                    return self._list_recordings(query)
                case ["GET", "recordings", name, "access-link"]:
                    return self._link(name, query)
        return self._of_hooks(method, path, body)

    def _trouble(self, trouble):
        if isinstance(trouble, tuple):
            raise AnswerError(429, "rate-limit-error", headers={"retry-after": str(trouble[1])})
        if trouble is not None:
            raise AnswerError(trouble, "server-error")

    def _room(self, name):
        room = self.rooms.get(name)
        if room is None:
            raise missing(f"room {name}")
        if room["config"].get("exp", self.now + 1) <= self.now:
            raise AnswerError(404, "not-found", f"room {name} has expired")
        return room

    def _make_room(self, body):
        name = body.get("name") or uuid.uuid4().hex
        if (
            not all(letter.isascii() and (letter.isalnum() or letter in "-_") for letter in name)
            or len(name) > 128
        ):
            raise AnswerError(400, "invalid-request-error", "the name is no good")
        if None in body["properties"].values():
            raise AnswerError(400, "invalid-request-error", "a property is null")
        if name in self.rooms:
            raise AnswerError(400, "invalid-request-error", f"a room named {name} already exists")
        config = {key: value for key, value in body["properties"].items() if value is not None}
        self.rooms[name] = {
            "id": str(uuid.uuid4()), "name": name, "api_created": True, "privacy": body.get("privacy", "public"),
            "url": f"https://fake.daily.test/{name}", "created_at": "2026-01-01T00:00:00.000Z", "config": config,
        }  # fmt: skip
        return self.rooms[name]

    def _of_room(self, method, name, more, query, body):  # noqa: PLR0911 - a table of routes
        if (method, more) == ("DELETE", []):
            return self._delete_room(name)
        if (method, more) == ("POST", []):
            if name not in self.rooms:
                raise missing(f"room {name}")
            config = self.rooms[name]["config"] | body.get("properties", {})
            self.rooms[name]["config"] = {key: value for key, value in config.items() if value is not None}
            return self.rooms[name]
        self._room(name)
        match [method, *more]:
            case ["GET"]:
                return self.rooms[name]
            case ["GET", "presence"]:
                return self._presence(name, int(query.get("limit", 100)))
            case ["POST", "eject"]:
                return self._eject(name, body)
            case ["POST", "update-permissions"]:
                for session_id, change in body["data"].items():
                    if session_id in self.inside:
                        self.inside[session_id]["can_send"] = change["canSend"]
                return {}
            case ["POST", "recordings", "start"]:
                return self._start(name, body)
            case ["POST", "recordings", "stop"]:
                return self._stop(name)
        raise missing("that")

    def _delete_room(self, name):
        room = self.rooms.pop(name, None)
        if room is None:
            raise missing(f"room {name}")
        if room["config"].get("exp", self.now + 1) <= self.now:
            raise AnswerError(400, "invalid-request-error", "the room has expired", deleted=True, name=name)
        return {"deleted": True, "name": name}

    def _presence(self, name, limit):
        data = [
            {
                "room": name, "id": one["session_id"], "userId": one["user_id"], "userName": one["user_name"],
                "mtgSessionId": "m", "duration": int(self.now - one["joined_at"]),
                "joinTime": datetime.fromtimestamp(one["joined_at"], UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            }
            for one in self.people(name)
        ]  # fmt: skip
        return {"total_count": len(data), "data": data[: min(limit, self.most_listed)]}

    def _eject(self, name, body):
        ids, keys = body.get("ids", []), body.get("user_ids", [])
        if len(ids) > 100 or len(keys) > 100:
            raise AnswerError(400, "invalid-request-error", "too many")
        if body.get("ban"):
            self.banned |= {(name, key) for key in keys}
        gone = [
            one["session_id"]
            for one in self.people(name)
            if one["session_id"] in ids or one["user_id"] in keys
        ]
        for session_id in gone:
            self.leave(session_id)
        return {"ejectedIds": gone}

    def _start(self, name, body):
        """Answers neither a name nor a time of it."""
        if not self.people(name):
            raise AnswerError(404, "not-found", f"room {name} does not seem to be hosting a call currently")
        if self.rooms[name]["config"].get("enable_recording") != "cloud":
            raise AnswerError(400, "invalid-request-error", "recording is not enabled")
        if any(one["room_name"] == name and one["status"] == "in-progress" for one in self.recordings):
            raise AnswerError(400, "invalid-request-error", "has an active stream")
        one = {
            "id": str(uuid.uuid4()), "room_name": name, "start_ts": int(self.now), "status": "in-progress",
            "instance": body.get("instanceId"), "lag": self.list_lag,
        }  # fmt: skip
        self.recordings.insert(0, one)
        self._tell(
            "recording.started", recording_id=one["id"], action="start-cloud-recording", layout={"preset": "default"},
            started_by="api", instance_id=one["instance"], start_ts=one["start_ts"],
        )  # fmt: skip
        return {"status": "sent"}

    def _stop(self, name):
        running = [
            one
            for one in self.recordings
            if one["room_name"] == name and one["status"] == "in-progress" and "ran" not in one
        ]
        if not running:
            raise AnswerError(400, "invalid-request-error", "no recording is running")
        running[0]["ran"] = self.now - running[0]["start_ts"]
        return {"status": "sent"}

    def _list_recordings(self, query):
        found = []
        for one in self.recordings:
            if one["room_name"] != query.get("room_name", one["room_name"]):
                continue
            if one["lag"] > 0:
                one["lag"] -= 1
                continue
            found.append({key: value for key, value in one.items() if key not in ("lag", "instance", "ran")})
        return {"total_count": len(found), "data": found}

    def _link(self, name, query):
        one = next((each for each in self.recordings if each["id"] == name), None)
        if one is None or one["status"] != "finished":
            raise missing(f"recording {name}")
        seconds = int(query.get("valid_for_secs", 3600))
        return {
            "download_link": f"https://files.daily.test/{name}.mp4?sig=x",
            "expires": int(self.now) + seconds,
        }

    def _token(self, asked):
        if len(asked.get("user_id", "")) > 36:
            raise AnswerError(400, "invalid-request-error", "user_id is too long")
        claims = {
            "r": asked["room_name"], "u": asked.get("user_name"), "ud": asked.get("user_id"),
            "o": asked.get("is_owner", False), "d": DOMAIN, "iat": int(self.now), "exp": asked["exp"],
        }  # fmt: skip
        if "permissions" in asked:
            claims["p"] = {"cs": asked["permissions"]["canSend"]}
        token = jwt.encode(claims, KEY, algorithm="HS256")
        self.tokens[asked["room_name"], asked.get("user_id", "").partition("-")[0]] = token
        return {"token": token}

    def _of_hooks(self, method, path, body):
        match [method, *path.strip("/").split("/")[1:]]:
            case ["GET", "webhooks"]:
                return list(self.hooks.values())
            case ["POST", "webhooks"]:
                self._test_hook(body["url"])
                hook = body | {
                    "uuid": str(uuid.uuid4()),
                    "state": "ACTIVE",
                    "failedCount": 0,
                    "domainId": DOMAIN,
                }
                hook.setdefault("hmac", base64.b64encode(b"made by daily").decode())
                self.hooks[hook["uuid"]] = hook
                return hook
            case ["POST", "webhooks", name] if name in self.hooks:
                self._test_hook(body.get("url", self.hooks[name]["url"]))
                self.hooks[name] |= body | {"state": "ACTIVE", "failedCount": 0}
                return self.hooks[name]
            case ["DELETE", "webhooks", name] if name in self.hooks:
                return self.hooks.pop(name)
        raise missing("that")

    def _test_hook(self, url):
        if self._post(url, b'{"test":"test"}', {}) != 200:
            raise AnswerError(
                400, "invalid-request-error", "non-200 status code returned from webhook endpoint"
            )


def signed(event, secret, *, at):
    """(body, headers) as Daily posts an event."""
    body = event if isinstance(event, bytes) else json.dumps(event).encode()
    timestamp = str(int(at))
    digest = hmac.new(secret, timestamp.encode() + b"." + body, hashlib.sha256).digest()
    return body, {"x-webhook-timestamp": timestamp, "x-webhook-signature": base64.b64encode(digest).decode()}


@contextmanager
def serving(fake):
    """``fake.url`` is the base of its REST API."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self):
            length = int(self.headers.get("content-length") or 0)
            raw = self.rfile.read(length)
            url = urlsplit(self.path)
            try:
                if self.headers.get("authorization") != f"Bearer {KEY}":
                    raise AnswerError(401, "authentication-error")  # noqa: TRY301
                body = json.loads(raw) if raw else {}
                status, answer, headers = (
                    200,
                    fake.answer(self.command, url.path, dict(parse_qsl(url.query)), body),
                    {},
                )
            except AnswerError as error:
                status, answer, headers = error.status, error.body, error.headers
            text = json.dumps(answer).encode()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_DELETE = _serve

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    fake.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    try:
        yield fake
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def at_daily(house, fake):
    """A house whose media is at ``fake`` from now on."""
    fake.reset(house.clock)
    provider = Daily(Account(fake.url, KEY), house.storage, house.clock, link_lifetime=timedelta(hours=1))
    object.__setattr__(house.inside.part(Studio), "provider", provider)
    return DailyStage(house, fake, provider)


class DailyStage:
    """What a test does in a house whose media is at ``fake``: the same words as ``FakeProvider``'s."""

    def __init__(self, house, fake, provider):
        self.house, self.fake, self.provider = house, fake, provider
        self.secret = provider._secret

    @property
    def inside(self):
        return {(one["room"], one["user_id"].partition("-")[0]): one for one in self.fake.inside.values()}

    async def answer(self, room, user_id, _version, _sdp):
        """Their browser joins with the last token that they got."""
        session_id = self.fake.join(self.fake.tokens[room, user_id])
        await self.deliver()
        return session_id

    async def leave(self, room, user_id, *, reason="left"):
        self.fake.leave(self.inside[room, user_id]["session_id"])
        await self.deliver()

    async def make_file(self):
        self.fake.make_file()
        await self.deliver()

    async def deliver(self):
        """All that Daily has to post, and what follows from it."""
        while events := self.fake.taken():
            for event in events:
                answer = await self.post(event)
                assert answer.status_code == 200, answer.text
            await self.provider.settled()

    async def post(self, event, **changed):
        body, headers = signed(event, self.secret, at=self.fake.now)
        async with self.house.client() as client:
            return await client.post("/live/webhooks/daily", content=body, headers=headers | changed)
