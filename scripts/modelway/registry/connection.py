"""Which registry an address means: the one place that lists the implementations."""

from __future__ import annotations

import importlib
import math
from collections.abc import Mapping

from modelway.registry.protocol import ModelRegistry

REST, CLIENT = "modelway.registry.mlflow", "modelway.registry.mlflow_client"
MODULES = {
    "http": REST,
    "https": REST,
    "databricks": CLIENT,
    "databricks-uc": CLIENT,
    "azureml": CLIENT,
    "arn": CLIENT,
}
"""An address up to its first colon -> the module whose `connect` opens it. REST says of every other what is wrong with it."""


def connect(address: str, environ: Mapping[str, str], seconds: float = math.inf) -> ModelRegistry:
    """The registry at the address. environ: where its credentials are. seconds: for all calls together. InvalidInput for an
    address that is none; OutsideFailure where it cannot be reached in time."""
    module = importlib.import_module(MODULES.get(address.strip().partition(":")[0].lower(), REST))
    opened: ModelRegistry = module.connect(address, environ, seconds)
    return opened
