"""The process in which an environment's code runs: ``python -m stoa.missions.environments module:attribute``.

One line of JSON asks, one answers. What the environment prints goes to standard error. The process ends with its whole
group as soon as the server that asks is gone, or when a call has had its time, whatever the code is doing meanwhile.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import sys
import threading
import traceback
from importlib.metadata import EntryPoint
from typing import Any, NoReturn

from stoa.missions.environments import GROUP, Context, EffectFailedError, Environment, TryAgainError
from stoa.missions.targets import declared_to

_MOST_TRACE = 4_000
_GRACE = 1.0
"""Seconds that the server has to end what has overrun its time, before the process does it by itself."""


def main() -> None:
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    questions: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(questions,), daemon=True).start()
    environment: Environment | None = None
    while True:
        asked = json.loads(questions.get())
        overrun = threading.Timer(asked["seconds"] + _GRACE, _die)
        overrun.daemon = True
        overrun.start()
        try:
            environment = environment or EntryPoint("", sys.argv[1], GROUP).load()
            answer = json.dumps(_answer(environment, asked), allow_nan=False)
        except Exception as error:  # noqa: BLE001 - it is somebody else's code
            trace = "".join(traceback.format_exception(error))[-_MOST_TRACE:]
            answer = json.dumps({"raised": type(error).__name__, "trace": trace})
        overrun.cancel()
        answers.write(answer.encode() + b"\n")
        answers.flush()


def _answer(environment: Any, asked: dict[str, Any]) -> dict[str, Any]:
    if not isinstance(environment, Environment):
        raise TypeError("The entry point must name an Environment.")
    match asked["question"]:
        case "declare":
            return {"declared": declared_to(environment)}
        case "migrate":
            return {"args": environment.migrated(asked["target_id"], asked["version"], asked["args"])}
        case _:
            return _run(environment, asked)


def _run(environment: Environment, asked: dict[str, Any]) -> dict[str, Any]:
    given = asked["context"]
    given["args"] = environment.migrated(given["target_id"], asked["version"], given["args"])
    context = Context(**given, seconds=asked["seconds"])
    try:
        environment.scripts[context.target_id](context)
    except EffectFailedError as error:
        return {"failed": str(error)}
    except TryAgainError as error:
        return {"again": str(error), "after": error.after}
    return {"calls": context.calls}


def _listen(questions: queue.SimpleQueue[bytes]) -> None:
    for line in sys.stdin.buffer:
        questions.put(line)
    _die()


def _die() -> NoReturn:
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


if __name__ == "__main__":
    main()
