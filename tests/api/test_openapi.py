"""The OpenAPI documents: true to the server, whole, and valid."""

import os
import re
from collections import Counter
from dataclasses import replace

import msgspec
import pytest
import schemathesis
from schemathesis import checks
from schemathesis.config import GenerationConfig, ProjectConfig, ProjectsConfig, SchemathesisConfig
from tests.support.house import fill
from tests.support.threads import served

from stoa import server as composition
from stoa.accounts import api as accounts
from stoa.settings import Limits, Server, Settings
from stoa.web import openapi

KINDS = ["accounts", *(kind.name for kind in composition.KINDS)]
METHODS = {"get", "post", "put", "patch", "delete"}


NO_404 = ("/sessions/{session_name}", "/sessions/instructor/{instructor_id}")
"""As live's document has it: the first says 500 of a name that is unknown, the second lists nothing."""


def operations(document):
    for path, item in document["paths"].items():
        for method in METHODS & set(item):
            yield method, path, item[method]


def references(value):
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for item in value.values():
            yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


# --- the documents -----------------------------------------------------------------------------------------------

ADDRESSES = [*(f"/schema/{name}/openapi.json" for name in KINDS), "/schema/openapi.json"]


@pytest.fixture(scope="module")
async def client(shared_house):
    async with shared_house.client() as client:
        yield client


@pytest.fixture(params=ADDRESSES)
async def document(request, client):
    answer = await client.get(request.param)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    return answer.json()


@pytest.mark.anyio
async def test_a_document_is_valid_openapi_31(document):
    assert document["openapi"].startswith("3.1")
    schemathesis.openapi.from_dict(document).validate()


@pytest.mark.anyio
async def test_nothing_that_a_document_refers_to_is_missing(document):
    for reference in references(document):
        *_, section, name = reference.split("/")
        assert name in document["components"][section], reference


@pytest.mark.anyio
async def test_operation_ids_are_unique_names(document):
    counted = Counter(operation["operationId"] for _, _, operation in operations(document))
    assert [name for name, count in counted.items() if count > 1] == []
    assert all(name.isidentifier() for name in counted)


@pytest.mark.anyio
async def test_every_operation_tells_its_statuses(document):
    for method, path, operation in operations(document):
        statuses = set(operation["responses"])
        assert {"429", "500"} <= statuses, path
        assert len([status for status in statuses if status.startswith("2")]) == 1, path
        assert ("401" in statuses) or operation.get("security") == [], f"{method} {path}"
        if "requestBody" in operation:
            assert {"400", "413"} <= statuses, f"{method} {path}"
        if "{" in path and not (method == "get" and path.endswith(NO_404)):
            assert "404" in statuses, f"{method} {path}"
        for status, response in operation["responses"].items():
            if status[0] in "45":
                assert response["content"]["application/json"]["schema"], f"{method} {path} {status}"


@pytest.mark.anyio
async def test_what_is_guarded_is_documented_so(document, client):
    for method, path, operation in operations(document):
        answer = await client.request(method, re.sub(r"\{\w+\}", "1", path), content=b"{")
        assert (answer.status_code == 401) == (operation.get("security") != []), f"{method} {path}"


@pytest.mark.anyio
async def test_every_word_of_the_documents_is_documented(client):
    paths = (await client.get("/schema/openapi.json")).json()["paths"]
    for said in ("/api/v2/sessionstart", "/api/v2/keepalive", "/api/v2/session-hide", "/api/v2/sessions",
                 "/schedule/sessions", "/schedule/sessions/{session_id}", "/schedule/sessions/{session_id}/removedAt",
                 "/schedule/sessions/removedAt", "/api/v1/logins", "/api/v1/users", "/auth/login", "/trading/sessions",
                 "/trading/sessions/{session_id}", "/trading/sessions/{session_id}/positions",
                 "/trading/sessions/{session_id}/transactions", "/trading/sessions/{session_id}/reports",
                 "/trading/sessions/{session_id}/generate-report",
                 "/live/sessions",
                 "/live/sessions/{session_name}", "/live/sessions/{session_name}/start-recording",
                 "/live/sessions/{session_name}/stop-recording", "/live/sessions/{session_name}/recording",
                 "/live/sessions/{session_name}/token", "/live/sessions/instructor/{instructor_id}"):  # fmt: skip
        assert said in paths


@pytest.mark.anyio
async def test_the_whole_is_its_parts(client):
    whole = (await client.get("/schema/openapi.json")).json()
    parts = [(await client.get(f"/schema/{name}/openapi.json")).json() for name in KINDS]
    assert {path for part in parts for path in part["paths"]} == set(whole["paths"])
    schemas = sum(len(part["components"]["schemas"]) for part in parts)
    assert len(whole["components"]["schemas"]) == schemas


