"""Requests and responses of the accounts room. Names of the wire live here and nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from stoa.accounts import rules
from stoa.accounts.errors import InvalidUserError
from stoa.accounts.model import PERMISSIONS, ApiKey, NewUser, User, UserChange
from stoa.kernel.errors import Fault
from stoa.web.errors import Dialect, Problem, plain_body
from stoa.web.values import Instant, InstantText, iso_millis

if TYPE_CHECKING:
    from stoa.accounts.desk import Pass

ObjectId = Annotated[str, Meta(extra_json_schema={"pattern": "^[0-9a-f]{24}$"})]
Username = Annotated[
    str, Meta(extra_json_schema={"minLength": 5, "maxLength": 25, "pattern": "^[A-Za-z0-9._-]+$"})
]
Password = Annotated[
    str, Meta(extra_json_schema={"minLength": 8, "maxLength": 50, "format": "password", "writeOnly": True})
]
Name = Annotated[str, Meta(extra_json_schema={"minLength": 1, "maxLength": 50})]
AccessId = Annotated[
    str, Meta(extra_json_schema={"enum": ["student", "instructor", "admin", "revokedAccess"]})
]
PermissionId = Annotated[str, Meta(extra_json_schema={"enum": list(PERMISSIONS)})]
Flag = Annotated[
    bool | int | str, Meta(description="true or false; also 0, 1, and t, f, yes, no, y, n in any case.")
]


# Users


class CreateUserBody(Struct, rename="camel"):
    username: Username
    access_id: AccessId
    first_name: Name
    last_name: Name
    password: Password
    express_permission_ids: list[PermissionId] = []
    needs_password_reset: Flag = False

    def to_new_user(self) -> NewUser:
        return NewUser(
            username=self.username,
            first_name=self.first_name,
            last_name=self.last_name,
            access=rules.access_level(self.access_id),
            express_permissions=tuple(self.express_permission_ids),
            needs_password_reset=_flag(self.needs_password_reset),
        )


class UpdateUserBody(Struct, rename="camel"):
    """Only what is sent is changed."""

    id: ObjectId = msgspec.field(name="_id")
    username: Username | UnsetType = UNSET
    access_id: AccessId | UnsetType = UNSET
    first_name: Name | UnsetType = UNSET
    last_name: Name | UnsetType = UNSET
    password: Password | UnsetType = UNSET
    express_permission_ids: list[PermissionId] | UnsetType = UNSET
    needs_password_reset: Flag | UnsetType = UNSET

    def to_change(self) -> UserChange:
        permissions, flag = self.express_permission_ids, self.needs_password_reset
        return UserChange(
            username=_or_none(self.username),
            first_name=_or_none(self.first_name),
            last_name=_or_none(self.last_name),
            access=None if self.access_id is UNSET else rules.access_level(self.access_id),
            express_permissions=None if permissions is UNSET else tuple(permissions),
            needs_password_reset=None if flag is UNSET else _flag(flag),
        )

    @property
    def new_password(self) -> str | None:
        return _or_none(self.password)


class ResetPasswordBody(Struct):
    password: Password


class UserBody(Struct, rename="camel"):
    """A user as the document shows one. The password is in no answer."""

    id: ObjectId = msgspec.field(name="_id")
    username: str
    access_id: str
    express_permission_ids: list[str]
    first_name: str
    last_name: str
    needs_password_reset: bool
    created_at: InstantText
    updated_at: InstantText
    created_by: ObjectId
    created_by_username: str

    @classmethod
    def of(cls, user: User) -> UserBody:
        return cls(**_user_fields(user))


class AccountBody(UserBody, kw_only=True, rename="camel"):
    """A user to himself: also the ``number`` (``user_id`` of trading) and everything that he may do."""

    number: int
    permission_ids: list[str]

    @classmethod
    def of(cls, user: User) -> AccountBody:
        permissions = [permission for permission in PERMISSIONS if rules.holds(user.permissions, permission)]
        return cls(number=user.number, permission_ids=permissions, **_user_fields(user))


# Logins


class LoginBody(Struct):
    username: str
    password: Annotated[str, Meta(extra_json_schema={"format": "password", "writeOnly": True})]


class CurrentLoginBody(Struct, rename="camel"):
    """``sessionId`` is the mission session that the user is in."""

    user: UserBody
    session_id: str | None


class BegunLoginBody(Struct):
    login: CurrentLoginBody


class RefreshBody(Struct):
    refresh_token: str


class TokensBody(Struct):
    """``expires_in`` is the access token's life in seconds."""

    access_token: str
    refresh_token: str
    token_type: str
    expires_in: int
    user: AccountBody

    @classmethod
    def of(cls, given: Pass) -> TokensBody:
        return cls(
            access_token=given.access_token,
            refresh_token=given.refresh_token,
            token_type="Bearer",  # noqa: S106 - a word of the protocol
            expires_in=given.expires_in,
            user=AccountBody.of(given.signed_in.user),
        )


