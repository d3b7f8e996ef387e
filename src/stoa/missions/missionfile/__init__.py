"""Missions as JSON documents: checked in full, written, exported, imported from files of any age.

``mission_from(mission_to(mission)) == mission``. ``import_mission`` reads what ``export_mission`` wrote, and files of
old schema builds through the table of migrations. Every fault of a document is told with its path
(``forces[0].nodes[3].name``).
"""

from stoa.missions.html import clean_html, plain_to_html
from stoa.missions.missionfile._import import Imported, import_mission
from stoa.missions.missionfile._migrate import CURRENT_BUILD
from stoa.missions.missionfile._parse import MAX_BYTES, read_document
from stoa.missions.missionfile._read import BUILT_IN, mission_from
from stoa.missions.missionfile._trusted import trusted_mission
from stoa.missions.missionfile._write import (
    SERVERS_OWN,
    copy_mission,
    export_mission,
    mission_to,
    new_mission,
)

__all__ = [
    "BUILT_IN",
    "CURRENT_BUILD",
    "MAX_BYTES",
    "SERVERS_OWN",
    "Imported",
    "clean_html",
    "copy_mission",
    "export_mission",
    "import_mission",
    "mission_from",
    "mission_to",
    "new_mission",
    "plain_to_html",
    "read_document",
    "trusted_mission",
]
