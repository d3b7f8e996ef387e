"""A session as its document shows it: in the list, and whole to those who are in it."""

from __future__ import annotations

from typing import Any

from stoa.kernel.clock import from_millis
from stoa.missions.engine import Exercise
from stoa.missions.model import (
    ALL_CHANNEL,
    ChatMessage,
    Member,
    Person,
    Role,
    SessionConfig,
)
from stoa.missions.views._mission import mission_view
from stoa.missions.views._viewer import Viewer


def basic_view(exercise: Exercise) -> dict[str, Any]:
    """One row of the list. Nobody's ban list is shown there."""
    return {
        "_id": exercise.session_id,
        "missionId": exercise.mission.id,
        "state": str(exercise.state),
        "name": exercise.name,
        "ownerId": exercise.owner.id,
        "ownerUsername": exercise.owner.username,
        "ownerFirstName": exercise.owner.first_name,
        "ownerLastName": exercise.owner.last_name,
        "launchedAt": iso(exercise.launched_ms),
        "config": config_view(exercise.config),
        "participantIds": _of_role(exercise, Role.PARTICIPANT),
        "banList": [],
        "observerIds": _of_role(exercise, Role.OBSERVER),
        "managerIds": _of_role(exercise, Role.MANAGER),
    }


def session_view(exercise: Exercise, viewer: Viewer) -> dict[str, Any]:
    """The whole session as the viewer may see it. The chat is that of the channels they hear."""
    mission = exercise.mission
    return {
        **basic_view(exercise),
        "banList": list(exercise.bans) if viewer.manages else [],
        "members": members_view(exercise),
        "mission": {
            "_id": mission.id,
            "name": mission.name,
            "versionNumber": mission.version_number,
            "resourceLabel": mission.resource_label,
            **mission_view(exercise, viewer),
        },
        "chatChannels": channels_view(exercise, viewer),
        "chatMessages": [chat_view(exercise, one) for one in exercise.chat if hears(viewer, one.channel_id)],
    }


def current_session(exercise: Exercise, member: Member) -> dict[str, Any]:
    """The data of ``current-session`` and of ``session-joined``."""
    return {"session": session_view(exercise, Viewer.of(member)), "memberId": member.id}


def config_view(config: SessionConfig) -> dict[str, Any]:
    view: dict[str, Any] = {
        "accessibility": str(config.accessibility),
        "autoAssign": config.auto_assign,
        "infiniteResources": config.infinite_resources,
        "effectsEnabled": config.effects_enabled,
    }
    if config.name is not None:
        view["name"] = config.name
    if config.capacity is not None:
        view["capacity"] = config.capacity
    return view


def members_view(exercise: Exercise) -> list[dict[str, Any]]:
    return [
        {
            "_id": member.id,
            "user": person_view(member.person),
            "roleId": str(member.role),
            "forceId": member.force_id,
        }
        for member in exercise.members.values()
    ]


def person_view(person: Person) -> dict[str, Any]:
    return {
        "_id": person.id,
        "username": person.username,
        "firstName": person.first_name,
        "lastName": person.last_name,
        "accessId": person.access,
        "expressPermissionIds": list(person.express_permissions),
        "needsPasswordReset": False,
    }


def channels_view(exercise: Exercise, viewer: Viewer) -> list[dict[str, Any]]:
    """The channel of all, and those of the forces that the viewer hears."""
    channels = [{"_id": ALL_CHANNEL, "name": "All"}]
    return channels + [
        {"_id": force.id, "name": force.name}
        for force in exercise.mission.forces
        if viewer.sees_force(force.id)
    ]


def hears(viewer: Viewer, channel_id: str) -> bool:
    return channel_id == ALL_CHANNEL or viewer.sees_force(channel_id)


def chat_view(exercise: Exercise, message: ChatMessage) -> dict[str, Any]:
    return {
        "_id": message.id,
        "channelId": message.channel_id,
        "sessionId": exercise.session_id,
        "senderId": message.sender_id,
        "senderUsername": message.sender_username,
        "senderForceId": message.sender_force_id,
        "message": message.message,
        "timestamp": message.time_ms,
    }


def iso(millis: int) -> str:
    return from_millis(millis).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _of_role(exercise: Exercise, role: Role) -> list[str]:
    return [one.person.id for one in exercise.members.values() if one.role is role]
