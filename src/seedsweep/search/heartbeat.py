"""Signs of life of trials, for processes of other hosts."""

import logging
import math
import threading
import time
from typing import Any

FIRST = 1.0  # seconds until the first sign of life, which most trials do not need: it would be a write more for each
_log = logging.getLogger(__name__)


def keep_beating(storage: Any, trial_ids: set[int]) -> threading.Event:
    """Tell the other hosts, at the storage's intervals and until the event is set, that these trials run."""
    stop = threading.Event()
    threading.Thread(target=_beat, args=(storage, trial_ids, stop), name="heartbeat", daemon=True).start()
    return stop


def _beat(storage: Any, trial_ids: set[int], stop: threading.Event) -> None:
    interval = storage.get_heartbeat_interval()
    last_beat: dict[int, float] = {}
    while not stop.wait(min(FIRST, interval)):
        now = time.monotonic()
        for trial_id in [held for held in tuple(trial_ids) if now - last_beat.get(held, -math.inf) >= interval]:
            try:
                storage.record_heartbeat(trial_id)
                last_beat[trial_id] = now
            except Exception as error:  # a database may be away for a while
                _log.warning("No sign of life for trial %s: %s", trial_id, error)
