"""How jobs are cut into chunks: by what the last ones took, and smaller where a worker was lost."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

IN_FLIGHT = 2  # chunks a worker: one in work, and one that waits for it
FIRST = 16  # jobs of a fleet's first chunks, which measure
GROWTH = 8  # times as many jobs as the largest chunk that was measured
SHARES = 4  # chunks that each worker still gets, where there is enough work
SHORTEST = 2.0  # seconds of a chunk, below which starting it would show


@dataclass(frozen=True)
class Piece:
    """The jobs of a chunk, by their indices; `source` is where they come from, and `is_alone` that nothing else may be
    in work meanwhile."""

    source: "Source"
    jobs: Sequence[int]
    is_alone: bool = False


@dataclass(eq=False)
class Source:
    """Jobs that can go into one chunk: those of a fleet, at most `limit` `together`, or those that train one by one.

    `jobs` are their indices, of which those from `position` on are left.
    """

    jobs: Sequence[int] | np.ndarray
    together: bool
    limit: int
    position: int = 0
    largest: int = 0  # chunk that was measured
    cost: float = 0.0  # seconds of a job in it

    def left(self) -> int:
        return len(self.jobs) - self.position

    def measure(self, jobs: int, seconds: float) -> None:
        """Learn what a chunk took; the largest knows best, since a fleet's first jobs cost most."""
        if jobs >= self.largest:
            self.largest, self.cost = jobs, seconds / jobs

    def size(self, workers: int, chunk_seconds: float) -> int:
        """How many jobs the next chunk has: so much work as is asked for, but some chunks for every worker."""
        if not self.largest:
            wanted = min(FIRST if self.together else 1, -(-self.left() // (IN_FLIGHT * workers)))
        else:
            share = self.left() * self.cost / (SHARES * workers)
            seconds = min(chunk_seconds, max(SHORTEST, share))
            wanted = min(int(seconds / max(self.cost, 1e-9)), GROWTH * self.largest)
        return max(1, min(wanted, self.limit, self.left()))

    def take(self, size: int) -> Piece:
        taken = np.asarray(self.jobs[self.position : self.position + size]).tolist()
        self.position += size
        return Piece(self, taken)


@dataclass
class Chunks:
    """What is left to do.

    A worker that is lost gives its jobs back in halves, and in the end one by one. A job that was lost alone, and would
    be given up the next time, is tried when nothing else is in work, so that it pays for no other.

    Args:
        sources: of the jobs.
        chunk_seconds: of work in a chunk.
        retries: workers that a single job may take with it.
    """

    sources: Sequence[Source]
    chunk_seconds: float
    retries: int
    _again: "deque[Piece]" = field(default_factory=deque)
    _suspects: "deque[Piece]" = field(default_factory=deque)
    _lost: dict[int, int] = field(default_factory=dict)  # how often a job was, alone in its chunk

    def next(self, workers: int, in_work: Sequence[Piece]) -> Piece | None:
        """The next chunk for so many workers, which have others in work; None if none is due now."""
        if len(in_work) >= IN_FLIGHT * workers or any(piece.is_alone for piece in in_work):
            return None
        if self._again:
            return self._again.popleft()
        for source in self.sources:
            if source.left():
                return source.take(source.size(workers, self.chunk_seconds))
        return self._suspects.popleft() if self._suspects and not in_work else None

    def give_back(self, piece: Piece) -> list[int]:
        """Take back the jobs of a worker that was lost; those that are given up."""
        if len(piece.jobs) > 1:
            middle = len(piece.jobs) // 2
            self._again += (Piece(piece.source, half) for half in (piece.jobs[:middle], piece.jobs[middle:]))
            return []
        (job,) = piece.jobs
        self._lost[job] = self._lost.get(job, 0) + 1
        if piece.is_alone and self._lost[job] >= self.retries:
            return [job]
        if self._lost[job] >= self.retries - 1:
            self._suspects.append(Piece(piece.source, piece.jobs, is_alone=True))
        else:
            self._again.append(piece)
        return []
