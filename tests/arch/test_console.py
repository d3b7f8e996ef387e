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


def lightness(colour):
    """Relative luminance, as WCAG has it."""
    digits = colour.lstrip("#")
    digits = digits if len(digits) == 6 else "".join(2 * each for each in digits)
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (
        each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("text", "behind"), [
    *((text, behind) for text in ("front", "soft", "danger") for behind in ("back", "card", "press") if (text, behind) != ("soft", "press")),
    ("on-main", "main"), ("on-danger", "danger-back"),
])  # fmt: skip
def test_what_is_written_on_the_page_can_be_read(theme, text, behind):
    """WCAG 2.2, level AA: 4.5 to 1."""
    blocks = re.findall(r":root \{(.*?)\}", (STATIC / "join.css").read_text(), re.DOTALL)
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]+)", blocks[theme]))
    low, high = sorted(lightness(colours[each]) for each in (text, behind))
    assert (high + 0.05) / (low + 0.05) >= 4.5


def test_the_lock_file_carries_no_address():
    """``.npmrc`` keeps those of downloads out; npm writes those of sponsors with each new package: remove them."""
    assert "://" not in (CONSOLE / "package-lock.json").read_text()
