"""What the house asks of every file in it, checked by machine."""

import ast
import re
import subprocess
from functools import cache

import pytest
from tests.support.postgres import new_database
from tests.support.processes import ROOT

from stoa import server, settings
from stoa.platform import migrate
from stoa.platform.storage import postgres_engine, sqlite_engine

LONGEST_FILE, LONGEST_FUNCTION = 400, 60

# What is longer, by how much, and why. Entries may shrink and go; a new one needs a reason as good as these.
LONG_FILES: dict[str, tuple[int, str]] = {}
LONG_FUNCTIONS: dict[str, tuple[int, str]] = {}


@cache
def tracked():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listed.returncode != 0:
        pytest.skip("this is no git checkout")
    names = listed.stdout.decode().split("\0")
    return [name for name in names if name and (ROOT / name).is_file()]


def sources():
    """All but the migrations: lists of tables, written by a generator and never changed."""
    named = [name for name in tracked() if name.startswith("src/") and name.endswith(".py")]
    return [name for name in named if "/migrations/versions/" not in name]


def functions(name):
    """(qualified name, lines) of every function of a source."""
    for node in ast.walk(ast.parse((ROOT / name).read_text())):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield f"{name}:{node.name}", (node.end_lineno or 0) - node.lineno + 1


def test_no_file_grows_too_long():
    lengths = {name: len((ROOT / name).read_text().splitlines()) for name in sources()}
    allowed = {name: LONG_FILES.get(name, (LONGEST_FILE, ""))[0] for name in lengths}
    assert {name: length for name, length in lengths.items() if length > allowed[name]} == {}


def test_no_function_grows_too_long():
    lengths = dict(each for name in sources() for each in functions(name))
    allowed = {name: LONG_FUNCTIONS.get(name, (LONGEST_FUNCTION, ""))[0] for name in lengths}
    assert {name: length for name, length in lengths.items() if length > allowed[name]} == {}


def test_charsets_are_litestars_to_say():
    """It says that texts are UTF-8; what says so too says it twice."""
    doubled = re.compile(r"media_type=f?\"(text/|\{)[^\"]*charset")
    assert [name for name in sources() if doubled.search((ROOT / name).read_text())] == []


def test_exceptions_that_nobody_needs_are_gone():
    files = {name: len((ROOT / name).read_text().splitlines()) for name in sources()}
    lengths = dict(each for name in sources() for each in functions(name))
    assert [name for name in LONG_FILES if files.get(name, 0) <= LONGEST_FILE] == []
    assert [name for name in LONG_FUNCTIONS if lengths.get(name, 0) <= LONGEST_FUNCTION] == []
    assert all(reason for _, reason in [*LONG_FILES.values(), *LONG_FUNCTIONS.values()])


# Spelled in pieces, so that this file does not find itself.
UNWANTED = [
    "py" + "pi.org", "python" + "hosted", "registry." + "npmjs", "npm" + "js.com", "crates" + ".io", "/wo" + "rk/", "/ro" + "ot/",
    "/ho" + "me/", "extra-" + "index-url", "BEGIN " + "PRIVATE KEY", "BEGIN RSA " + "PRIVATE KEY",
]  # fmt: skip


@pytest.mark.parametrize("text", UNWANTED)
def test_no_registry_machine_or_secret_is_named(text):
    found = [name for name in tracked() if text.encode() in (ROOT / name).read_bytes()]
    assert found == []


def rows():
    """The settings' rows of the page, by variable: (default, meaning)."""
    page = (ROOT / "docs/settings.md").read_text()
    found = re.findall(r"^\| `(STOA_[A-Z_]+)` \| (.*?) \| (.*?) \|$", page, re.MULTILINE)
    assert len({variable for variable, _, _ in found}) == len(found)
    return {variable: (default, about) for variable, default, about in found}


def described(entry):
    value = str(entry.default).lower() if isinstance(entry.default, bool) else str(entry.default)
    return f"`{value}`" if value else "", entry.metadata["about"]


def test_every_setting_is_documented_as_it_is():
    said = {entry.metadata["variable"]: described(entry) for _, entry in settings.described()}
    assert rows() == said


def test_the_page_has_a_heading_for_every_group():
    page = (ROOT / "docs/settings.md").read_text()
    for group in settings.GROUPS:
        assert f"\n## {group.capitalize()}\n" in page


def test_every_setting_is_used():
    code = "\n".join((ROOT / name).read_text() for name in sources())
    unused = {entry.name for _, entry in settings.described() if not re.search(rf"\.{entry.name}\b", code)}
    assert unused == set()


def test_migrations_make_what_the_tables_declare_on_sqlite(tmp_path):
    engine = sqlite_engine(f"sqlite:///{tmp_path}/stoa.db")
    migrate.upgrade(engine)
    assert migrate.differences(engine, server.TABLES) == []
    engine.dispose()


@pytest.mark.postgres
def test_migrations_make_what_the_tables_declare_on_postgresql(service_or_skip):
    with new_database(service_or_skip, "migrations") as url:
        engine = postgres_engine(url, connections=1)
        migrate.upgrade(engine)
        assert migrate.differences(engine, server.TABLES) == []
        engine.dispose()


def test_make_help_lists_every_target():
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)[1].split())
    shown = subprocess.run(
        ["make", "--no-print-directory", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert {line.split()[1] for line in shown.splitlines()} == targets
    for target in targets:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
