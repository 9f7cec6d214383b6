"""How jobs are cut into chunks, and what becomes of those whose worker is lost: by hand, without workers."""

from collections.abc import Sequence

import pytest

from seedsweep.lifecycle.workers.chunks import Chunks, Piece, Source


def fleet(jobs: int, limit: int = 8192) -> Source:
    return Source(range(jobs), True, limit)


def trained(source: Source, cost: float, workers: int, chunk_seconds: float = 60, fixed: float = 0) -> list[int]:
    """The sizes of the chunks of jobs that cost so many seconds each, in the order in which they are handed out."""
    chunks, sizes = Chunks([source], chunk_seconds, retries=3), []
    free, in_work = [0.0] * workers, []  # when a worker is free; chunks with when they end and what they take
    while True:
        while piece := chunks.next(workers, [work[2] for work in in_work]):
            sizes.append(len(piece.jobs))
            seconds, worker = fixed + cost * len(piece.jobs), free.index(min(free))
            free[worker] += seconds
            in_work.append((free[worker], seconds, piece))
        if not in_work:
            break
        first = min(in_work, key=lambda work: work[0])
        in_work.remove(first)
        source.measure(len(first[2].jobs), first[1])
    assert sum(sizes) == len(source.jobs)
    return sizes


def test_chunks_are_so_much_work_as_is_asked_for_once_two_sizes_were_measured() -> None:
    sizes = trained(fleet(100_000), cost=0.1, workers=2, fixed=2)
    assert sizes[:4] == [32, 32, 512, 512]
    assert sizes[4:100] == [580] * 96  # 60 seconds
    assert max(trained(fleet(10_000, limit=50), cost=0.1, workers=2)) == 50


def test_a_fleet_whose_steps_cost_the_same_for_many_is_cut_into_few_chunks() -> None:
    sizes = trained(fleet(6000), cost=0.001, workers=2, fixed=5)
    assert len(sizes) <= 6
    assert max(sizes) > 2500


def test_a_fleet_whose_members_cost_has_some_chunks_for_every_worker() -> None:
    sizes = trained(fleet(6000), cost=0.05, workers=2, fixed=0.5)
    assert len(sizes) >= 2 * 5
    assert sizes[-1] < max(sizes) / 3, "at the end nobody waits for long"


def test_an_expensive_run_makes_no_first_chunk_of_many() -> None:
    assert trained(fleet(6000), cost=100, workers=2)[2] <= 5
    assert trained(fleet(10), cost=100, workers=2)[0] == 3


def test_runs_that_train_one_by_one_are_measured_by_one() -> None:
    sizes = trained(Source(range(1000), False, 1000), cost=0.05, workers=2)
    assert sizes[0] == 1
    assert sizes[1] == 1
    assert 10 < sizes[2] < 100
    assert trained(Source(range(4), False, 4), cost=100, workers=2) == [1, 1, 1, 1]


def test_two_chunks_a_worker_are_in_work_and_one_until_they_are_measured() -> None:
    source = fleet(100_000)
    chunks = Chunks([source], 60, 3)

    def handed_out() -> int:
        in_work: list[Piece] = []
        while piece := chunks.next(3, in_work):
            in_work.append(piece)
        return len(in_work)

    assert handed_out() == 3
    source.measure(32, 1)
    assert handed_out() == 3
    source.measure(200, 2)
    assert handed_out() == 6


def survivors(deadly: Sequence[int], jobs: int, retries: int) -> tuple[list[int], list[int], int]:
    """The jobs that are trained and those that are given up, where some end their worker; how many that took."""
    source = fleet(jobs)
    source.measure(jobs, 1)
    chunks, done, given_up, lost = Chunks([source], 60, retries), [], [], 0
    while piece := chunks.next(1, []):
        if set(piece.jobs) & set(deadly):
            lost += 1
            given_up += chunks.give_back(piece)
        else:
            done += piece.jobs
    return sorted(done), given_up, lost


def test_a_lost_chunk_is_halved_until_it_shows_which_run_ends_its_worker() -> None:
    done, given_up, lost = survivors([5], jobs=16, retries=3)
    assert given_up == [5]
    assert done == [job for job in range(16) if job != 5]
    assert lost == 4 + 3  # 16, 8, 4, 2, and three times alone


@pytest.mark.parametrize("retries", [1, 2, 3, 5])
def test_every_run_that_ends_its_worker_is_given_up_and_no_other(retries: int) -> None:
    done, given_up, _ = survivors([0, 7, 8], jobs=20, retries=retries)
    assert sorted(given_up) == [0, 7, 8]
    assert len(done) == 17


def test_the_last_try_of_a_run_is_made_while_nothing_else_is_in_work() -> None:
    source = Source(range(3), False, 1)
    source.measure(1, 100)
    chunks = Chunks([source], 60, retries=2)
    suspect, other = chunks.next(2, []), chunks.next(2, [])
    assert suspect
    assert other
    assert chunks.give_back(suspect) == []
    third = chunks.next(2, [other])
    assert third
    assert chunks.next(2, [other, third]) is None
    last = chunks.next(2, [])
    assert last
    assert last.jobs == suspect.jobs
    assert last.is_alone
    assert chunks.next(2, [last]) is None
    assert chunks.give_back(last) == suspect.jobs
