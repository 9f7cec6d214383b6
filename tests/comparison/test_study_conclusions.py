"""The sentences that the studies of several options allow."""

import numpy as np
import pytest
from shared.studies import LUCKY, frame, sampled

from seedsweep.comparison.study_effects import StudyComparison, compare_studies


def printed(judged: StudyComparison) -> str:
    assert repr(judged) == "\n".join(judged.sentences)
    return repr(judged)


def test_a_winner_is_named_with_by_how_much_and_how_surely() -> None:
    noise = np.random.default_rng(0).normal(0, 0.01, (2, 3, 5))
    judged = compare_studies(frame(sgd=1 + noise[0], adam=noise[1]))
    pair = judged.pairs.iloc[0]
    assert (
        judged.sentences[0] == f"adam wins: 0.998 [{pair['low']:.3g}, {pair['high']:.3g}] better than sgd (p < 0.001)"
    )
    assert pair["decided"]


def test_who_cannot_be_told_apart_is_said_beside_who_is_beaten() -> None:
    generator = np.random.default_rng(0)
    judged = compare_studies(
        frame(sgd=9 + sampled(generator, 0.1), adam=sampled(generator, 0.1), rmsprop=0.1 + sampled(generator, 0.1))
    )
    first, second = judged.table["option"][:2]
    tie, beaten = judged.sentences[:2]
    assert tie.startswith(f"{first} and {second} cannot be told apart: {first} is ")
    assert tie.endswith("with more studies or seeds they might be")
    assert beaten.startswith(f"{first} is ")
    assert "better than sgd (p" in beaten


def test_one_option_has_its_interval_and_nothing_to_beat() -> None:
    judged = compare_studies(frame(adam=np.tile(LUCKY, (3, 1))))
    assert judged.pairs.empty
    assert list(judged.pairs) == ["better", "worse", "difference", "low", "high", "p", "decided"]
    assert judged.sentences[0] == "adam gives 0.98 [0.741, 1.22] in 3 × 5 runs (studies × seeds)"
    unnamed = compare_studies(frame(**{"": np.tile(LUCKY, (3, 1))}))
    assert unnamed.sentences[0] == "the search gives 0.98 [0.741, 1.22] in 3 × 5 runs (studies × seeds)"


def test_the_share_of_the_searchs_luck_is_said() -> None:
    """Variances 4 of the studies and 1 of the seeds in the one option, 1 and 4 in the other: halves on average."""
    wide, narrow = np.array([[0.0], [2], [4]]), np.array([0.0, 1, 2])
    judged = compare_studies(frame(adam=wide + narrow, sgd=(wide + narrow).T))
    assert (
        judged.sentences[1]
        == "50 % of the variance is the luck of the search (studies), 50 % that of the seeds, 0 % of both"
    )
    alone = compare_studies(frame(adam=wide + narrow))
    beside = compare_studies(frame(adam=wide + narrow, sgd=[9 + narrow]))
    assert beside.sentences[1] == alone.sentences[1]  # one study says nothing of it
    assert alone.sentences[1].startswith("80 % of the variance is the luck of the search (studies), 20 %")


@pytest.mark.parametrize(("studies", "which"), [((1, 1), "per option"), ((3, 1), "of sgd")])
def test_one_study_cannot_show_the_luck_of_the_search(studies: tuple[int, int], which: str) -> None:
    noise = np.random.default_rng(0).normal(size=(2, 3, 5))
    judged = compare_studies(frame(adam=noise[0, : studies[0]], sgd=noise[1, : studies[1]]))
    told = f"one study {which} cannot show the luck of the search: hydra.sweeper.studies=3 would"
    assert told in judged.sentences
    assert ("of the variance" in printed(judged)) == (studies[0] > 1)


def test_one_seed_cannot_show_the_luck_of_the_seeds() -> None:
    assert "hydra.sweeper.confirm_seeds=5" in printed(compare_studies(frame(adam=LUCKY[:, None])))
    assert "hydra.sweeper" not in printed(compare_studies(frame(adam=np.tile(LUCKY, (2, 1)))))