class ChangePasswordBody(Struct):
    current_password: Annotated[str, Meta(extra_json_schema={"format": "password", "writeOnly": True})]
    new_password: Password


# API keys


class CreateKeyBody(Struct):
    name: Name
    expires_at: Instant | None = None


class KeyBody(Struct):
    """``hint`` is the secret's beginning."""

    id: ObjectId
    name: str
    hint: str
    created_at: InstantText
    expires_at: InstantText | None

    @classmethod
    def of(cls, key: ApiKey) -> KeyBody:
        return cls(**_key_fields(key))


class NewKeyBody(KeyBody, kw_only=True):
    """``secret`` is told this once."""

    secret: str

    @classmethod
    def made(cls, key: ApiKey, secret: str) -> NewKeyBody:
        return cls(secret=secret, **_key_fields(key))


# What went wrong


class FaultBody(Struct):
    field: str
    message: str


class ErrorDetail(Struct, omit_defaults=True):
    status: int
    message: str
    errors: list[FaultBody] | None = None


class ErrorBody(Struct):
    error: ErrorDetail


_WIRE_FIELDS = {
    "first_name": "firstName",
    "last_name": "lastName",
    "access": "accessId",
    "express_permissions": "expressPermissionIds",
    "needs_password_reset": "needsPasswordReset",
}


def error_body(problem: Problem) -> dict[str, Any]:
    """``{"error": {"status", "message", "errors"?: [{"field", "message"}]}}``, fields as they are called here."""
    if not isinstance(problem.error, InvalidUserError):
        return plain_body(problem)
    faults = [
        Fault(_WIRE_FIELDS.get(fault.field, fault.field), fault.message) for fault in problem.error.faults
    ]
    sentence = " ".join(f"{fault.field}: {fault.message}" for fault in faults)
    return plain_body(Problem(problem.status, InvalidUserError(sentence, faults=tuple(faults))))


DIALECT = Dialect(paths=("/auth", "/api/v1/logins", "/api/v1/users"), body=error_body)


_TRUE = frozenset({"1", "true", "t", "yes", "y"})
_FALSE = frozenset({"0", "false", "f", "no", "n"})


def _flag(value: bool | int | str) -> bool:
    text = str(value).lower()
    if text not in _TRUE | _FALSE:
        message = "must be true or false."
        raise InvalidUserError(
            f"needs_password_reset: {message}", faults=(Fault("needs_password_reset", message),)
        )
    return text in _TRUE


def _or_none(value: str | UnsetType) -> str | None:
    return None if value is UNSET else value


def _user_fields(user: User) -> dict[str, Any]:
    return {
        "id": user.id,
        "username": user.username,
        "access_id": user.access.value,
        "express_permission_ids": list(user.express_permissions),
        "first_name": user.first_name,
        "last_name": user.last_name,
        "needs_password_reset": user.needs_password_reset,
        "created_at": iso_millis(user.created_at),
        "updated_at": iso_millis(user.updated_at),
        "created_by": user.created_by,
        "created_by_username": user.created_by_username,
    }


def _key_fields(key: ApiKey) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "hint": key.hint,
        "created_at": iso_millis(key.created_at),
        "expires_at": None if key.expires_at is None else iso_millis(key.expires_at),
    }
