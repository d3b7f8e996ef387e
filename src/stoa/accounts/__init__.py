"""Users, logins, tokens and API keys: one way in for every kind."""

from stoa.accounts import demo, service, store
from stoa.accounts.api import KIND, kind, lifetimes_of

__all__ = ["KIND", "demo", "kind", "lifetimes_of", "service", "store"]
