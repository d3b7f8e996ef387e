"""Stored files on the wire."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import quote

from litestar.openapi.spec import OpenAPIFormat, OpenAPIMediaType, OpenAPIType, Operation, RequestBody, Schema
from msgspec import Meta, Struct, field

from stoa.missions.store._files import StoredFile
from stoa.missions.wire._missions import ObjectId
from stoa.web.values import InstantText, iso_millis


class FileBody(Struct, rename="camel"):
    """A reference to a stored file; ``size`` is bytes."""

    id: ObjectId = field(name="_id")
    name: str
    path: str
    mimetype: str
    size: Annotated[int, Meta(ge=0)]
    created_at: InstantText
    updated_at: InstantText
    created_by: str
    created_by_username: str
    deleted: bool = False

    @classmethod
    def of(cls, stored: StoredFile) -> FileBody:
        return cls(
            id=stored.id,
            name=stored.name,
            path=stored.path,
            mimetype=stored.mimetype,
            size=stored.size,
            created_at=iso_millis(stored.created_at),
            updated_at=iso_millis(stored.updated_at),
            created_by=stored.created_by,
            created_by_username=stored.created_by_username,
        )


@dataclass
class UploadOperation(Operation):
    """A form with the field ``files``, once or more: Litestar does not document what a handler reads itself."""

    def __post_init__(self) -> None:
        one = Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY)
        many = Schema(type=OpenAPIType.ARRAY, items=one, min_items=1, max_items=12)
        form = Schema(type=OpenAPIType.OBJECT, properties={"files": many}, required=["files"])
        self.request_body = RequestBody(
            required=True, content={"multipart/form-data": OpenAPIMediaType(form)}
        )


def download_headers(name: str) -> dict[str, str]:
    """The file is kept, never shown: whatever somebody brought does not run as a page of this server."""
    plain = "".join(
        char if char.isascii() and char.isprintable() and char not in '"\\%' else "_" for char in name
    )
    return {
        "content-disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}",
        "x-content-type-options": "nosniff",
        "content-security-policy": "sandbox",
        "cache-control": "private, no-cache",
    }
