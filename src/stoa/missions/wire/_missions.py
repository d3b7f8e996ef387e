"""Missions on the wire. The documents themselves are ``missionfile``'s; what stands here describes and surrounds them."""

from __future__ import annotations

from typing import Annotated, Any

from litestar.openapi.spec import Reference, Schema
from litestar.typing import FieldDefinition
from msgspec import Meta, Struct, field
from sqlalchemy import Row

from stoa.missions.store._missions import stamps_of
from stoa.web.body import Json, T
from stoa.web.values import InstantText, iso_millis

ObjectId = Annotated[str, Meta(extra_json_schema={"pattern": "^[0-9a-f]{24}$"})]
PartId = Annotated[str, Meta(extra_json_schema={"pattern": "^[A-Za-z0-9_-]{1,64}$"})]
Name = Annotated[str, Meta(min_length=1, max_length=175)]
Html = Annotated[str, Meta(max_length=65_536, description="HTML; what could run is taken out.")]
Color = Annotated[str, Meta(extra_json_schema={"pattern": "^#[0-9a-fA-F]{6}$"})]
Count = Annotated[int, Meta(ge=0, le=2**53 - 1)]


class EffectBody(Struct, rename="camel"):
    """``args`` are what the target declares, see ``/api/v1/target-environments``."""

    name: Name
    target_id: Name
    environment_id: Name
    trigger: Annotated[str, Meta(extra_json_schema={"enum": ["immediate", "success", "failure"]})]
    args: dict[str, Any]
    id: PartId | None = field(name="_id", default=None)
    description: Html = ""
    target_environment_version: str = ""
    local_key: PartId = "1"


class ActionBody(Struct, rename="camel"):
    """``processTime`` is milliseconds, ``successChance`` 0 to 1."""

    name: Name
    id: PartId | None = field(name="_id", default=None)
    description: Html = ""
    process_time: Annotated[float, Meta(ge=0, le=7_199_000)] = 5000
    process_time_hidden: bool = False
    success_chance: Annotated[float, Meta(ge=0, le=1)] = 0.5
    success_chance_hidden: bool = False
    resource_cost: Count = 1
    resource_cost_hidden: bool = False
    opens_node: bool = True
    opens_node_hidden: bool = False
    post_execution_success_text: Html = ""
    post_execution_failure_text: Html = ""
    local_key: PartId = "1"
    effects: list[EffectBody] | None = None


class NodeBody(Struct, rename="camel"):
    """A force's own face of one prototype; each force has one node for each."""

    prototype_id: PartId
    name: Name
    id: PartId | None = field(name="_id", default=None)
    color: Color = "#ffffff"
    description: Html = ""
    pre_execution_text: Html = ""
    executable: bool = False
    device: bool = False
    exclude: bool = False
    local_key: PartId = "1"
    actions: list[ActionBody] | None = None


class ForceBody(Struct, rename="camel"):
    nodes: Annotated[list[NodeBody], Meta(min_length=1)]
    name: Name = "Friendly"
    id: PartId | None = field(name="_id", default=None)
    intro_message: Html = ""
    color: Color = "#ffffff"
    initial_resources: Count = 100
    allow_negative_resources: bool = False
    reveal_all_nodes: bool = False
    local_key: PartId = "1"


class PrototypeBody(Struct, rename="camel"):
    structure_key: PartId
    id: PartId | None = field(name="_id", default=None)
    depth_padding: Annotated[int, Meta(ge=0, le=10_000)] = 0


class MissionFileBody(Struct, rename="camel"):
    """``reference`` is a stored file's id; ``initialAccess`` are the forces that have it from the start."""

    reference: Name | dict[str, Any]
    id: PartId | None = field(name="_id", default=None)
    alias: Annotated[str, Meta(max_length=175)] | None = None
    last_known_name: Annotated[str, Meta(max_length=175)] = ""
    initial_access: list[str] | None = None


class NewMissionBody(Struct, rename="camel"):
    """With neither structure, prototypes nor forces it becomes a mission of one force and one node."""

    name: Name
    version_number: Count = 1
    seed: Annotated[str, Meta(max_length=256)] | None = None
    resource_label: Annotated[str, Meta(min_length=1, max_length=16)] = "Resources"
    structure: dict[str, Any] = {}
    prototypes: Annotated[list[PrototypeBody], Meta(min_length=1, max_length=5_000)] = []
    forces: Annotated[list[ForceBody], Meta(min_length=1, max_length=8)] = []
    files: Annotated[list[MissionFileBody], Meta(max_length=1_000)] | None = None


class ChangeMissionBody(NewMissionBody, kw_only=True, rename="camel"):
    """What is not sent stays as it is."""

    id: ObjectId = field(name="_id")
    name: Name = ""


class MissionBody(Struct, rename="camel"):
    """A whole mission: for those who may read missions, never for players."""

    id: ObjectId = field(name="_id")
    name: str
    version_number: int
    seed: str
    resource_label: str
    structure: dict[str, Any]
    prototypes: list[PrototypeBody]
    forces: list[ForceBody]
    files: list[MissionFileBody]
    created_at: InstantText
    updated_at: InstantText
    launched_at: InstantText | None
    created_by: str
    created_by_username: str
    deleted: bool


class MissionSummary(Struct, rename="camel"):
    """A mission in a list, without its content."""

    id: ObjectId = field(name="_id")
    name: str
    version_number: int
    seed: str
    resource_label: str
    created_at: InstantText
    updated_at: InstantText
    launched_at: InstantText | None
    created_by: str
    created_by_username: str
    deleted: bool = False

    @classmethod
    def of(cls, row: Row[Any]) -> MissionSummary:
        stamps = stamps_of(row)
        return cls(
            id=row.id,
            name=row.name,
            version_number=row.version_number,
            seed=row.seed,
            resource_label=row.resource_label,
            created_at=iso_millis(stamps.created_at) if stamps.created_at else "",
            updated_at=iso_millis(stamps.updated_at) if stamps.updated_at else "",
            launched_at=None if stamps.launched_at is None else iso_millis(stamps.launched_at),
            created_by=row.created_by,
            created_by_username=row.created_by_username,
        )


class CopyMissionBody(Struct, rename="camel"):
    original_id: str
    copy_name: Name


class ImportedBody(Struct, rename="camel"):
    """``schemaBuildNumber`` is the file's; ``notes`` are what the mission has no room for."""

    id: ObjectId = field(name="_id")
    name: str
    file_name: str
    schema_build_number: int
    notes: list[dict[str, Any]]


class ImportBody(Struct, rename="camel"):
    successful_import_count: int
    missions: list[ImportedBody]


class Document(Json[T]):
    """``data`` is the body's bytes; ``T`` only documents it. A mission is read and checked away from the event loop."""

    def decode_bytes(self, value: bytes) -> Any:
        return value

    @classmethod
    def create_openapi_schema(
        cls,
        field_definition: FieldDefinition,  # noqa: ARG003 - the base's shape
        handler_id: str,  # noqa: ARG003
        schema_creator: Any,
    ) -> Reference | Schema:
        schema: Reference | Schema = schema_creator.for_field_definition(
            FieldDefinition.from_annotation(cls.model_type)
        )
        return schema
