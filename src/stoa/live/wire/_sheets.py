"""Attendance for spreadsheets. A text that one would take for a formula is quoted for it."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from stoa.live.wire._answers import ClassBody, ParticipantBody

_COLUMNS = (
    "userId", "name", "role", "joinedAt", "leftAt", "wasKicked", "micAllowed", "cameraAllowed", "totalSeconds",
)  # fmt: skip


def csv_of(rows: Sequence[ParticipantBody]) -> str:
    """One line for every time somebody was in."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(_COLUMNS)
    for row in rows:
        writer.writerow([
            row.user_id, _plain(row.name), row.role, row.joined_at, row.left_at or "", _word(row.was_kicked),
            _word(row.mic_allowed), _word(row.camera_allowed), row.total_seconds,
        ])  # fmt: skip
    return text.getvalue()


_CLASS_COLUMNS = (
    "sessionName", "courseId", "status", "startsAt", "endsAt", "lengthSeconds", "presentSeconds", "share",
    "lateBySeconds", "wasKicked", "firstJoinedAt", "lastLeftAt", "times",
)  # fmt: skip


def classes_csv(classes: Sequence[ClassBody]) -> str:
    """One line a class; ``times`` counts how often they came."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(_CLASS_COLUMNS)
    for one in classes:
        first, last = (one.intervals[0], one.intervals[-1]) if one.intervals else (None, None)
        cells = [
            one.session_name, _plain(one.course_id), one.status, one.starts_at, one.ends_at, one.length_seconds,
            one.present_seconds, one.share, one.late_by_seconds, _word(one.was_kicked),
            first and first.joined_at, last and last.left_at, len(one.intervals),
        ]  # fmt: skip
        writer.writerow(["" if cell is None else cell for cell in cells])
    return text.getvalue()


def _plain(text: str) -> str:
    return f"'{text}" if text[:1] in tuple("=+-@\t\r") else text


def _word(value: bool) -> str:
    return "true" if value else "false"
