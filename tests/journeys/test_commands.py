"""The command line as an operator meets it."""

import json
import socket
import subprocess
import sys

import httpx
import pytest
from tests.support.postgres import new_database
from tests.support.processes import ADMIN, ROOT, command, environment, run


def refused(finished, *words):
    """It failed, with a sentence and no traceback."""
    told = finished.stdout + finished.stderr
    assert finished.returncode != 0, told
    assert "Traceback" not in told
    for word in words:
        assert word in told, told
    return told


def test_people_are_added_listed_and_given_passwords(start, tmp_path):
    data = tmp_path / "data"
    stoa = start("--only", "schedule")
    added = command("user", "add", "lea.student", "--first-name", "Léa", "--data", data, given="a password\n")
    assert added.returncode == 0, added.stderr
    assert "Added lea.student (student)" in added.stdout
    refused(command("user", "add", "lea.student", "--data", data, given="a password\n"), "lea.student")
    refused(command("user", "add", "x", "--data", data, given="a password\n"), "username")
    refused(command("user", "add", "tom.teacher", "--data", data, given="short\n"), "password")
    assert stoa.sign_in("lea.student", "a password")
    listed = command("user", "list", "--data", data).stdout
    assert "lea.student" in listed
    assert "admin" in listed
    changed = command("user", "password", "lea.student", "--data", data, given="another password\n")
    assert changed.returncode == 0, changed.stderr
    assert stoa.sign_in("lea.student", "another password")
    refused(
        command("user", "password", "nobody.here", "--data", data, given="another password\n"), "no such user"
    )
    me = f"{stoa.address}/auth/me"
    wrong = httpx.post(
        f"{stoa.address}/auth/login", json={"username": "lea.student", "password": "a password"}
    )
    assert wrong.status_code == 401

    made = command("token", "lea.student", "--name", "grader", "--data", data)
    key = made.stdout.strip()
    assert made.returncode == 0
    assert httpx.get(me, headers={"authorization": f"Bearer {key}"}).json()["username"] == "lea.student"
    refused(command("token", "nobody.here", "--data", data), "no such user")


def test_a_new_password_ends_the_users_logins(start, tmp_path, eventually_sync):
    stoa = start("--only", "schedule")
    token = stoa.sign_in()["access_token"]
    command("user", "password", "admin", "--data", tmp_path / "data", given="another password\n")
    headers = {"authorization": f"Bearer {token}"}
    eventually_sync(lambda: httpx.get(f"{stoa.address}/auth/me", headers=headers).status_code == 401)


def test_check_says_what_is_wrong_and_what_to_do(start, tmp_path):
    data = tmp_path / "data"
    refused(command("check", "--data", tmp_path / "nowhere"), "is not there", "stoa serve")
    start("--only", "schedule")
    fine = command("check", "--data", data)
    assert fine.returncode == 0, fine.stdout
    assert not any(line.startswith("wrong") for line in fine.stdout.splitlines())
    assert "integrity" in fine.stdout
    (data / "etc/session").mkdir(parents=True)
    (data / "etc/session/session.conf").write_text("[SESSION]\nalive_session_duration=soon\n")
    refused(command("check", "--data", data), "session.conf", "Correct or remove the file")
    refused(
        command("check", "--data", data, STOA_PROT="1", STOA_PORT="many"),
        "STOA_PROT",
        "STOA_PORT",
        "docs/settings.md",
    )
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken/stoa.db").write_bytes(b"no database at all, " * 1000)
    refused(command("check", "--data", tmp_path / "broken"), "not a database")
    refused(
        command("check", "--database", "postgresql://root@127.0.0.1:1/none", "--data", data),
        "can't be opened",
    )


def test_openapi_is_printed(tmp_path):
    whole = json.loads(command("openapi").stdout)
    kind = json.loads(command("openapi", "activity").stdout)
    assert whole["openapi"].startswith("3.1")
    assert set(kind["paths"]) < set(whole["paths"])
    refused(command("openapi", "nothing"), "nothing")


@pytest.mark.postgres
def test_postgresql_is_refused_until_it_is_migrated(service_or_skip, start, tmp_path):
    with new_database(service_or_skip, "migrate") as url:
        place = ("--database", url, "--data", tmp_path / "data")
        refused(run("serve", *place), "has no schema yet", "stoa migrate")
        refused(command("check", *place), "stoa migrate")
        assert "The schema is at" in command("migrate", *place).stdout
        assert "already" in command("migrate", *place).stdout
        stoa = start(*place)
        assert stoa.sign_in()
        stoa.stop()
        with_schema(url, "UPDATE alembic_version SET version_num = '9999'")
        refused(run("serve", *place), "newer than this Stoa")
        with_schema(url, "DELETE FROM alembic_version")
        refused(command("check", *place), "stoa migrate")


