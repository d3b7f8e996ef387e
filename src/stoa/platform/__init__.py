"""Technology behind the kernel's words: storage, journal, timers, limits, files, telemetry. It knows no kind."""
