"""The progress bars of a sweep, whichever processes or machines its jobs run in."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread
from typing import TypeVar

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

T = TypeVar("T")
POLL_SECONDS = 0.2


def _bar(transient: bool = False) -> Progress:
    left = (TextColumn("left"), TimeRemainingColumn())
    text = TextColumn("{task.description}")
    return Progress(text, BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), *left, transient=transient)


def checking(jobs: Sequence[T]) -> Iterator[T]:
    """The jobs, under a bar that vanishes: composing and checking many takes a while."""
    with _bar(transient=True) as progress:
        yield from progress.track(jobs, description="checking")


@contextmanager
def training(file: Path, total: int) -> Iterator[None]:
    """A bar of the jobs that have said in `file`, by `advance`, that they ended; the file goes at the end."""
    done = Event()

    def ended() -> int:
        return file.stat().st_size if file.exists() else 0

    with _bar() as progress:
        task = progress.add_task("training", total=total)

        def poll() -> None:
            while not done.wait(POLL_SECONDS):
                progress.update(task, completed=ended())

        thread = Thread(target=poll, daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()
            progress.update(task, completed=ended())
            file.unlink(missing_ok=True)


def advance(file: Path) -> None:
    """Say that one more job ended: one byte, which the parent sees from any process that shares the folder."""
    with suppress(OSError), file.open("ab") as stream:  # no bar is worth a run
        stream.write(b".")
