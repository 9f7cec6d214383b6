"""How jobs are cut into chunks: by what others took, and smaller where a worker was lost."""

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

IN_FLIGHT = 2  # chunks a worker: one in work, and one that waits for it, once it is known what a chunk takes
FIRST = 32  # jobs of a fleet's first chunks, which measure
GROWTH = 16  # times as many jobs as in the first chunks, for those that measure what a job costs
PATIENCE = 5  # times the seconds of a chunk that one may take of which it is not known
OVERHEAD = 0.05  # seconds of handing out a chunk and recording it


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

    A fleet's steps take much the same time whether it has ten members or a hundred, so that a chunk of n takes
    `fixed + cost * n` seconds, of which `fixed` may be most: both are measured by chunks of two sizes. `jobs` are
    their indices, of which those from `position` on are left.
    """

    jobs: Sequence[int] | np.ndarray
    together: bool
    limit: int
    position: int = 0
    _seconds: dict[int, list[float]] = field(default_factory=dict)  # that chunks took, by how many jobs they had

    def left(self) -> int:
        return len(self.jobs) - self.position

    def measure(self, jobs: int, seconds: float) -> None:
        """Learn what a chunk took."""
        self._seconds.setdefault(jobs, []).append(seconds)

    def law(self) -> tuple[float, float] | None:
        """The seconds of a chunk, fixed and for each of its jobs; None if that is not known yet."""
        if not self._seconds:
            return None
        small, large = min(self._seconds), max(self._seconds)
        first, last = (float(np.median(self._seconds[size])) for size in (small, large))
        if not self.together:
            return 0.0, max(last / large, 1e-9)
        if large < 2 * small:
            return None
        cost = max((last - first) / (large - small), 0.01 * last / large)
        return max(0.0, first - cost * small), cost

    def size(self, workers: int, chunk_seconds: float, in_work: int = 0) -> int:
        """How many jobs the next chunk has, where others are in work."""
        fair = -(-self.left() // workers)
        if law := self.law():
            wanted = self._balanced((self.left() + in_work) / workers, chunk_seconds, *law)
        elif self._seconds:
            measured = max(self._seconds)
            quickly = PATIENCE * chunk_seconds / max(self._seconds[measured])  # if nothing of it was fixed
            wanted = min(fair, int(measured * min(GROWTH, quickly)))
        else:
            wanted = min(FIRST if self.together else 1, -(-fair // 2))
        return max(1, min(wanted, self.limit, self.left()))

    def _balanced(self, share: float, chunk_seconds: float, fixed: float, cost: float) -> int:
        """As many jobs as `chunk_seconds` have; fewer where workers would wait for the last one of them.

        A worker has a share of so many jobs. With k chunks for it all of them take k times what is fixed, and at the
        end half a chunk is waited for: the sum is least where both are the same.
        """
        fixed += OVERHEAD
        chunks = max(1.0, math.sqrt(cost * share / (2 * fixed)))
        asked = max(chunk_seconds - fixed, fixed) / cost
        return math.ceil(min(share / chunks, asked))

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
                if len(in_work) >= workers and not source.law():
                    return None  # who waits would get too little, or too much
                others = sum(len(piece.jobs) for piece in in_work if piece.source is source)
                return source.take(source.size(workers, self.chunk_seconds, others))
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
