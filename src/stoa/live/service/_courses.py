"""Courses, and who is enrolled in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from stoa.kernel.actor import Actor
from stoa.kernel.ids import Ids
from stoa.live import rules, store
from stoa.live.errors import CourseNotFoundError, CourseTakenError
from stoa.live.model import Course
from stoa.platform.storage import lock


def register_course(
    connection: Connection, course_id: str | None, title: str, *, actor: Actor, now: datetime, ids: Ids
) -> Course:
    """``course_id`` is any text without slashes; one is made where it is None."""
    if course_id is not None:
        rules.check_own_course_id(course_id)
    rules.check_may_create(actor, None)
    course = Course(course_id or ids.uuid(), title, actor.id, (), now, now)
    lock(connection, f"live-course/{course.id}")
    if store.course_of_id(connection, course.id) is not None:
        raise CourseTakenError
    if store.is_course_of_others(connection, course.id, actor.id):
        raise CourseTakenError("Somebody else has sessions of this course")
    store.add_course(connection, course)
    return course


def courses_for(connection: Connection, *, actor: Actor) -> list[Course]:
    found = store.courses_for(connection, None if actor.is_admin else actor.id)
    return [rules.shown_course(course, actor) for course in found]


def course_for(connection: Connection, course_id: str, *, actor: Actor) -> Course:
    """Raises CourseNotFoundError also for who has nothing to do with it."""
    course = store.course_of_id(connection, course_id)
    if course is None or not rules.may_see_course(course, actor):
        raise CourseNotFoundError
    return rules.shown_course(course, actor)


def enrol(
    connection: Connection, course_id: str, students: Sequence[str], *, actor: Actor, now: datetime
) -> Course:
    """Says who is enrolled: nobody else is any more."""
    lock(connection, f"live-course/{course_id}")
    course = course_for(connection, course_id, actor=actor)
    rules.check_own_course(course, actor)
    changed = replace(course, students=tuple(sorted(set(students))), updated_at=now)
    store.save_course(connection, changed)
    return changed


def remove_course(connection: Connection, course_id: str, *, actor: Actor) -> Course:
    lock(connection, f"live-course/{course_id}")
    course = course_for(connection, course_id, actor=actor)
    rules.check_own_course(course, actor)
    store.drop_course(connection, course_id)
    return course
