"""A recording for the demo: tracks as a call would have left them, from generated pictures and tones.

What is watched of it is then made by the server, as of any recording.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from stoa.kernel.clock import to_millis


def write(folder: Path, *, people: Sequence[str], seconds: float, began: datetime) -> None:
    """Writes the folder of a recording; ``people`` are users' ids. Takes some seconds, however long it is.

    The first shares a screen in the third quarter; the last comes late, and ends with the camera off. It is done in a
    process of its own: a server loads no codec. Raises CalledProcessError.
    """
    plan = {"folder": str(folder), "people": list(people), "seconds": seconds, "began": to_millis(began)}
    subprocess.run(
        [sys.executable, "-m", "stoa.live.composing.synthetic"],
        input=json.dumps(plan), text=True, check=True, capture_output=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )  # fmt: skip
