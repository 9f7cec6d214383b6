"""Trained weights among the artifacts: of one run, or of a whole fleet in one file, and the models made of them."""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from seedsweep.errors import ConfigError, StoreError
from seedsweep.tracking.addresses import default_uri
from seedsweep.tracking.chunked_runs import chunked_run
from seedsweep.tracking.connection import connect, store_errors
from seedsweep.tracking.mlflow_client import mlflow_error
from seedsweep.tracking.trusted_classes import trusted_class

if TYPE_CHECKING:
    from torch import Tensor, nn

    from seedsweep.tracking.client import Client

COPIED_FROM = "seedsweep.copied_from"  # the tag of a copy: the run that was trained
WEIGHTS = "weights.safetensors"  # of a run that was trained alone
FOLDER = "weights"  # among the artifacts of the sweep, or of the fleet's first run
TAG = r"([0-9a-f]{32})/(weights/[0-9a-f]{32}\.safetensors)#([0-9]{1,9})"  # as `weights_tag` writes it


@contextmanager
def weights_file(weights: Mapping[str, "Tensor"], describe: Mapping[str, str], name: str) -> Iterator[Path]:
    """A file of that name with the weights, which lasts as long as the context; `describe` is in its header."""
    from safetensors.torch import save_file

    with TemporaryDirectory() as folder:
        file = Path(folder) / name
        save_file(dict(weights), file, metadata=dict(describe))
        yield file


def weights_tag(holder: str, name: str, member: int) -> str:
    """Where the weights of a member are: the run among whose artifacts they are, the artifact, the index in it."""
    return f"{holder}/{FOLDER}/{name}.safetensors#{member}"


@store_errors()
def load_model(run_id: str, tracking_uri: str | None = None, trust: Collection[str] = ()) -> "nn.Module":
    """The trained model of a run, ready to predict: from features (n, …) in their own units to logits.

    Of a regression it gives predictions, in the units of its target.

    Its class is made by the name and the arguments in the store. No code is run but that of seedsweep, of `torch.nn`,
    of what this process has imported already, and of what is trusted.

    Args:
        run_id: of the run, as `load_runs` gives it.
        tracking_uri: address of the store; the default store when None.
        trust: names of modules and packages that may be imported for it.

    Returns:
        A `torch.nn.Sequential` of `standardize`, as fitted for the run, and `net`, the trained module, with `rescale`
        behind it in a regression; of `net` alone where a LightningDataModule of one's own made the minibatches.

    Raises:
        ConfigError: no such run, one that has no weights, weights that are not as seedsweep writes them, or a class
            in a module that is not trusted.
        TypeError: the class in the store is not a module.
        ValueError: the tag of the run is not one that seedsweep writes.
    """
    from torch import nn

    described, state = _read(connect(tracking_uri or default_uri()), run_id)
    network = trusted_class(_described(described, "class", run_id), trust)
    if not (isinstance(network, type) and issubclass(network, nn.Module)):
        raise TypeError(f"{described['class']} in {WEIGHTS} of run {run_id} is not a torch.nn.Module")
    arguments = _described(described, "arguments", run_id)
    try:
        net = network(**json.loads(arguments))
        net.load_state_dict(state)
        return _with_scaling(net, described).eval()
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
        raise ConfigError("run_id", run_id, f"its weights do not fit {described['class']}: {reason}") from error


def _described(described: Mapping[str, str], key: str, run_id: str) -> str:
    if key not in described:
        raise ConfigError("run_id", run_id, f"the header of its weights has no {key}: seedsweep has not written them")
    return described[key]


def _with_scaling(net: "nn.Module", described: Mapping[str, str]) -> "nn.Module":
    """The network between what brings features to its units and what brings predictions to those of the target."""
    import torch

    from seedsweep.problem.models import Rescale, Standardize

    model = torch.nn.Sequential()
    if "mean" in described:
        scaling = [torch.tensor(json.loads(described[key]), dtype=torch.float64) for key in ("mean", "scale")]
        model.add_module("standardize", Standardize(*scaling))
    model.add_module("net", net)
    if "target_scaling" in described:
        model.add_module("rescale", Rescale(*json.loads(described["target_scaling"])))
    return model


def _read(client: "Client", run_id: str) -> "tuple[dict[str, str], dict[str, Tensor]]":
    """The header and the weights of a run: from its own file, or from its index in that of its fleet."""
    from safetensors import SafetensorError, safe_open

    with TemporaryDirectory() as folder:
        try:
            tags = _tags(client, run_id)
            tag = tags.get("seedsweep.weights")
            stacked = re.fullmatch(TAG, tag) if tag else None
            if tag and not stacked:
                raise ValueError(f"the tag seedsweep.weights of run {run_id} is not one that seedsweep writes: {tag}")
            holder, path = (stacked[1], stacked[2]) if stacked else (tags.get(COPIED_FROM, run_id), WEIGHTS)
            file = client.download_artifacts(holder, path, folder)
        except mlflow_error() as error:
            allowed = f"no trained run of that id in {client.tracking_uri}; load_runs() lists those there are"
            raise ConfigError("run_id", run_id, allowed) from error
        try:
            with safe_open(file, "pt") as weights:
                names = list(weights.keys())
                if not stacked:
                    return weights.metadata() or {}, {name: weights.get_tensor(name) for name in names}
                member = int(stacked[3])
                return weights.metadata() or {}, {name: weights.get_slice(name)[member].clone() for name in names}
        except SafetensorError as error:
            raise StoreError(f"{path} among the artifacts of {holder} is damaged: {error}") from error


def _tags(client: "Client", run_id: str) -> dict[str, str]:
    """The tags of a run; of one in a chunk those that say where its weights are."""
    try:
        return dict(client.get_run(run_id).data.tags)
    except mlflow_error():
        if (about := chunked_run(client, run_id)) is None:
            raise
    where = {"seedsweep.weights": f"{about['weights']}#{about['member']}"} if about["weights"] else {}
    return where | ({COPIED_FROM: str(about["copied_from"])} if about["copied_from"] else {})
