"""Keys that are added with a + are refused where nothing uses them."""

from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from omegaconf import open_dict
from shared.commands import ROOT

from seedsweep.config.additions import added, check_additions
from seedsweep.config.application import compose_jobs
from seedsweep.errors import ConfigError

OWN = """
defaults: [config, _self_]
warm: 0.05
share: 0.5
tag: null
optimizer: {lr: "${warm}"}
callback: {_target_: mine.Callback}
hydra: {searchpath: ["file://CONF"]}
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A folder with somebody's own configuration on top of the project's."""
    (tmp_path / "own.yaml").write_text(OWN.replace("CONF", str(ROOT / "conf")))
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "short.yaml").write_text("text: hello")
    return tmp_path


def check(*overrides: str, name: str = "config", folder: Path = ROOT / "conf") -> None:
    """Check a configuration as a run does."""
    with initialize_config_dir(str(folder), version_base="1.3"):
        config = compose(name, overrides=list(overrides), return_hydra_config=True)
        hydra = config.hydra
        with open_dict(config):
            del config["hydra"]
        check_additions(added(overrides), config, hydra, GlobalHydra.instance().config_loader())


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("+lr=0.1", r"\+lr=0.1: nothing uses a key lr; did you mean optimizer.lr\?"),
        ("++lr=0.1", r"\+\+lr=0.1: nothing uses a key lr; did you mean optimizer.lr\?"),
        ("+seeds=3", r"3 seeds are 'seed=range\(0,3\)', with -m"),
        ("+optimzer=adam", r"did you mean optimizer\?"),
        ("+optimzer._target_=torch.optim.Adam", "nothing uses a key optimzer._target_"),
        ("+objective.metrik=val/loss", r"did you mean objective.metric\?"),
        ("+tracking.foo=1", "tracking=local has tracking.uri, tracking.reuse, tracking.detail"),
        ("+name=mine", r"did you mean data.name or model.name\?"),
        ("+a.b=${seed}", "nothing uses a key a.b"),
    ],
)
def test_a_key_that_nothing_uses_is_refused_with_the_nearest(override: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        check(override)


@pytest.mark.parametrize(
    "overrides",
    [
        ("+warm=0.1", "optimizer.lr=${warm}"),
        ("+warm.up=0.1", "optimizer.lr=${warm.up}"),
        ("+warm.up=0.1", "trainer.max_epochs=${oc.select:warm.up,3}"),
        ("+which=seed", "init_seed='${oc.select:${which}}'"),
        ("+tag=mine", "hydra.run.dir=out/${tag}"),
        ("+trainer.accumulate_grad_batches=2", "++optimizer.lr=1", "+optimizer.amsgrad=true", "optimizer=adam"),
        ("+schedule._target_=torch.optim.lr_scheduler.StepLR", "+schedule.step_size=2"),
        ("++seed=3", "++objective.select=best", "++hydra.launcher.job_dirs=true"),
    ],
)
def test_a_key_that_exists_or_is_referred_to_or_is_an_argument_is_accepted(overrides: tuple[str, ...]) -> None:
    check(*overrides)


@pytest.mark.parametrize("override", ["++share=1", "warm=0.1", "+tag=mine", "+notes=short", "+callback.every=3"])
def test_what_somebodys_own_files_define_is_accepted(own: Path, override: str) -> None:
    check(override, name="own", folder=own)


def test_a_misspelt_key_of_somebodys_own_is_answered_with_it(own: Path) -> None:
    with pytest.raises(ConfigError, match=r"nothing uses a key wram; did you mean warm\?"):
        check("+wram=0.1", name="own", folder=own)


@pytest.mark.parametrize(("text", "refused"), [("x: 1", False), ("x: 1\ntracking: {uri, sweep, labels}", True)])
def test_jobs_of_applications_that_are_not_tracked_may_have_any_key(tmp_path: Path, text: str, refused: bool) -> None:
    (tmp_path / "config.yaml").write_text(text)
    with initialize_config_dir(str(tmp_path), version_base="1.3"):
        master = compose("config", return_hydra_config=True)
        jobs = compose_jobs(GlobalHydra.instance().config_loader(), master)
        if not refused:
            assert jobs(["+y=2"], 0).config == {"x": 1, "y": 2}
            return
        with pytest.raises(ConfigError, match="nothing uses a key y"):
            jobs(["+y=2"], 0)
