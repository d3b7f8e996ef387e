"""Where compiled code is kept, and who imports the compiler."""

import os
import subprocess
import sys

import pytest
from tests.support.processes import ROOT


def said(code, **env):
    env = {**{name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}, **env}
    env["PYTHONPATH"] = str(ROOT / "src")
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_importing_the_engine_does_not_import_the_compiler():
    code = "import sys; from stoa.trading import engine, playback, rules; print('numba' in sys.modules)"
    assert said(code) == "False"


CODE = """
import os, sys
from pathlib import Path
from stoa.trading.engine import _compiled
_compiled.os.access = lambda path, mode: {writable}
_compiled.use_cache({data})
print(os.environ.get("NUMBA_CACHE_DIR", "none"))
"""


@pytest.mark.parametrize(
    ("writable", "data", "found"),
    [
        (True, "Path('data')", "engine/__pycache__/numba-"),
        (True, "None", "engine/__pycache__/numba-"),
        (False, "Path('data')", "data/numba-"),
        (False, "None", "none"),
    ],
)
def test_compiled_code_stays_beside_the_package_or_goes_to_the_data(writable, data, found):
    assert found in said(CODE.format(writable=writable, data=data)).replace(os.sep, "/")


def test_a_folder_that_is_set_stays():
    assert said(CODE.format(writable=True, data="None"), NUMBA_CACHE_DIR="own") == "own"
