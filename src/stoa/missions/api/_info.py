"""What the server tells of itself: /api/v1/info and /api/v1/target-environments."""

from __future__ import annotations

import asyncio

from litestar import get, post
from litestar.params import JSONBody
from litestar.types import ControllerRouterHandler

from stoa import __version__
from stoa.missions.outside import Installed
from stoa.missions.service import _info as service
from stoa.missions.wire._errors import ErrorBody
from stoa.missions.wire._info import EnvironmentBody, InfoBody, MigrateBody, MigratedBody
from stoa.web.auth import may
from stoa.web.body import Json
from stoa.web.errors import documented
from stoa.web.house import Request, house_of

ABOUT = InfoBody("stoa", "One self-hosted server for every kind of session a product runs.", __version__)


@get("/api/v1/info", responses=documented(body=ErrorBody))
async def info() -> InfoBody:
    return ABOUT


@get(
    "/api/v1/info/changelog", guards=[may("changelog_read")], media_type="text/markdown",
    responses=documented(401, 403, 404, body=ErrorBody),
)  # fmt: skip
async def changelog(request: Request) -> str:  # noqa: ARG001 - the guard reads it
    """What has changed from version to version, as Markdown."""
    return await asyncio.to_thread(service.changelog)


@get(
    "/api/v1/target-environments", guards=[may("environments_read")],
    responses=documented(401, 403, body=ErrorBody),
)  # fmt: skip
async def list_environments(request: Request) -> list[EnvironmentBody]:
    """What effects can call, with the arguments that each target takes."""
    return [EnvironmentBody.of(one) for one in house_of(request).part(Installed).declared.values()]


@post(
    "/api/v1/target-environments/migrate/effect-args", guards=[may("environments_read")], status_code=200,
    dto=Json[MigrateBody], return_dto=None, responses=documented(400, 401, 403, 404, 413, 503, body=ErrorBody),
)  # fmt: skip
async def migrate_effect_args(request: Request, data: JSONBody[MigrateBody]) -> MigratedBody:
    """An effect's arguments, as the environment takes them now."""
    installed = house_of(request).part(Installed)
    environment = service.environment_to_migrate_in(
        installed.declared,
        environment_id=data.environment_id,
        target_id=data.target_id,
        version=data.effect_env_version,
        args=data.effect_args,
    )
    args = await installed.migrate(
        environment, target_id=data.target_id, version=data.effect_env_version, args=data.effect_args
    )
    return MigratedBody(environment.version, args)


HANDLERS: list[ControllerRouterHandler] = [info, changelog, list_environments, migrate_effect_args]
