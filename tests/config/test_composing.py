"""Every form of override, composed as Hydra composes it; the forms of plain values without composing each job."""

import copy
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.utils import create_config_search_path
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.utils import setup_globals
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict
from shared.commands import ROOT

from seedsweep.config.composing import Composed, Composer

Job = Sequence[str]


class CountingLoader(ConfigLoaderImpl):
    """Hydra's own loader, how often it has composed a job, and what it made."""

    def __init__(self, path: ConfigSearchPath):
        super().__init__(path)
        self.jobs = 0
        self.made: dict[tuple[str, ...], DictConfig] = {}

    def load_sweep_config(self, master_config: DictConfig, sweep_overrides: list[str]) -> DictConfig:
        self.jobs += 1
        config = super().load_sweep_config(master_config, sweep_overrides)
        self.made[tuple(sweep_overrides)] = copy.deepcopy(config)
        return config


def composer_of(folder: Path, *command: str) -> Composer:
    """For the sweep of a command."""
    setup_globals()
    loader = CountingLoader(create_config_search_path(str(folder)))
    return Composer(loader, loader.load_configuration("config", list(command), RunMode.MULTIRUN))


@pytest.fixture(scope="module")
def ours() -> Composer:
    return composer_of(ROOT / "conf")


@pytest.fixture
def composer(ours: Composer) -> Composer:
    """Of the project's own configuration, having composed nothing yet."""
    return Composer(ours.loader, ours.master)


@pytest.fixture
def composer_for(tmp_path: Path) -> Callable[..., Composer]:
    """Of a configuration that is written here, with a few options."""

    def make(text: str, *command: str, **options: str) -> Composer:
        (tmp_path / "db").mkdir()
        (tmp_path / "config.yaml").write_text(text)
        (tmp_path / "db" / "mysql.yaml").write_text("name: mysql\nport: 1\n")
        (tmp_path / "db" / "lite.yaml").write_text("name: lite\nfile: ${db.name}.db\n")
        return composer_of(tmp_path, *command)

    return make


def by_hydra(composer: Composer, job: Job, number: int = 0) -> str:
    """What a job's configuration has to be, with the types and the order of everything in it."""
    if tuple(job) not in composer.loader.made:
        composer.full(job, number)
    config = copy.deepcopy(composer.loader.made[tuple(job)])
    with open_dict(config):
        config.hydra.job.num = number
    HydraConfig.instance().set_config(config.copy())
    try:
        with open_dict(config):
            del config["hydra"]
        return repr(OmegaConf.to_container(config, resolve=True))
    finally:
        HydraConfig.instance().cfg = None


def compose(composer: Composer, job: Job, number: int = 0) -> tuple[Composed, bool]:
    """A job, compared with Hydra's own; whether Hydra composed it."""
    before = composer.loader.jobs
    composed = composer.compose(job, number)
    asked = composer.loader.jobs > before
    assert repr(composed.config) == by_hydra(composer, job, number)
    assert (composed.number, composed.overrides) == (number, tuple(job))
    return composed, asked


def ways(composer: Composer, jobs: Sequence[Job]) -> list[bool]:
    """Whether Hydra was asked, job by job."""
    return [compose(composer, job, number)[1] for number, job in enumerate(jobs)]


PLAIN = [
    ("seed=1", "seed=2", "seed=-3", "seed=0", "seed=1_000", "seed=int(3.7)", "seed=99999999999999999999"),
    ("seed=1.0", "seed=1e3", "seed=nan", "seed=-inf", "seed=-0.0", "seed=.5", "seed=5.", "seed=1.5e-05", "seed=1E5"),
    ("seed=true", "seed=False"),
    ("seed=a", "seed='1'", 'seed="1.0"', "seed=", "seed=''", "seed='null'", "seed='True'", "seed=str(3)"),
    ("model.init=two words", "model.init='it\\'s, \"so\"'", "model.init=a\\,b", "model.init=a\\=b\\ "),
    ("model.init=/a-b.c:d/%", "model.init=\\\\", "model.init='naïve'", "model.init='{a}'", "model.init=01"),
    ("data.name=x", "data.name='y z'"),
    ("data.features=[a,b]", "data.features=[]", "data.features=[1,2.0,'3',true,null]"),
    ("objective=3", "objective=4"),
    ("+new=1", "+new=2"),
    ("+new.deep.er=1", "+new.deep.er=2"),
    ("+data.positive_class=a", "+data.positive_class=b"),
    ("+trainer.accumulate_grad_batches=2", "+trainer.accumulate_grad_batches=3"),
    ("++new=1", "++new=2"),
    ("++optimizer.lr=1", "++optimizer.lr=2"),
    ("++trainer.precision.deep=1", "++trainer.precision.deep=2"),
]


