"""What hands chunks to workers: an executor of `concurrent.futures` that knows how many workers it has."""

from abc import abstractmethod
from concurrent.futures import Executor


class LostWorkerError(Exception):
    """The worker that was at a call is gone: what the future of the call raises."""


class Engine(Executor):
    """An executor whose futures raise `LostWorkerError` where their worker was lost; the others go on.

    `shares_disk` says whether its workers see the parent's files.
    """

    shares_disk = False

    @abstractmethod
    def workers(self) -> int:
        """How many there are now."""

    @abstractmethod
    def where(self) -> tuple[str, object]:
        """The key and value by which the user chose where they are, for messages."""
