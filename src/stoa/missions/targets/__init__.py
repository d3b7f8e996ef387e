"""Target environments as they are declared: what effects can call, and with which arguments.

``METIS`` is the one that is built into the engine. Others are installed beside it.
"""

from stoa.missions.targets._declared import (
    Arg,
    ArgKind,
    Condition,
    Declared,
    Dependency,
    Environments,
    Option,
    Target,
    version_of,
)
from stoa.missions.targets._metis import ENVIRONMENT_ID, ENVIRONMENT_VERSION, METIS, NO_CHANGE
from stoa.missions.targets._plain import declared_from, declared_to

__all__ = [
    "ENVIRONMENT_ID",
    "ENVIRONMENT_VERSION",
    "METIS",
    "NO_CHANGE",
    "Arg",
    "ArgKind",
    "Condition",
    "Declared",
    "Dependency",
    "Environments",
    "Option",
    "Target",
    "declared_from",
    "declared_to",
    "version_of",
]
