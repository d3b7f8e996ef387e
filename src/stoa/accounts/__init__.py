"""Users, logins, tokens and API keys: one way in for every kind."""
