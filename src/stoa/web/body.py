"""JSON bodies, read strictly: a wrong type is an error that names its field, never a guess."""

from __future__ import annotations

import re
from collections.abc import Generator
from typing import Any, TypeVar

import msgspec
from litestar.dto import AbstractDTO, DTOFieldDefinition
from litestar.openapi.spec import Reference, Schema
from litestar.typing import FieldDefinition

from stoa.kernel.errors import Fault, InvalidError, MalformedError

T = TypeVar("T")

_PATH = re.compile(r"^(?P<what>.*?)(?: - at `(?:key in )?(?P<path>\$[^`]*)`)?$", re.DOTALL)
_MISSING = re.compile(r"missing required field `(?P<field>[^`]+)`")
_UNKNOWN = re.compile(r"contains unknown field `(?P<field>[^`]+)`")


class Json(AbstractDTO[T]):
    """``dto=Json[CreateSession]`` on a handler whose ``data`` is a ``CreateSession`` (any type msgspec reads)."""

    _decoder: msgspec.json.Decoder[Any]

    def decode_bytes(self, value: bytes) -> Any:
        return decode(value, _decoder_of(self.model_type))

    def data_to_encodable_type(self, data: Any) -> Any:
        return data

    @classmethod
    def create_for_field_definition(cls, field_definition: FieldDefinition, *_: Any, **__: Any) -> None:
        """Nothing to prepare: the type reads and describes itself."""

    @classmethod
    def create_openapi_schema(
        cls,
        field_definition: FieldDefinition,
        handler_id: str,  # noqa: ARG003 - the base's shape
        schema_creator: Any,
    ) -> Reference | Schema:
        schema: Reference | Schema = schema_creator.for_field_definition(field_definition)
        return schema

    @classmethod
    def generate_field_definitions(cls, model_type: type[Any]) -> Generator[DTOFieldDefinition, None, None]:  # noqa: ARG003
        yield from ()

    @classmethod
    def detect_nested_field(cls, field_definition: FieldDefinition) -> bool:  # noqa: ARG003
        return False


_decoders: dict[Any, msgspec.json.Decoder[Any]] = {}


def _decoder_of(of: Any) -> msgspec.json.Decoder[Any]:
    if of not in _decoders:
        _decoders[of] = msgspec.json.Decoder(of)
    return _decoders[of]


def decode(body: bytes, decoder: msgspec.json.Decoder[T]) -> T:
    """The value, or MalformedError (not JSON), or InvalidError (not what was asked for)."""
    try:
        body.decode()  # what the decoder passes over has to be text, too
        value = decoder.decode(body)
    except msgspec.ValidationError as error:
        raise _invalid(str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedError(f"The body is not JSON: {error}.") from None
    if b"\\u0000" in body:
        _refuse_nul(msgspec.json.decode(body), "")
    return value


def _invalid(text: str) -> InvalidError:
    """``Expected `str`, got `int` - at `$.name``` and its like, as a fault of ``name``."""
    found = _PATH.match(text)
    what, path = (found["what"], found["path"] or "") if found else (text, "")
    field = path.removeprefix("$").removeprefix(".").replace("[...]", "[]")
    for pattern, sentence in ((_MISSING, "is required"), (_UNKNOWN, "is not a field of this object")):
        if named := pattern.search(what):
            field = f"{field}.{named['field']}" if field else named["field"]
            what = sentence
    what = what.replace("`", "")
    message = f"{field}: {what}." if field else f"The body is not what is expected here: {what}."
    return InvalidError(message, faults=(Fault(field, f"{what}."),))


def _refuse_nul(value: Any, path: str) -> None:
    if isinstance(value, str) and "\0" in value:
        raise InvalidError.field(path or "body", "must not contain a NUL character.")
    if isinstance(value, dict):
        for key, item in value.items():
            _refuse_nul(key, path)
            _refuse_nul(item, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for item in value:
            _refuse_nul(item, f"{path}[]")
