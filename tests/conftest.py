"""What every test may use: the --long option, anyio on asyncio, and ``service_or_skip``."""

import gc
import os

import hypothesis
import pytest

REQUIRE_SERVICES = "STOA_TEST_REQUIRE_SERVICES"
LONGEST = 7_200
"""Seconds that a test may take with --long. Without, it is pyproject's `timeout`: no test has a limit of its own."""


LONG = os.environ.get("STOA_TEST_LONG") == "1"
hypothesis.settings.register_profile("sample", derandomize=True, database=None, deadline=None)
hypothesis.settings.register_profile("long", max_examples=1000, database=None, deadline=None)
hypothesis.settings.load_profile("long" if LONG else "sample")


def pytest_addoption(parser):
    parser.addoption("--long", action="store_true", help="also run the tests marked long")


def pytest_collection_modifyitems(config, items):
    """The journeys come first: at the end of a run on many workers, something short should be what is left."""
    items.sort(key=lambda item: "journeys" not in item.path.parts)
    for item in items:
        if config.getoption("--long"):
            item.add_marker(pytest.mark.timeout(LONGEST))
        elif item.get_closest_marker("long"):
            item.add_marker(pytest.mark.skip(reason="long: run with --long"))


def pytest_collection_finish():
    """The tests themselves stay to the end: looking through thousands of them for garbage is a fifth of the time."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def anyio_backend():
    return "asyncio"


@pytest.fixture(scope="session")
def service_or_skip():
    """``service_or_skip("Redis", check)`` skips where ``check()`` raises, or fails if services are required."""

    def ask(name, check):
        try:
            return check()
        except Exception as error:  # noqa: BLE001 - whatever it is, the service can not be used
            if os.environ.get(REQUIRE_SERVICES) == "1":
                pytest.fail(f"{name} is required and does not answer: {error}")
            pytest.skip(f"{name} does not answer: {error}")

    return ask
