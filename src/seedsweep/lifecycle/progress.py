"""The progress bars of a sweep, whichever processes or machines its jobs run in."""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from struct import Struct
from threading import Event, Thread
from typing import TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

T = TypeVar("T")
POLL_SECONDS = 0.2
SILENCE = 4.0  # seconds from one line to the next where there is no terminal for a bar
EPOCHS = Struct("<I")  # of one message; written at once, so that those of several processes do not mix


@contextmanager
def _bar(*columns: ProgressColumn, transient: bool = False) -> Iterator[Progress]:
    """A bar, or in a file or a pipe a line from time to time."""
    left = (TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn())
    console = Console()  # of its own: bars that share rich's one wait for each other's locks
    bar = Progress(TextColumn("{task.description}"), BarColumn(), *columns, *left, console=console, transient=transient)
    if console.is_terminal or console.is_jupyter:
        with bar:
            yield bar
        return
    done = Event()
    thread = Thread(target=_say, args=(bar, done), daemon=True)
    thread.start()
    try:
        with nullcontext() if transient else bar:  # which would leave an empty line
            yield bar
    finally:
        done.set()
        thread.join()


def _say(bar: Progress, done: Event) -> None:
    """Print how far it is, again and again, until it is done."""
    while not done.wait(SILENCE):
        for task in bar.tasks:
            far = f" {task.completed:,.0f} of {task.total:,.0f}" if task.total else " …"
            bar.console.print(f"{task.description}{far}", highlight=False)


@contextmanager
def working(what: str) -> Iterator[None]:
    """A bar of what takes some seconds and is done all at once."""
    with _bar(transient=True) as bar:
        bar.add_task(what, total=None)
        yield


def checking(jobs: Sequence[T]) -> Generator[T, None, None]:
    """The jobs, under a bar that vanishes: composing and checking many takes a while."""
    with _bar(MofNCompleteColumn(), transient=True) as progress:
        yield from progress.track(jobs, description="checking")


class _RunsPerSecond(ProgressColumn):
    """How many runs end in a second, as their epochs do."""

    def __init__(self, epochs_per_run: float):
        super().__init__()
        self.epochs_per_run = epochs_per_run

    def render(self, task: Task) -> Text:
        seconds = task.finished_time or task.elapsed
        speed = task.completed / self.epochs_per_run / seconds if seconds else 0
        text = f"{speed:.0f}" if speed >= 10 else f"{speed:.1f}"
        return Text(f"{text} runs/s" if speed else "", style="progress.data.speed")


@contextmanager
def training(file: Path, runs: int, epochs: int, unit: str) -> Iterator[None]:
    """A bar of the epochs of all runs, or of the runs, by what `advance` says in `file`; the file goes at the end."""
    done = Event()

    def ended() -> int:
        content = file.read_bytes() if file.exists() else b""
        return sum(number for (number,) in EPOCHS.iter_unpack(content[: len(content) // EPOCHS.size * EPOCHS.size]))

    with _bar(MofNCompleteColumn(), TextColumn(unit), _RunsPerSecond(epochs / runs)) as progress:
        task = progress.add_task("training", total=epochs)

        def poll() -> None:
            while not done.wait(POLL_SECONDS):
                progress.update(task, completed=min(ended(), epochs))

        thread = Thread(target=poll, daemon=True)
        thread.start()
        try:
            yield
            epochs = min(ended(), epochs)  # of a search, that may have taken fewer; more, where a worker was lost
        finally:
            done.set()
            thread.join()
            progress.update(task, total=epochs, completed=min(ended(), epochs))
            file.unlink(missing_ok=True)


@contextmanager
def training_alone(epochs: int) -> Iterator[Callable[[int], None]]:
    """A bar of the epochs of one run, moved by what it gives."""
    with _bar(MofNCompleteColumn(), TextColumn("epochs")) as progress:
        task = progress.add_task("training", total=epochs)
        yield lambda count: progress.advance(task, count)


def advance(file: Path, epochs: int) -> None:
    """Say that so many epochs ended: four bytes, which the parent sees from any process that shares the folder."""
    with suppress(OSError), file.open("ab") as stream:  # no bar is worth a run
        stream.write(EPOCHS.pack(epochs))
