"""Live: classes with real video, recorded."""
