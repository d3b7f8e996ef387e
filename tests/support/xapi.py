"""What xAPI 1.0.3 asks of a statement (part two, Data), checked by hand and to the letter."""

import re
from datetime import datetime
from urllib.parse import urlsplit

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[1-5][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
LANGUAGE = re.compile(r"[a-zA-Z]{2,3}(-[a-zA-Z0-9]{2,8})*|und")
STATEMENT = {"id", "actor", "verb", "object", "result", "context", "timestamp", "stored", "authority", "version", "attachments"}  # fmt: skip
IDENTIFIERS = {"mbox", "mbox_sha1sum", "openid", "account"}
CONTEXT = {"registration", "instructor", "team", "contextActivities", "revision", "platform", "language", "statement", "extensions"}  # fmt: skip


def check_statement(statement):
    no_nulls(statement)
    only(statement, STATEMENT)
    assert {"actor", "verb", "object"} <= set(statement)
    assert UUID.fullmatch(statement["id"])
    check_agent(statement["actor"])
    check_verb(statement["verb"])
    check_object(statement["object"])
    if "result" in statement:
        check_result(statement["result"])
    if "context" in statement:
        check_context(statement["context"], statement["object"].get("objectType", "Activity"))
    assert datetime.fromisoformat(statement["timestamp"]).tzinfo is not None


def no_nulls(value):
    """Nothing is null, and no object empty, outside of extensions."""
    if isinstance(value, dict):
        assert value
        assert all(isinstance(key, str) for key in value)
        for inner in value.values():
            no_nulls(inner)
    elif isinstance(value, list):
        for inner in value:
            no_nulls(inner)
    else:
        assert value is not None


def only(value, names):
    assert isinstance(value, dict)
    assert set(value) <= names, set(value) - names


def check_iri(value):
    parts = urlsplit(value)
    assert parts.scheme
    assert parts.netloc or parts.path
    assert not re.search(r'[\s<>"{}|\\^`]', value)


def check_language_map(value):
    assert isinstance(value, dict)
    for tag, text in value.items():
        assert LANGUAGE.fullmatch(tag)
        assert isinstance(text, str)


def check_agent(agent, kinds=("Agent", "Group")):
    only(agent, {"objectType", "name", "member", *IDENTIFIERS})
    kind = agent.get("objectType", "Agent")
    assert kind in kinds
    assert isinstance(agent.get("name", ""), str)
    identified = IDENTIFIERS & set(agent)
    assert len(identified) == 1 or (kind == "Group" and not identified and agent["member"])
    assert kind == "Group" or "member" not in agent
    if "account" in agent:
        only(agent["account"], {"homePage", "name"})
        check_iri(agent["account"]["homePage"])
        assert urlsplit(agent["account"]["homePage"]).netloc
        assert isinstance(agent["account"]["name"], str)
        assert agent["account"]["name"]


def check_verb(verb):
    only(verb, {"id", "display"})
    check_iri(verb["id"])
    check_language_map(verb["display"])


def check_activity(activity):
    only(activity, {"objectType", "id", "definition"})
    assert activity.get("objectType", "Activity") == "Activity"
    check_iri(activity["id"])
    definition = activity.get("definition", {"type": "http://x/"})
    only(definition, {"name", "description", "type", "moreInfo", "extensions"})
    for key in ("name", "description"):
        check_language_map(definition.get(key, {}))
    check_iri(definition["type"])


def check_object(thing):
    if thing.get("objectType", "Activity") == "Activity":
        check_activity(thing)
    else:
        check_agent(thing)


def check_result(result):
    only(result, {"score", "success", "completion", "response", "duration", "extensions"})
    for key in ("success", "completion"):
        assert isinstance(result.get(key, True), bool)
    assert isinstance(result.get("response", ""), str)


def check_context(context, object_type):
    only(context, CONTEXT)
    if "registration" in context:
        assert UUID.fullmatch(context["registration"])
    if "team" in context:
        check_agent(context["team"], kinds=("Group",))
    if object_type != "Activity":
        assert not {"revision", "platform"} & set(context)
    assert isinstance(context.get("platform", ""), str)
    activities = context.get("contextActivities", {})
    only(activities, {"parent", "grouping", "category", "other"})
    for several in activities.values():
        assert isinstance(several, list)
        for one in several:
            check_activity(one)
