"""Scheduled sessions: timelines, exact recurrence, conflicts, calendars."""
