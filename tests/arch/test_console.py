"""What browsers get is built from ``console/``, and nobody changed it by hand."""

import os
import re
import shutil
import subprocess

import pytest
from tests.support.processes import ROOT

CONSOLE = ROOT / "console"
STATIC = ROOT / "src/stoa/live/static"
BUILT = ("live.js", "join.js")


@pytest.fixture
def node():
    if shutil.which("node") and (CONSOLE / "node_modules/esbuild").exists():
        return
    missing = "Node and its packages: run `make console`"
    if os.environ.get("STOA_TEST_REQUIRE_SERVICES"):
        pytest.fail(f"Required and not there: {missing}")
    pytest.skip(f"Not there: {missing}")


def test_what_is_checked_in_is_what_is_built(node, tmp_path):
    subprocess.run(["node", "build.mjs", tmp_path], cwd=CONSOLE, check=True, timeout=120)
    for name in BUILT:
        assert (STATIC / name).read_bytes() == (tmp_path / name).read_bytes(), f"{name}: run `make console`"


def test_the_page_has_every_element_that_its_script_asks_for():
    ids = set(re.findall(r'\bid="([\w-]+)"', (STATIC / "join.html").read_text()))
    code = "\n".join(each.read_text() for each in (CONSOLE / "join/src").glob("*.ts"))
    asked = set(re.findall(r"\b(?:at(?:<\w+>)?|does)\('([\w-]+)'", code))
    assert asked - ids == set()
    icons = set(re.findall(r"\b(?:icon|sign)\('([\w-]+)'", code))
    assert {f"icon-{name}" for name in icons} <= ids


def test_the_page_may_be_served_under_a_strict_policy():
    """No script and no style stands in it: its Content-Security-Policy takes none."""
    for name in ("join.html", "missing.html"):
        page = (STATIC / name).read_text()
        assert not re.search(r"<style|<script(?![^>]*\bsrc=)|\s(?:style|on\w+)=", page), name


def test_the_lock_file_carries_no_address():
    """``.npmrc`` keeps those of downloads out; npm writes those of sponsors with each new package: remove them."""
    assert "://" not in (CONSOLE / "package-lock.json").read_text()
