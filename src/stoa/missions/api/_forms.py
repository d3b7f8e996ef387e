"""The form field ``files``, as it comes in uploads."""

from __future__ import annotations

from litestar.datastructures import UploadFile

from stoa.kernel.errors import InvalidError
from stoa.web.house import Request


async def uploads_of(request: Request, *, most: int) -> list[UploadFile]:
    """Raises InvalidError unless ``files`` is there, once or more, and holds files."""
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise InvalidError.field("files", "is required, in a body of type multipart/form-data.")
    form = await request.form()
    uploads = form.getall("files", [])
    if not uploads or not all(isinstance(one, UploadFile) for one in uploads):
        raise InvalidError.field("files", "is required: one file or more.")
    if len(uploads) > most:
        raise InvalidError.field("files", f"must be at most {most} files.")
    return uploads
