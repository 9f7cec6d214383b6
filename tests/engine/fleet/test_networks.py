"""Whole networks on digits: a convolutional one and a transformer, in a fleet as by the reference engine."""

import pytest
from shared.commands import config

from seedsweep.config.completeness import resolve
from seedsweep.engine.built_run import build
from seedsweep.engine.fleet.assemble import assemble, refuse_model
from seedsweep.engine.fleet.trainer import train

NETWORKS = {
    "cnn": ("model=cnn",),
    "rnn": ("model=rnn",),
    "transformer": ("model=mlp", "model._target_=shared.transformer.Transformer", "~model.hidden", "~model.activation"),
}
RUNS = (
    "seed=0 optimizer=adam",
    "seed=1 optimizer=momentum optimizer.lr=0.1",
    "seed=0 optimizer=adam optimizer.lr=0.001",
)


@pytest.mark.slow
@pytest.mark.parametrize("network", NETWORKS)
def test_fleet_curves_of_networks_on_digits_equal_reference(network: str) -> None:
    words = [*NETWORKS[network], *(["~model.init"] if network == "transformer" else [])]
    usual = ("tracking=none", "data=digits", "data.batch_size=128", "trainer.max_epochs=2", "trainer.precision=64-true")
    configs = [resolve(config(*usual, *words, *run.split())) for run in RUNS]
    assert refuse_model(configs[0]) is None
    together = train(assemble(configs))
    for member, one in enumerate(configs):
        alone = build(one).train()
        values = {point[:3]: point.value for point in together.points(member)}
        assert values == pytest.approx({point[:3]: point.value for point in alone.points}, rel=1e-7, abs=1e-7)