def with_schema(url, statement):
    from sqlalchemy import create_engine, text

    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text(statement))
    engine.dispose()


@pytest.mark.parametrize(
    ("arguments", "settings", "words"),
    [
        ((), {"STOA_PROT": "8001"}, ["STOA_PROT", "docs/settings.md"]),
        ((), {"STOA_PORT": "many"}, ["STOA_PORT", "number"]),
        ((), {"STOA_MAX_BODY_MB": "-1"}, ["STOA_MAX_BODY_MB", "number"]),
        ((), {"STOA_ACTIVITY_LIST": "none"}, ["STOA_ACTIVITY_LIST", "all, self"]),
        ((), {"STOA_LOG_REQUESTS": "perhaps"}, ["STOA_LOG_REQUESTS", "true or false"]),
        ((), {"STOA_TRUSTED_PROXIES": "somewhere"}, ["STOA_TRUSTED_PROXIES"]),
        (("--database", "mysql://x"), {}, ["STOA_DATABASE"]),
        (("--database", "postgresql://root@127.0.0.1:1/none"), {}, ["database can't be used"]),
    ],
)
def test_a_wrong_setting_says_what_is_wrong(tmp_path, arguments, settings, words):
    refused(command("user", "list", "--data", tmp_path, *arguments, **settings), *words)


@pytest.mark.parametrize(
    ("arguments", "settings", "words"),
    [
        ((), {"STOA_PROT": "8001"}, ["STOA_PROT", "docs/settings.md"]),
        (("--demo",), {"STOA_HOST": "0.0.0.0"}, ["--demo-anywhere"]),
        (("--host", "192.0.2.1"), {}, ["192.0.2.1"]),
    ],
)
def test_what_can_not_start_says_why(tmp_path, arguments, settings, words):
    refused(run("serve", "--port", "0", "--data", tmp_path / "data", *arguments, **settings), *words)
    assert not (tmp_path / "data/stoa.db").exists()


def test_demo_anywhere_is_possible_by_name(start):
    stoa = start("--demo", "--demo-anywhere", "--host", "0.0.0.0")
    assert "Demo sign-ins" in stoa.output()


def test_a_port_in_use_is_told_in_a_sentence(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        told = refused(run("serve", "--data", tmp_path / "data", "--port", port), str(port), "in use")
        assert "--port" in told


def test_the_first_start_tells_the_admins_password_once(tmp_path, start):
    stoa = start("--only", "schedule", STOA_ADMIN_PASSWORD="")
    line = next(line for line in stoa.output().splitlines() if "First start" in line)
    password = line.split("password ")[1].split()[0]
    assert stoa.sign_in("admin", password)
    stoa.stop()
    again = start("--only", "schedule", STOA_ADMIN_PASSWORD="")
    assert "First start" not in again.output()
    assert again.sign_in("admin", password)


def test_no_secret_is_in_the_logs(start):
    stoa = start(STOA_LOG_REQUESTS="true", STOA_LOG_LEVEL="debug")
    given = stoa.sign_in()
    httpx.get(f"{stoa.address}/auth/me", headers={"authorization": f"Bearer {given['access_token']}"})
    httpx.get(f"{stoa.address}/schedule/timelines/x/calendar.ics?key=very-secret")
    httpx.post(f"{stoa.address}/auth/login", json={"username": "admin", "password": "mistyped-secret"})
    stoa.stop()
    lines = [json.loads(line) for line in stoa.output().splitlines() if line.startswith("{")]
    assert any(line.get("path") == "/auth/me" for line in lines)
    for secret in (ADMIN[1], given["access_token"], given["refresh_token"], "very-secret", "mistyped-secret"):
        assert secret not in stoa.output()


def test_help_needs_no_configuration():
    assert run("serve", "--help", STOA_PROT="1").returncode == 0


def test_the_installed_command_is_the_module():
    code = "from importlib.metadata import entry_points; print(entry_points(group='console_scripts')['stoa'].value)"
    finished = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, env=environment(), check=False
    )
    assert finished.stdout.strip() in ("stoa.cli:main", "")  # empty where only the sources are there
