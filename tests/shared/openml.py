"""OpenML without a network: responses that scikit-learn ships for its own tests, where its cache would have them."""

import gzip
import json
import shutil
from pathlib import Path
from urllib.parse import urlparse

import sklearn.datasets

SHIPPED = Path(sklearn.datasets.__file__).parent / "tests" / "data" / "openml"


def fill_cache(home: Path, data_id: int) -> None:
    """Put the responses for a data set into the folder that `SCIKIT_LEARN_DATA` names."""
    folder = SHIPPED / f"id_{data_id}"
    description = json.loads(gzip.decompress((folder / f"api-v1-jd-{data_id}.json.gz").read_bytes()))
    address = urlparse(description["data_set_description"]["url"]).path
    for shipped, path in (
        (f"api-v1-jd-{data_id}.json.gz", f"/api/v1/json/data/{data_id}"),
        (f"api-v1-jdf-{data_id}.json.gz", f"/api/v1/json/data/features/{data_id}"),
        (f"api-v1-jdq-{data_id}.json.gz", f"/api/v1/json/data/qualities/{data_id}"),
        (next(folder.glob("data-v1-dl-*")).name, address),
    ):
        cached = home / "openml" / "openml.org" / f"{path.lstrip('/')}.gz"
        cached.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(folder / shipped, cached)
