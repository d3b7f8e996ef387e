"""Timelines as iCalendar (RFC 5545) and back: values in, bytes out, and the other way round. Pure.

``feed`` writes one VCALENDAR that a calendar program can subscribe to. ``parse`` reads what Google Calendar,
Nextcloud, Outlook, Exchange and Apple Calendar export, and says of each thing that it could not take why not.
``parse(feed(timeline, sessions))`` gives the sessions back unchanged; where iCalendar has no word for what Stoa
knows, an ``X-STOA-…`` property carries it, and it is believed only while it agrees with the standard ones beside
it, since a calendar program may have edited those and copied ours.
"""

from stoa.schedule.ical._read import parse
from stoa.schedule.ical._values import Import, ImportedSession, Refusal
from stoa.schedule.ical._write import feed

__all__ = ["Import", "ImportedSession", "Refusal", "feed", "parse"]
