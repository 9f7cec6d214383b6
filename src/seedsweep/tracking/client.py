"""What a store is asked by, and the runs that it gives: MLflow's client and entities, or those of a database."""

from typing import TypeAlias

from mlflow import MlflowClient
from mlflow import entities as mlflow_entities

from seedsweep.tracking import entities
from seedsweep.tracking.database_client import DatabaseClient

Client: TypeAlias = MlflowClient | DatabaseClient
Run: TypeAlias = mlflow_entities.Run | entities.Run
