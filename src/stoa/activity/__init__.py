"""Activity of users in an application: honest time on each page."""
