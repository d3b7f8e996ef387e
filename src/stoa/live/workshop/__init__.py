"""Where recordings become files: made by a process of their own, put into the file store, removed again."""

from stoa.live.workshop._bench import Workshop
from stoa.live.workshop._process import NotMadeError
from stoa.live.workshop._shelf import MADE, key_of, pieces_of, zipped

__all__ = ["MADE", "NotMadeError", "Workshop", "key_of", "pieces_of", "zipped"]