@pytest.mark.anyio
@pytest.mark.parametrize("name", ["", *KINDS, "all"])
async def test_there_is_a_page_to_try_it(client, name):
    page = await client.get(f"/schema/{name}")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert "http" not in page.text.replace("http-equiv", "")  # nothing comes from elsewhere
    if name:
        assert f'url: "/schema/{name}/openapi.json"' in page.text
    for part in ("swagger-ui-bundle.js", "swagger-ui.css"):
        assert (await client.get(f"/schema/ui/{part}")).status_code == 200
    assert (await client.get("/schema/all/openapi.json")).json() == (
        await client.get("/schema/openapi.json")
    ).json()


@pytest.mark.anyio
async def test_a_kind_alone_has_its_documented_paths(shared_house):
    built = composition.build(shared_house.settings, only="schedule", clock=shared_house.clock)
    alone = replace(shared_house, app=built.app)
    async with alone.client("ines.teacher") as client:
        document = (await client.get("/schema/schedule/openapi.json")).json()
        whole = (await client.get("/schema/openapi.json")).json()
        assert (
            {"/sessions", "/timelines", "/sessions/removedAt"}
            <= set(document["paths"])
            <= set(whole["paths"])
        )
        assert not any(path.startswith("/schedule") for path in whole["paths"])
        assert (await client.get("/sessions")).json()["meta"]["message"] == "success"
        assert (await client.get("/sessions/nowhere")).json()["data"] is None
        assert (await client.get("/schedule/sessions")).status_code == 404
        assert (await client.get("/api/v2/sessions")).status_code == 404
        assert (await client.get("/schema/activity/openapi.json")).status_code == 404
        assert (await client.get("/auth/me")).status_code == 200
        made = (await client.post("/timelines", json={"name": "Studio"})).json()["data"]
        assert (await client.get(made["feedUrl"])).status_code == 200
        assert made["feedUrl"].startswith(f"http://stoa.test/timelines/{made['id']}/calendar.ics")
    await built.storage.close()


# --- generated requests, against the document ---------------------------------------------------------------------

LONG = os.environ.get("STOA_TEST_LONG") == "1"
checks.load_all_checks()
CHECKED = [
    checks.CHECKS.get_one(name)
    for name in (
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_headers_conformance",
        "response_schema_conformance",
        "negative_data_rejection",
        "unsupported_method",
    )
]


def schema_of(name):
    kind = next(kind for kind in (accounts.KIND, *composition.KINDS) if kind.name == name)
    document = openapi.document([kind], title=name, about=kind.about)
    generation = GenerationConfig(max_examples=300 if LONG else 8, deterministic=True)
    config = SchemathesisConfig(projects=ProjectsConfig(default=ProjectConfig(generation=generation)))
    return schemathesis.openapi.from_dict(msgspec.json.decode(msgspec.json.encode(document)), config=config)


@pytest.fixture(scope="module")
def served_house(tmp_path_factory):
    """(address, the headers of somebody who may do everything)"""
    folder = tmp_path_factory.mktemp("served")
    url = f"sqlite:///{folder}/stoa.db"
    keys, _ = fill(url)
    built = composition.build(Settings(Server(data=str(folder), database=url), Limits(http_rate=0)))
    with served(built.app) as address:
        yield address, {"authorization": f"Bearer {keys['ada.admin']}"}


def check(case, served_house):
    address, headers = served_house
    case.call_and_validate(base_url=address, headers=headers, checks=CHECKED)


schedule, activity, people = schema_of("schedule"), schema_of("activity"), schema_of("accounts")
missions, trading, live = schema_of("missions"), schema_of("trading"), schema_of("live")


@schedule.parametrize()
def test_the_schedule_answers_as_it_documents(case, served_house):
    check(case, served_house)


@activity.parametrize()
def test_activity_answers_as_it_documents(case, served_house):
    check(case, served_house)


@people.parametrize()
def test_accounts_answer_as_they_document(case, served_house):
    check(case, served_house)


@missions.parametrize()
def test_missions_answer_as_they_document(case, served_house):
    check(case, served_house)


@trading.parametrize()
def test_trading_answers_as_it_documents(case, served_house):
    check(case, served_house)


@live.parametrize()
def test_live_answers_as_it_documents(case, served_house):
    """That an unknown name is 500 is documented."""
    address, headers = served_house
    odd = case.method == "GET" and case.path == "/live/sessions/{session_name}"
    checked = [one for one in CHECKED if not odd or one.__name__ != "not_a_server_error"]
    case.call_and_validate(base_url=address, headers=headers, checks=checked)
