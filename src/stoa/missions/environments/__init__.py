"""What a target environment is written with, and where it runs: in a process of its own, which may be killed.

An environment is an ``Environment`` that an entry point of the group ``stoa.target_environments`` names. Its scripts are
ordinary functions: ``script(context)`` looks at ``context.args``, does its work outside, and says with the context's
calls what is to happen in the exercise. All of it happens once the script has returned, or none of it.
"""

from stoa.missions.environments._context import Context, EffectFailedError, TryAgainError
from stoa.missions.environments._environment import GROUP, Environment, Migration, Script
from stoa.missions.targets import Arg, ArgKind, Condition, Dependency, Option, Target

__all__ = [
    "GROUP",
    "Arg",
    "ArgKind",
    "Condition",
    "Context",
    "Dependency",
    "EffectFailedError",
    "Environment",
    "Migration",
    "Option",
    "Script",
    "Target",
    "TryAgainError",
]
