"""What is the same whichever way MLflow is asked: by REST (modelway.registry.mlflow), or through its own client
(modelway.registry.mlflow_client)."""

from __future__ import annotations

import json
import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping

from modelway.errors import InvalidInput
from modelway.registry.entities import Experiment, LoggedModel, RegisteredModel, Run, Version
from modelway.registry.ledger_versions import VersionLedger
from modelway.registry.protocol import AmbiguousAnswer

NONCE = "modelway.nonce"
"""The tag by which a creation is found again after an answer that was lost."""
NAME_A_RUN = "name a run that is there: MLflow shows its id, and a deleted one can be restored"
LOGGED = "mlflow.log-model.history"
"""A run's tag in which clients of 2.x note the models that they log."""


class MLflowRegistry(ABC):
    """A ModelRegistry (modelway.registry.protocol) but for the calls themselves and the files."""

    @abstractmethod
    def experiment(self, name: str) -> Experiment | None: ...

    @abstractmethod
    def create_experiment(self, name: str) -> None:
        """Safe to repeat: a name exists once."""

    @abstractmethod
    def post_run(self, experiment_id: str, name: str, tags: Mapping[str, str]) -> Run:
        """One attempt: AmbiguousAnswer where nobody can say whether the run was made."""

    @abstractmethod
    def post_version(
        self, name: str, source: str, run_id: str, *, tags: Mapping[str, str], model_id: str | None = None
    ) -> Version:
        """One attempt: AmbiguousAnswer where nobody can say whether the version was made. The server gives the number,
        and makes version and tags in one transaction. The registered model is made if it is missing."""

    @abstractmethod
    def set_alias(self, name: str, alias: str, version: int, *, once: bool = False) -> None:
        """The last writer wins: MLflow has no compare-and-swap for aliases. once: one attempt, AmbiguousAnswer where nobody
        can say whether the alias was set."""

    @abstractmethod
    def delete_alias(self, name: str, alias: str) -> None:
        """Safe to repeat."""

    @abstractmethod
    def newest_versions(self, name: str, page: int) -> Iterator[Version]:
        """Newest first, asked for page by page as they are taken. One that is made meanwhile shifts the pages."""

    @abstractmethod
    def search_versions(self, name: str) -> tuple[Version, ...]:
        """Every version of the model, by number. Without aliases: MLflow leaves them out of this answer."""

    @abstractmethod
    def search_runs(self, experiment_id: str, condition: str) -> tuple[Run, ...]:
        """condition: in MLflow's language of filters."""

    @abstractmethod
    def get_run(self, run_id: str) -> Run: ...

    @abstractmethod
    def get_model(self, name: str) -> RegisteredModel | None: ...

    @abstractmethod
    def get_version(self, name: str, version: int) -> Version | None: ...

    @abstractmethod
    def set_version_tag(self, name: str, version: int, key: str, value: str) -> None: ...

    @abstractmethod
    def logged_model(self, model_id: str) -> LoggedModel | None: ...

    @abstractmethod
    def download_uri(self, name: str, version: int) -> str:
        """As the server says it; empty where there is none."""

    def create_run(self, experiment_id: str, name: str, tags: Mapping[str, str]) -> Run:
        """A new run; after a lost answer it is looked for before it is asked for again."""
        marked = {**tags, NONCE: uuid.uuid4().hex}
        try:
            return self.post_run(experiment_id, name, marked)
        except AmbiguousAnswer:
            found = self.search_runs(experiment_id, f"tags.`{NONCE}` = '{marked[NONCE]}'")
            return found[0] if found else self.post_run(experiment_id, name, marked)

    def create_version(
        self, name: str, source: str, run_id: str, *, tags: Mapping[str, str], model_id: str | None = None
    ) -> Version:
        """A new version; after a lost answer it is looked for before it is asked for again."""
        marked = {**tags, NONCE: uuid.uuid4().hex}
        for _ in range(3):
            try:
                return self.post_version(name, source, run_id, tags=marked, model_id=model_id)
            except AmbiguousAnswer as error:
                lost = error
                for version in self.search_versions(name):
                    if version.tags.get(NONCE) == marked[NONCE]:
                        return version
        raise lost

    def experiment_id(self, name: str) -> str:
        """Of the experiment with this name, which is made if it is missing."""
        for _ in range(2):
            found = self.experiment(name)
            if found is not None:
                if found.stage != "active":
                    raise InvalidInput(f"experiment {name} is deleted", where="experiment", fix="restore it in MLflow")
                return found.id
            self.create_experiment(name)
        raise InvalidInput(f"experiment {name} can be neither found nor made", where="experiment")

    def find_experiment(self, name: str) -> str | None:
        found = self.experiment(name)
        return found.id if found is not None and found.stage == "active" else None

    def finished(self, experiment_id: str) -> tuple[Run, ...]:
        return self.search_runs(experiment_id, "attributes.status = 'FINISHED'")

    def running(self, experiment_id: str, tag: str) -> tuple[Run, ...]:
        return self.search_runs(experiment_id, f"attributes.status = 'RUNNING' AND tags.`{tag}` != ''")

    def logged_models(self, run: Run) -> tuple[LoggedModel, ...]:
        """The models that the run logged, each once, whether a 2.x or a 3.x client did it; sorted by path."""
        logged = [self.logged_model(model_id) for model_id in run.model_ids]
        known = {model.path for model in logged if model is not None}
        try:
            history = json.loads(run.tags.get(LOGGED) or "[]")
            paths = [str(entry["artifact_path"]) for entry in history if entry.get("model_id") not in run.model_ids]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            fix = "log the model again"
            raise InvalidInput(f"tag {LOGGED} cannot be read", where=f"run {run.id}", fix=fix) from error
        for path in dict.fromkeys(paths):
            if path not in known:
                source = f"{run.artifact_uri}/{path}"
                logged.append(LoggedModel(source=source, model_id="", path=path, artifact_uri=source))
        found = (model for model in logged if model is not None)
        return tuple(sorted(found, key=lambda model: (model.path, model.model_id)))

    def version_artifacts(self, name: str, version: int) -> str:
        """The URI of the folder that holds the version's files."""
        uri = self.download_uri(name, version)
        if uri.startswith("runs:/"):
            run_id, _, path = uri.removeprefix("runs:/").partition("/")
            uri = f"{self.get_run(run_id).artifact_uri}/{path}"
        if not uri:
            raise InvalidInput(f"{name} has no version {version} with files", fix="name a version that exists")
        return uri

    def ledger(self, model: str, run_id: str = "") -> VersionLedger:
        return VersionLedger(self, model, run_id)
