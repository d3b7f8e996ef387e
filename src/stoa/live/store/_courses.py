"""Statements on courses and who is enrolled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, insert, select, update

from stoa.kernel.clock import from_millis
from stoa.live.model import Course
from stoa.live.store._rows import values_of
from stoa.live.store._tables import (
    courses,
    enrolments,
)


def add_course(connection: Connection, course: Course) -> None:
    connection.execute(_ADD_COURSE, values_of(course, courses))
    _enrol(connection, course)


def save_course(connection: Connection, course: Course) -> None:
    connection.execute(_SAVE_COURSE, {"key": course.id} | values_of(course, courses))
    connection.execute(_EXPEL, {"course": course.id})
    _enrol(connection, course)


def drop_course(connection: Connection, course_id: str) -> None:
    connection.execute(_EXPEL, {"course": course_id})
    connection.execute(_DROP_COURSE, {"id": course_id})


def course_of_id(connection: Connection, course_id: str) -> Course | None:
    row = connection.execute(_COURSE, {"id": course_id}).one_or_none()
    return None if row is None else _with_students(connection, [row])[0]


def courses_for(connection: Connection, user_id: str | None) -> list[Course]:
    """Those that the user gives or is enrolled in; of everybody for None."""
    statement, values = (_COURSES, {}) if user_id is None else (_COURSES_FOR, {"user": user_id})
    return _with_students(connection, connection.execute(statement, values).all())


def _enrol(connection: Connection, course: Course) -> None:
    if course.students:
        rows = [{"course_id": course.id, "user_id": user_id} for user_id in course.students]
        connection.execute(_ENROL, rows)


def _with_students(connection: Connection, rows: Sequence[Row[Any]]) -> list[Course]:
    students: dict[str, list[str]] = {row.id: [] for row in rows}
    for course_id, user_id in connection.execute(_STUDENTS, {"ids": list(students)}):
        students[course_id].append(user_id)
    return [
        Course(
            row.id, row.title, row.instructor_id, tuple(students[row.id]), from_millis(row.created_at),
            from_millis(row.updated_at),
        )
        for row in rows
    ]  # fmt: skip


_ADD_COURSE = insert(courses)
_SAVE_COURSE = update(courses).where(courses.c.id == bindparam("key"))
_DROP_COURSE = delete(courses).where(courses.c.id == bindparam("id"))
_COURSE = select(courses).where(courses.c.id == bindparam("id"))
_COURSES = select(courses).order_by(courses.c.created_at, courses.c.id)
_MINE = select(enrolments.c.course_id).where(enrolments.c.user_id == bindparam("user"))
_COURSES_FOR = _COURSES.where((courses.c.instructor_id == bindparam("user")) | courses.c.id.in_(_MINE))
_ENROL = insert(enrolments)
_EXPEL = delete(enrolments).where(enrolments.c.course_id == bindparam("course"))
_STUDENTS = (
    select(enrolments.c.course_id, enrolments.c.user_id)
    .where(enrolments.c.course_id.in_(bindparam("ids", expanding=True)))
    .order_by(enrolments.c.course_id, enrolments.c.user_id)
)
