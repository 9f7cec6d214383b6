"""Which members of a fleet go on, and how the others ended."""

import numpy as np

from seedsweep.engine.fleet.roster import Roster


def pass_epochs(roster: Roster, count: int) -> None:
    """Epochs in which nobody ends early."""
    for _ in range(count):
        roster.begin_epoch()
        roster.end_epoch()


def test_members_train_for_as_many_epochs_as_they_have() -> None:
    roster = Roster([3, 1, 2])
    assert roster.remaining() == 6
    training, finishing = [], []
    for _ in range(3):
        roster.begin_epoch()
        training.append(roster.active.tolist())
        roster.end_epoch()
        finishing.append(roster.active.tolist())
    assert training == [[True, True, True], [True, False, True], [True, False, False]]
    assert finishing == [[False, True, False], [False, False, True], [True, False, False]]
    assert roster.remaining() == 0
    assert roster.outcomes == ["finished"] * 3


def test_who_ends_early_has_no_epochs_to_come() -> None:
    roster = Roster([3, 3])
    roster.begin_epoch()
    roster.end(np.array([0]), "diverged")
    assert roster.active.tolist() == [False, True]
    roster.end_epoch()
    assert roster.remaining() == 2
    assert roster.outcomes == ["diverged", "finished"]


def test_only_who_goes_on_is_pruned() -> None:
    roster = Roster([1, 3, 3, 3])
    roster.begin_epoch()
    roster.end(np.array([1]), "diverged")
    roster.end_epoch()
    roster.prune([0, 1, 2])
    assert roster.outcomes == ["finished", "diverged", "pruned", "finished"]
    assert roster.continuing().tolist() == [False, False, False, True]


def test_members_keep_their_index_in_the_fleet_when_others_are_taken_out() -> None:
    roster = Roster([4, 4, 2, 4])
    pass_epochs(roster, 2)
    roster.prune([0])
    roster.keep(np.flatnonzero(roster.continuing()))
    assert roster.members.tolist() == [1, 3]
    assert roster.remaining() == 4
    roster.prune([3])
    assert roster.outcomes == ["pruned", "finished", "finished", "pruned"]
    assert roster.remaining() == 2
