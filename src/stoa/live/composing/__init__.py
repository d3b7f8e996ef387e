"""From the tracks of a recording to the one file that people watch.

``timeline`` reads the manifest and says when each thing was, ``layout`` where each tile stands: both are pure. ``sight``
and ``hearing`` decode, ``stage`` draws, ``film`` puts it all into a file. ``python -m stoa.live.composing`` is the
process that does it; nothing else of the house imports those that decode.
"""

VIDEO, POSTER, WAVEFORM = "video.mp4", "poster.jpg", "waveform.json"
JOB, LOCK, PROGRESS, DONE, FAILED = "job.json", "lock", "progress", "done", "failed"
"""Files in the folder of a composing process: see ``__main__``."""
