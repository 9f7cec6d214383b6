"""Chunks out, trainings in: the parent's part of the work, until nothing is left."""

import logging
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import Any

from seedsweep.errors import ConfigError
from seedsweep.lifecycle.workers.chunk import Trained, train_chunk
from seedsweep.lifecycle.workers.chunks import Chunks, Piece
from seedsweep.lifecycle.workers.engine import Engine, LostWorkerError
from seedsweep.lifecycle.workers.packing import Packed

POLL = 1.0  # seconds after which the number of workers is looked at again
LOST = "a worker was lost (killed, out of memory, or gone with its machine): its runs are trained again"
log = logging.getLogger(__name__)


def dispatch(
    engine: Engine,
    chunks: Chunks,
    pack: Callable[[Piece], Packed],
    finish: Callable[[Piece, Trained], None],
    give_up: Callable[[int, bool], None],
    patience: float,
) -> None:
    """Have all chunks trained.

    Args:
        engine: of the workers.
        chunks: what is left to do.
        pack: makes what a worker gets.
        finish: takes what it gives back.
        give_up: takes a job that its workers die of, and whether it was to train in a fleet.
        patience: seconds without any worker.

    Raises:
        ConfigError: there were no workers for so long.
    """
    in_work: dict[Future[Any], Piece] = {}
    seen, is_said = time.monotonic(), False
    while True:
        count = engine.workers()
        while count and (piece := chunks.next(count, list(in_work.values()))):
            in_work[engine.submit(train_chunk, pack(piece))] = piece
        if count and not in_work:
            return
        seen = time.monotonic() if count else seen
        if time.monotonic() - seen > patience:
            raise ConfigError(*engine.where(), f"all workers are gone, and none has come for {patience:g} s")
        if not in_work:
            time.sleep(POLL)
        for future in wait(in_work, POLL, FIRST_COMPLETED).done:
            piece = in_work.pop(future)
            try:
                trained: Trained = future.result().unpack()
            except LostWorkerError:
                if not is_said:
                    log.warning(LOST)
                is_said = True
                for job in chunks.give_back(piece):
                    give_up(job, piece.source.together)
            else:
                log.debug("a chunk of %d jobs: %.2f s", len(piece.jobs), trained.seconds)
                piece.source.measure(len(piece.jobs), trained.seconds)
                finish(piece, trained)
