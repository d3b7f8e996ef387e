"""Objects on disk or in S3 behind one face, and links to them that say for how long they are good.

A key is ``segment/segment/…`` of plain letters, digits and ``._=-``: the same on every store and in every URL. What
people call their files belongs in ``filename``, never in a key. Disks keep no content type: there it is told from the
key's extension, so give keys one.
"""

from __future__ import annotations

import asyncio
import hmac
import mimetypes
import os
import re
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, S3Store, from_url

from stoa.kernel.clock import Clock, to_millis
from stoa.kernel.errors import ForbiddenError, InvalidError, NotFoundError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Iterator
    from datetime import datetime, timedelta
    from pathlib import Path

    from obstore import GetOptions
    from obstore.store import ObjectStore

_KEY = re.compile(
    r"(?!.{513})(?:[A-Za-z0-9_=-][A-Za-z0-9._=-]{0,199})(?:/[A-Za-z0-9_=-][A-Za-z0-9._=-]{0,199})*"
)
_UNFINISHED = re.compile(r".+#\d+")
_CHUNK = 512 * 1024


class FileMissingError(NotFoundError):
    code = "files.not_found"


class RangeRefusedError(InvalidError):
    """None of the bytes asked for exist; HTTP answers 416. ``details["size"]`` is how many there are."""

    code = "files.range_refused"


class LinkRefusedError(ForbiddenError):
    code = "files.link_refused"


@dataclass(frozen=True, slots=True)
class Head:
    """What is known of an object without its bytes. ``size`` is in bytes."""

    key: str
    size: int
    content_type: str
    e_tag: str | None
    modified_at: datetime


@dataclass(frozen=True, slots=True)
class Content:
    """The bytes ``start`` up to, not including, ``end`` of the object, in chunks."""

    head: Head
    start: int
    end: int
    chunks: AsyncIterator[bytes]


def open_store(address: str) -> ObjectStore:
    """A store for ``s3://bucket/prefix`` (credentials from the AWS_ variables), ``memory:///`` or a directory's path."""
    if "://" in address and not address.startswith("file://"):
        return from_url(address)
    return LocalStore(address.removeprefix("file://"), mkdir=True)


