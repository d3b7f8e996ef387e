"""Tables and statements of the missions kind."""