@pytest.mark.slow
@pytest.mark.parametrize("values", PLAIN, ids=" ".join)
def test_hydra_composes_the_first_of_many_plain_values(composer: Composer, values: tuple[str, ...]) -> None:
    jobs = [(value, f"trainer.max_epochs={number}") for number, value in enumerate(values)]
    assert ways(composer, jobs) == [True] + [False] * (len(values) - 1)


def test_values_of_another_type_are_another_shape(composer: Composer) -> None:
    jobs = [("seed=1",), ("seed=1.0",), ("seed='1'",), ("seed=true",), ("seed=[1]",), ("seed=null",)]
    assert ways(composer, jobs) == [True, True, True, True, True, True]
    assert ways(composer, jobs[:4]) == [False] * 4


FIXED = [
    "optimizer=adam",
    'optimizer="adam"',
    "model=mlp",
    "data=banknote",
    "tracking=none",
    "tracking=server",
    "+optimizer@second=adam",
    "~tracking",
    "~tracking=local",
    "data.features=null",
    "data.features=[[1],[2]]",
    "data.features=[${seed}]",
    "init_seed=${optimizer.lr}",
    "experiment='${optimizer.lr} of ${data.name}'",
    "model.init=???",
    "model.init='what?'",
    "+trainer={accumulate_grad_batches: 2}",
    "objective={select: best}",
    "~optimizer.weight_decay",
    "~optimizer.weight_decay=0",
    "~objective",
]


@pytest.mark.slow
@pytest.mark.parametrize("fixed", FIXED)
def test_any_other_override_is_part_of_what_jobs_have_in_common(composer: Composer, fixed: str) -> None:
    jobs = [(fixed, "optimizer.lr=0.5", "seed=1"), (fixed, "optimizer.lr=3.5", "seed=2")]
    assert ways(composer, jobs) == [True, False]


DOUBTFUL = [
    ("seed=1", "seed=1"),
    ("+seed=1", "seed=1"),
    ("init_seed=1", "++init_seed.deep=3"),
    ("model=mlp", "model.hidden.0=3"),
    ("seed=1,2",),
    ("seed=range(3)",),
    ("hydra.job.chdir=true",),
    ("hydra/job_logging=disabled",),
    ("objective=null", "objective.metric=x"),
    ("data.features=shuffle([1])",),
    ("data.features=[1]", "init_seed=${data.features}"),
    ("init_seed=${now:%Y}",),
    ("init_seed=${oc.env:HOME}",),
    ("init_seed=${hydra:job.num}",),
    ("init_seed=${data}", "data.batch_size=3"),
    ("init_seed=${data.features[0]}",),
    ("init_seed=${optimizer.${model.init}}", "model.init=lr"),
    ("init_seed='\\${seed}'",),
]


@pytest.mark.slow
@pytest.mark.parametrize("job", DOUBTFUL, ids=" ".join)
def test_jobs_of_a_doubtful_form_are_all_composed_by_hydra(composer: Composer, job: Job) -> None:
    try:
        by_hydra(composer, job)
    except HydraException as error:
        for _ in range(2):
            with pytest.raises(type(error)):
                composer.compose(job, 0)
    else:
        assert ways(composer, [job, job]) == [True, True]


def test_text_that_another_is_made_of_is_part_of_what_jobs_have_in_common(composer: Composer) -> None:
    table = ("data=table", "data.target=x", "data.path=a/b.csv")  # data.name is made of the path
    assert ways(composer, [(*table, f"seed={seed}") for seed in (1, 2)]) == [True, False]
    assert ways(composer, [(*table[:2], "data.path=a/c.csv", "seed=1")]) == [True]


