"""The kind's tables."""

from sqlalchemy import MetaData

metadata = MetaData()
