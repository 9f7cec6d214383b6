"""How jobs are cut into chunks, and what becomes of those whose worker is lost: by hand, without workers."""

from collections.abc import Sequence

import pytest

from seedsweep.lifecycle.workers.chunks import Chunks, Piece, Source


def fleet(jobs: int, limit: int = 8192) -> Source:
    return Source(range(jobs), True, limit)


def trained(source: Source, cost: float, workers: int, chunk_seconds: float = 60, fixed: float = 0) -> list[int]:
    """The sizes of the chunks of jobs that cost so many seconds each, one chunk after another."""
    chunks, sizes = Chunks([source], chunk_seconds, retries=3), []
    while piece := chunks.next(workers, []):
        sizes.append(len(piece.jobs))
        source.measure(len(piece.jobs), fixed + cost * len(piece.jobs))
    assert sum(sizes) == len(source.jobs)
    return sizes


def test_chunks_grow_to_so_much_work_as_is_asked_for() -> None:
    sizes = trained(fleet(100_000), cost=0.1, workers=2)
    assert sizes[:4] == [16, 128, 600, 600]
    assert max(sizes) == 600


def test_a_short_sweep_still_has_some_chunks_for_every_worker() -> None:
    sizes = trained(fleet(6000), cost=0.01, workers=2)
    assert len(sizes) >= 8
    assert max(sizes) <= 6000 / 8


def test_what_a_fleet_costs_at_first_makes_no_small_chunks() -> None:
    sizes = trained(fleet(6000), cost=0.001, workers=2, fixed=0.5)
    assert sizes[:2] == [16, 128]
    assert max(sizes) > 1000


def test_a_few_jobs_are_shared_by_all_workers_and_no_chunk_is_larger_than_fits() -> None:
    assert trained(fleet(10), cost=0.001, workers=2)[0] == 3
    assert max(trained(fleet(1000, limit=50), cost=0.001, workers=2)) == 50
    assert trained(Source(range(4), False, 4), cost=100, workers=2) == [1, 1, 1, 1]


def test_two_chunks_a_worker_are_in_work_at_most() -> None:
    chunks = Chunks([fleet(1000)], 60, 3)
    in_work: list[Piece] = []
    while piece := chunks.next(3, in_work):
        in_work.append(piece)
    assert len(in_work) == 6


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
    source = Source(range(3), True, 1)
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