TREE = """
defaults: [{db: mysql}, _self_]
a: 1
b: {c: 2, same: "${.c}", up: "${..a}", list: ["${..c}", {deep: "${....a}"}]}
text: " ${a}-${b.c}/${b.same} "
chain: ${text}
empty: ""
two: ${a}${empty}
"""
INTERPOLATED = [
    (TREE, ("a=1",), ("a=2",), True),
    (TREE, ("a=1.0", "empty=''"), ("a=1e-7", "empty=x"), True),
    (TREE, ("a=true",), ("a=false",), True),
    (TREE, ("a=x", "db.port=1"), ("a='y z'", "db.port=2"), True),
    (TREE, ("a=[1]",), ("a=[2]",), False),
    (TREE, ("a=3", "b.c=4"), ("a=5", "b.c=5"), True),
    (TREE + "part: ${b.list}", ("b.c=1",), ("b.c=2",), False),
    (TREE + "part: ${b}", ("a=3",), ("a=4",), False),
    (TREE + "part: ${db}", ("a=3",), ("a=4",), True),
    (TREE + "way: ${db}\nport: ${way.port}", ("a=3",), ("a=4",), True),
    ("a: 1\nway: ${b}\nb: {c: 1}\nport: ${way.c}", ("a=3",), ("a=4",), True),
    ("a: 1\nway: ${b}\nb: {c: 1}\nport: ${way.c}", ("b.c=3",), ("b.c=4",), False),
    ("a: 1\nway: ${b}\nb: {c: 1}", ("++way.c=3",), ("++way.c=4",), True),
    ("a: 1\nway: ${b}\nb: {c: 1}", ("b.c=3", "++way.c=3"), ("b.c=4", "++way.c=5"), True),
    ("a: 1\nway: ${b}\nb: {c: 1}", ("b.c=3", "way={d: 3}"), ("b.c=4", "way={d: 3}"), False),
    ("a: 1\nb: ${a}", ("a=3", "~b=3"), ("a=3", "~b=3"), False),
    ("a: 1\nb: '${seedsweep.stem:${a}}'", ("a=x.csv",), ("a=y.csv",), False),
    ("a: 1\nb: '${seedsweep.stem:${c}}'\nc: /x/y.csv", ("a=1",), ("a=2",), True),
    ("a: 1\nb: '${oc.env:HOME}'", ("a=1",), ("a=2",), False),
    ("a: 1\nb: '${hydra:job.num} ${hydra:job.override_dirname}'", ("a=1",), ("a=2",), False),
    ("a: 1\nb: \\${a}", ("a=1",), ("a=2",), False),
    ("a: 1\nb: ['${c[0]}']\nc: [1]", ("a=1",), ("a=2",), False),
    ("a: ???\nb: ???", ("a=1",), ("a=2",), True),
    ("a: one\none: 1\ntwo: 2\nb: '${${a}}'", ("a=one",), ("a=two",), False),
    ("a: one\none: null\ntwo: 2\nb: '${${a}}'", ("a=one", "+b=1"), ("a=one", "+b=2"), False),
    ("a: 1\n1: {b: 2}\nc: [[1]]", ("a=1",), ("a=2",), True),
    ("", ("+db=mysql", "db.port=3"), ("+db=mysql", "db.port=4"), True),
    ("", ("+db@x.y=mysql", "x.y.port=3"), ("+db@x.y=mysql", "x.y.port=4"), True),
    (TREE, ("db=lite", "db.name=a"), ("db=lite", "db.name=b"), True),
    (TREE, ("db.port=3", "db={name: z}"), ("db.port=4", "db={name: z}"), False),
    (TREE, ("~db", "a=2"), ("~db", "a=3"), True),
]


@pytest.mark.slow
@pytest.mark.parametrize(("text", "first", "second", "fast"), INTERPOLATED)
def test_what_refers_to_a_value_follows_it(
    composer_for: Callable[..., Composer], text: str, first: Job, second: Job, fast: bool
) -> None:
    assert ways(composer_for(text.strip() or "a: 1"), [first, second]) == [True, not fast]


@dataclass
class Settings:
    """A node whose values OmegaConf checks and converts."""

    rate: float = 1.0
    anything: Any = 0
    sizes: list[int] = field(default_factory=list)
    table: dict[str, int] = field(default_factory=dict)


@pytest.mark.parametrize(
    ("job", "fast"),
    [
        (("typed.rate=2",), False),
        (("typed.rate=2.0",), False),
        (("typed.anything=2",), True),
        (("typed.sizes=['3']",), False),
        (("typed.sizes=[3]",), False),
        (("+typed.table.x=3",), False),
        (("a=2.5", "typed.rate=${a}"), False),
        (("a=2.5",), True),
    ],
    ids=str,
)
def test_hydra_converts_the_values_of_typed_nodes(composer_for: Callable[..., Composer], job: Job, fast: bool) -> None:
    ConfigStore.instance().store("composed_settings", Settings)
    composer = composer_for("defaults: [composed_settings@typed, _self_]\na: 1")
    assert ways(composer, [job, job]) == [True, not fast]


def test_groups_of_a_search_path_are_groups(composer_for: Callable[..., Composer], tmp_path: Path) -> None:
    (tmp_path / "more" / "extra").mkdir(parents=True)
    (tmp_path / "more" / "extra" / "one.yaml").write_text("x: 1")
    text = f"hydra: {{searchpath: ['file://{tmp_path}/more']}}\ndefaults: [{{extra: null}}, _self_]\na: 1"
    composer = composer_for(text)
    assert ways(composer, [("extra=one", "a=1"), ("extra=one", "a=2")]) == [True, False]
    assert composer.compose(["extra=one", "a=3"], 2).choices["extra"] == "one"


