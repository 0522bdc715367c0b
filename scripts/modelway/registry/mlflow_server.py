"""MLflow's server in one process, for an interpreter that has mlflow. argv: host, port. The current folder holds the store.

`mlflow server` starts a second Python that imports all that the first one has: seconds, where nothing of it is compiled yet.
So this is what the second one does, after the first one's look at the database; the names are those of MLflow's
server/constants.py.
"""

from __future__ import annotations

import os
import socket
import sys
import uuid

DATABASE = "mlflow.db"
STORE = f"sqlite:///{DATABASE}"
"""Relative to the folder: in an address its own name would need quoting, which MLflow undoes in some places only."""
ROOT = "mlflow-artifacts:/"
SETTINGS = {
    "_MLFLOW_SERVER_FILE_STORE": STORE,
    "_MLFLOW_SERVER_REGISTRY_STORE": STORE,
    "_MLFLOW_SERVER_ARTIFACT_ROOT": ROOT,
    "_MLFLOW_SERVER_ARTIFACT_DESTINATION": "artifacts",
    "_MLFLOW_SERVER_SERVE_ARTIFACTS": "true",
}


def main() -> None:
    host, port = sys.argv[1:]
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, int(port)))  # before anything is imported, so that a port that is taken is the last thing said
    # it is by the boot's id that MLflow knows a server, which never runs code that was sent to it
    os.environ.update(SETTINGS, _MLFLOW_SERVER_BOOT_ID=uuid.uuid4().hex)
    import uvicorn
    from mlflow.server.fastapi_app import app  # reads the settings as it is imported
    from mlflow.server.handlers import initialize_backend_stores

    initialize_backend_stores(STORE, STORE, ROOT)
    uvicorn.Server(uvicorn.Config(app)).run(sockets=[listener])


if __name__ == "__main__":
    main()
