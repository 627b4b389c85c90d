"""The mlflow package, loaded by name and quiet: it takes 1 to 6 s and warns as it is imported."""

from __future__ import annotations

import importlib
import logging
import os
import warnings
from typing import Any

from harness.account import home_folder, temporary_folder
from harness.own_files import private_folder

ENVIRONMENT = {  # what the user has set stays
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",  # seconds; a server in use may take some
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "ERROR",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # it asks the server for each run again
}
CHATTY = ("mlflow", "alembic", "sqlalchemy")


def load_mlflow() -> Any:
    """The package; its environment must stand before it is imported."""
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    for module in ("mlflow", "sqlalchemy", "alembic", "pydantic", "fastapi", "google"):
        warnings.filterwarnings("ignore", module=rf"{module}(\..*)?$")
    if home_folder() is None:  # MLflow asks for one as it is imported
        os.environ["HOME"] = str(private_folder(temporary_folder(), "set HOME"))
    mlflow = importlib.import_module("mlflow")
    importlib.import_module("mlflow.tracking")
    for name in CHATTY:
        logging.getLogger(name).setLevel(logging.ERROR)
    return mlflow


def client_of(uri: str) -> Any:
    """An MlflowClient of a store's or a server's address."""
    return load_mlflow().tracking.MlflowClient(tracking_uri=uri, registry_uri=uri)