WRONG = [
    "optimizer.lrr=1",
    "optimizer=nothing",
    "++optimizer=adam",
    "+seed=1",
    "~nothing",
    "seed=1,2",
    "seed=[1",
    "x@y=1",
]


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_job_raises_what_hydra_raises_each_time(composer: Composer, wrong: str) -> None:
    job = ["seed=1", wrong] if not wrong.lstrip("+").startswith("seed") else [wrong]
    with pytest.raises(HydraException) as hydras:
        composer.full(job, 0)
    for _ in range(2):
        with pytest.raises(type(hydras.value)) as raised:
            composer.compose(job, 0)
        assert str(raised.value) == str(hydras.value)


def test_an_interpolation_of_nothing_is_an_error_each_time(composer: Composer) -> None:
    for number in range(2):
        with pytest.raises(Exception, match="nothing"):
            composer.compose(["init_seed=${nothing}", f"seed={number}"], number)


POOL = [
    ["optimizer=adam", "optimizer=sgd", "optimizer=momentum"],
    ["optimizer.lr=0.1", "optimizer.lr=1e-3", "optimizer.lr=2", "optimizer.lr='0.1'"],
    ["seed=1", "seed=2", "seed=3.0", "seed=x", "seed=null"],
    ["init_seed=5", "init_seed=${order_seed}", "~init_seed"],
    ["model=mlp", "model=softmax_regression"],
    ["model.name=x", "model.name=7", "data.name=y", "data={name: z}"],
    ["+new.a=1", "++new.a=b", "++new={a: 3}"],
    ["data.features=[a]", "data.features=[b,c]", "data.features=null", "data.batch_size=32"],
]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_jobs_drawn_at_random_equal_hydras(composer: Composer, seed: int) -> None:
    draw = random.Random(seed)
    base = [draw.choice(choices) for choices in POOL if draw.random() < 0.4]
    jobs = []
    for _ in range(10):
        job = [draw.choice(POOL[where]) for where in (1, 2)] + [
            one for one in base if not one.startswith(("optimizer.", "seed"))
        ]
        jobs.append(draw.sample(job, len(job)) if draw.random() < 0.3 else job)
    for number, job in enumerate(jobs):
        try:
            by_hydra(composer, job, number)
        except HydraException as error:
            with pytest.raises(type(error)):
                composer.compose(job, number)
        else:
            compose(composer, job, number)


@pytest.mark.parametrize("seed", range(2))
def test_numbers_are_read_as_hydra_reads_them(ours: Composer, seed: int) -> None:
    draw, parser = random.Random(seed), OverridesParser.create()
    composer = Composer(ours.loader, ours.master)
    composer._reader.read("seed=1")
    for _ in range(100):
        text = "seed=" + "".join(draw.choices("-+.e_0159", k=draw.randint(1, 6)))
        assert repr(composer._reader.read(text).value) == repr(parser.parse_override(text).value())


def test_jobs_share_what_they_have_in_common_and_leave_it_as_it_was(composer: Composer) -> None:
    jobs = [("optimizer=adam", f"optimizer.lr={lr}", f"seed={seed}") for lr in (0.1, 0.2) for seed in range(3)]
    composed = [composer.compose(job, number) for number, job in enumerate(jobs)]
    first = composed[0]
    assert all(one.config["data"] is first.config["data"] and one.choices is first.choices for one in composed)
    assert all(one.config["optimizer"]["betas"] is first.config["optimizer"]["betas"] for one in composed)
    assert composed[2].config["optimizer"] is first.config["optimizer"]
    assert composed[3].config["optimizer"] is not first.config["optimizer"]
    assert [one.config["seed"] for one in composed] == [0, 1, 2, 0, 1, 2]
    assert [repr(one.config) for one in composed] == [by_hydra(composer, job) for job in jobs]
    assert first.choices["optimizer"] == "adam"


def test_a_job_composed_in_full_knows_its_number(composer: Composer) -> None:
    config = composer.full(["seed=3"], 7)
    assert config.hydra.job.num == 7
    assert config.hydra.job.id == "7"  # as under Hydra's basic launcher
    assert config.hydra.overrides.task == ["seed=3"]


def test_composing_leaves_hydras_own_configuration_as_it_was(composer: Composer) -> None:
    composer.compose(["seed=3"], 0)
    assert HydraConfig.instance().cfg is None


def test_what_is_cached_is_bounded(composer: Composer, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("shaped_overrides", "composing", "templates"):
        monkeypatch.setattr(f"seedsweep.config.{module}.CACHED", 2)
    jobs = [(f"optimizer={name}", f"optimizer.lr={lr}") for name in ("sgd", "adam", "radam") for lr in (1, 2, 3, 4)]
    assert ways(composer, jobs) == [True, False, False, False] * 3
    assert len(composer._templates) <= 2
    assert len(composer._reader._cache) <= 2
