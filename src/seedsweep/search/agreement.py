"""What all commands that work on a study agree about: its directions, its space, and what its trials have in common."""

from collections.abc import Mapping, Sequence

from optuna.distributions import distribution_to_json, json_to_distribution
from optuna.study import Study, StudyDirection
from optuna.trial import TrialState

from seedsweep.errors import ConfigError
from seedsweep.search.differences import difference
from seedsweep.search.distributions import Space

SPACE = "seedsweep.space"  # user attribute of a study: its distributions by name, as JSON
TERMS = "seedsweep.terms"  # and what else its trials have in common, in words


def agree(
    study: Study, directions: Sequence[StudyDirection], space: Space, terms: Mapping[str, str], conditional: bool
) -> None:
    """Record in a new study what this command searches, or raise `ConfigError` where the study has another search.

    Terms count once a trial has finished. Of a `conditional` space trials may have params that are not in it.
    """
    changes = [*_other_directions(study, directions), *_other_space(study, space, conditional)]
    finished = any(trial.state == TrialState.COMPLETE for trial in study.get_trials(deepcopy=False))
    agreed = study.user_attrs.get(TERMS, {}) if finished else {}
    changes += [
        f"{key}: was {agreed[key]}, is {value}" for key, value in terms.items() if agreed.get(key, value) != value
    ]
    if changes:
        reason = f"this study is there, with another search: {'; '.join(changes)}. Go back to that, or begin another"
        raise ConfigError("study", study.study_name, f"{reason}: hydra.sweeper.study_name=second")
    if SPACE not in study.user_attrs:
        study.set_user_attr(SPACE, {name: distribution_to_json(distribution) for name, distribution in space.items()})
    if terms and not agreed:
        study.set_user_attr(TERMS, dict(terms))


def _other_directions(study: Study, directions: Sequence[StudyDirection]) -> list[str]:
    if study.directions == directions:
        return []
    recorded, current = (", ".join(item.name.lower() for item in group) for group in (study.directions, directions))
    return [f"directions: was {recorded}, is {current}"]


def _other_space(study: Study, space: Space, conditional: bool) -> list[str]:
    saved = study.user_attrs.get(SPACE)
    if saved is not None:
        return difference({name: json_to_distribution(text) for name, text in saved.items()}, space)
    # of a study that was begun without this module the last distribution of each name counts
    trials = study.get_trials(deepcopy=False)
    recorded = {name: distribution for trial in trials for name, distribution in trial.distributions.items()}
    if conditional:
        recorded = {name: distribution for name, distribution in recorded.items() if name in space}
    return difference(recorded, space) if recorded else []