class Files:
    """``secret`` signs the links of stores that can't; they begin with ``base_path`` and lead to this server."""

    def __init__(self, store: ObjectStore, *, clock: Clock, secret: bytes, base_path: str = "/files") -> None:
        self._store = store
        self._clock = clock
        self._secret = secret
        self._base_path = base_path.rstrip("/")

    async def put(self, key: str, data: bytes | AsyncIterable[bytes], *, content_type: str) -> None:
        """Stores the whole object or nothing: if ``data`` raises half way, what was there before stays."""
        attributes = None if isinstance(self._store, LocalStore) else {"Content-Type": content_type}
        with _translated(key):
            await obstore.put_async(self._store, key, data, attributes=attributes)
        if isinstance(self._store, LocalStore) and self._store.prefix:
            await asyncio.to_thread(_flush, self._store.prefix, key)

    async def get(self, key: str) -> bytes:
        """The whole object, for small ones. Raises FileMissingError."""
        with _translated(key):
            result = await obstore.get_async(self._store, key)
            return bytes(await result.bytes_async())

    async def stream(self, key: str, byte_range: tuple[int | None, int | None] | None = None) -> Content:
        """``(2, 5)`` are the bytes 2, 3 and 4; ``(2, None)`` all from 2 on; ``(None, 5)`` the last five; None all.

        Raises FileMissingError and RangeRefusedError.
        """
        options: GetOptions = {}
        if byte_range is not None:
            head = await self.head(key)
            options = {"range": _resolved(byte_range, head.size), "if_match": head.e_tag}
        with _translated(key):
            result = await obstore.get_async(self._store, key, options=options)
        start, end = result.range
        return Content(_head(key, result), start, end, aiter(result.stream(min_chunk_size=_CHUNK)))

    async def head(self, key: str) -> Head:
        """Raises FileMissingError."""
        with _translated(key):
            return _head(key, await obstore.get_async(self._store, key, options={"head": True}))

    async def delete(self, key: str) -> None:
        """It is no error if there was nothing."""
        try:
            with _translated(key):
                await obstore.delete_async(self._store, key)
        except FileMissingError:
            pass

    async def older(self, prefix: str, *, before: datetime) -> AsyncIterator[list[str]]:
        """The keys under ``prefix/`` whose objects were stored before then, some at a time."""
        with _translated(prefix):
            async for metas in obstore.list(self._store, prefix=prefix):
                yield [meta["path"] for meta in metas if meta["last_modified"] < before]

    async def remove_unfinished(self, prefix: str, *, before: datetime) -> int:
        """Removes what a crash in the middle of a put left on a disk before then. (S3 has rules of its own for that.)"""
        if not isinstance(self._store, LocalStore) or not self._store.prefix:
            return 0
        return await asyncio.to_thread(_remove_unfinished, self._store.prefix / prefix, before.timestamp())

    # Whoever is in a thread of his own already (a storage function, a command, an import) waits there.

    def write(self, key: str, data: bytes, *, content_type: str) -> None:
        """``put`` without a loop."""
        attributes = None if isinstance(self._store, LocalStore) else {"Content-Type": content_type}
        with _translated(key):
            obstore.put(self._store, key, data, attributes=attributes)
        if isinstance(self._store, LocalStore) and self._store.prefix:
            _flush(self._store.prefix, key)

    def read(self, key: str) -> bytes:
        """``get`` without a loop. Raises FileMissingError."""
        with _translated(key):
            return bytes(obstore.get(self._store, key).bytes())

    def remove(self, key: str) -> None:
        """``delete`` without a loop."""
        with suppress(FileMissingError), _translated(key):
            obstore.delete(self._store, key)

    @property
    def gives_links(self) -> bool:
        """Whether the store itself serves what ``sign`` links to."""
        return isinstance(self._store, S3Store)

    async def sign(self, key: str, *, expires_in: timedelta, filename: str | None = None) -> str:
        """A link that anybody may follow for ``expires_in``. S3 signs its own, except where a ``filename`` is wanted."""
        _check(key)
        if isinstance(self._store, S3Store) and filename is None:
            return await obstore.sign_async(self._store, "GET", key, expires_in)
        expires = str(-(-to_millis(self._clock.now() + expires_in) // 1000))
        query = {"expires": expires, "signature": self._signature(key, expires, filename)}
        if filename is not None:
            query["filename"] = filename
        return f"{self._base_path}/{key}?{urlencode(query)}"

    def verify(self, key: str, *, expires: str, signature: str, filename: str | None = None) -> None:
        """Raises LinkRefusedError unless these came from ``sign`` and it is not too late."""
        expected = self._signature(key, expires, filename)
        if not hmac.compare_digest(expected.encode(), signature.encode("utf-8", "replace")):
            raise LinkRefusedError("This link is not one that was given out here.")
        if to_millis(self._clock.now()) >= int(expires) * 1000:
            raise LinkRefusedError("This link has expired. Ask for a new one.")

    def _signature(self, key: str, expires: str, filename: str | None) -> str:
        # repr of a tuple keeps the parts apart: no filename can pass for another's key or time
        signed = repr(("stoa.files", key, expires, filename)).encode("utf-8", "replace")
        return hmac.digest(self._secret, signed, "sha256").hex()


def _check(key: str) -> None:
    if not _KEY.fullmatch(key):
        raise InvalidError.field(
            "key", "must be segments of letters, digits and ._=- (none begins with a dot)."
        )


@contextmanager
def _translated(key: str) -> Iterator[None]:
    _check(key)
    try:
        yield
    except FileNotFoundError:
        raise FileMissingError("There is no such file.", key=key) from None
    except BaseError as error:
        raise UnavailableError("The file store does not answer as it should.") from error


def _flush(root: Path, key: str) -> None:
    """Has the disk keep the file and the folders that lead to it through a loss of power, as the database is kept."""
    path = root / key
    with suppress(FileNotFoundError):  # another put or delete was quicker
        for place in (path, *path.parents[: key.count("/") + 1]):
            handle = os.open(place, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)


def _remove_unfinished(folder: Path, before: float) -> int:
    """A put writes to ``name#<number>`` until it is whole."""
    removed = 0
    for place in folder.rglob("*#*") if folder.is_dir() else ():
        with suppress(FileNotFoundError):
            if _UNFINISHED.fullmatch(place.name) and place.stat().st_mtime < before:
                place.unlink()
                removed += 1
    return removed


def _resolved(byte_range: tuple[int | None, int | None], size: int) -> tuple[int, int]:
    first, last = byte_range
    start, end = (max(size - (last or 0), 0), size) if first is None else (first, min(last or size, size))
    if start >= end:
        raise RangeRefusedError(f"The file has {size} bytes; none of them are in the range.", size=size)
    return start, end


def _head(key: str, result: obstore.GetResult) -> Head:
    guessed = mimetypes.guess_type(key)[0] or "application/octet-stream"
    content_type = result.attributes.get("Content-Type", guessed)
    meta = result.meta
    return Head(key, meta["size"], content_type, meta["e_tag"], meta["last_modified"])
