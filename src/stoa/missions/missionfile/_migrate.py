"""Files of any schema build, brought to the current one step at a time.

The current build is the last of METIS whose documents have just the fields that a mission has here: post-execution
texts of the action's own (until 48), no types of actions (since 46), environment versions of three numbers (since 45).
Later ones are brought back as far as nothing of them is lost; a field that is left over (from 55 on: a force's several
resources) refuses the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stoa.missions.missionfile import _steps as steps
from stoa.missions.missionfile._steps import Migration, Step

CURRENT_BUILD = 45

MIGRATIONS: Mapping[int, Step] = {
    10: steps.colors_are_hex,
    17: steps.scripts_are_gone,
    20: steps.nodes_have_structure_keys,
    23: steps.nodes_belong_to_forces,
    25: steps.effects_are_one_list,
    27: steps.resources_are_the_forces,
    28: steps.intros_are_the_forces,
    29: steps.nodes_have_prototypes,
    36: steps.effects_have_triggers,
    45: steps.versions_have_patches,
}
"""By the build that made the change: what brings a document of the build before to it."""

WAYS_BACK: Mapping[int, Step] = {
    53: steps.with_awards,
    52: steps.with_open_node,
    51: steps.with_effects_in_order,
    50: steps.with_short_triggers,
    47: steps.without_blocked_beginnings,
    46: steps.without_types,
}
"""By the build that made the change: what brings a document of it to the build before."""


def migrate(document: Mapping[str, Any], build: int, migration: Migration) -> dict[str, Any]:
    """The document as the current build has it; the one given stays as it is."""
    current = dict(document)
    for made in sorted(MIGRATIONS):
        if made > build:
            MIGRATIONS[made](current, migration)
    for made in sorted(WAYS_BACK, reverse=True):
        if made <= build:
            WAYS_BACK[made](current, migration)
    current.pop("schemaBuildNumber", None)
    return current
