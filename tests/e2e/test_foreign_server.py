"""A Deployment whose server is another program's: its first release of modelway's, and the way back to what ran before."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import requests

from cluster.described import Described
from deployment.shop import Shop
from e2e.shop import Namespace
from e2e.team import NAME, ClusterTeam, manifests, on_cluster
from modelway.targets.kubernetes import names

pytestmark = pytest.mark.long
SERVER = """
import http.server
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        there = self.path in ("/predict", "/ready")
        body = b"[0.5]" if there else b"not here"
        self.send_response(200 if there else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    do_GET = do_POST
    def log_message(self, *said):
        pass
http.server.ThreadingHTTPServer(("", 8080), Handler).serve_forever()
"""
COMMAND = ["python3", "-c", SERVER]


def pushed(described: Described, repository: str) -> str:
    """The base image with the server as its command, by digest."""
    registry, _, rest = described.base_image.partition("/")
    name, _, digest = rest.partition("@")
    url = f"http://{registry}/v2"
    accept = {"accept": "application/vnd.oci.image.manifest.v1+json"}
    found = requests.get(f"{url}/{name}/manifests/{digest}", headers=accept, timeout=20)
    found.raise_for_status()
    manifest: dict[str, Any] = found.json()
    config = requests.get(f"{url}/{name}/blobs/{manifest['config']['digest']}", timeout=20).json()
    config["config"] = {**(config.get("config") or {}), "Entrypoint": None, "Cmd": COMMAND}
    blob = json.dumps(config).encode()
    for layer in manifest["layers"]:
        mounted = {"mount": layer["digest"], "from": name}
        requests.post(f"{url}/{repository}/blobs/uploads/", params=mounted, timeout=20).raise_for_status()
    own = f"sha256:{hashlib.sha256(blob).hexdigest()}"
    place = requests.post(f"{url}/{repository}/blobs/uploads/", timeout=20).headers["location"]
    place = place if place.startswith("http") else f"http://{registry}{place}"
    kind = {"content-type": "application/octet-stream"}
    requests.put(place, params={"digest": own}, data=blob, headers=kind, timeout=20).raise_for_status()
    manifest["config"] |= {"digest": own, "size": len(blob)}
    kind = {"content-type": found.headers["content-type"]}
    body = json.dumps(manifest)
    done = requests.put(f"{url}/{repository}/manifests/latest", data=body, headers=kind, timeout=20)
    done.raise_for_status()
    return f"{registry}/{repository}@{done.headers['docker-content-digest']}"


@pytest.fixture
def team(built: Shop, own: Namespace, tmp_path: Path) -> ClusterTeam:
    return on_cluster(built, tmp_path, own)


def rolled_out(own: Namespace, image: str, command: list[str] | None = None) -> None:
    made = manifests(own, image)
    deployment = next(item for item in made if item["kind"] == "Deployment")
    if command:
        deployment["spec"]["template"]["spec"]["containers"][0]["command"] = command
    own.apply(*made)
    own.kubectl("rollout", "status", f"deployment/{NAME}", "--timeout=90s")


def records(own: Namespace) -> str:
    return own.kubectl("get", "configmaps,leases", "-l", names.TARGET, "-o", "name")


def test_a_canary_beside_another_programs_server_and_the_way_back(team: ClusterTeam, own: Namespace) -> None:
    image = pushed(own.made.described, f"foreign-{own.name}")
    rolled_out(own, image)
    line = team.deploy("again", code=2)
    assert "deploy.kubernetes.counts: Deployment flight-delay runs another program's server" in line
    assert records(own) == "", "it was refused before anything was touched"
    url = own.made.described.gateway_stats_url.removesuffix("/stats/prometheus")
    team.configure_cluster(counts={"gateway": {"url": url}})
    with team.requests(30) as seen:
        said = team.deploy("failing", code=1)
        assert "rolled back: traffic is on what ran before" in said
        team.configure_cluster("all-at-once", counts={"gateway": {"url": url}})
        team.deploy("again")
        assert team.serving() == team.versions["again"]
        failed = seen["failed"]
        said = team.roll_back()
        assert seen["failed"] == failed
    assert team.running() == image and team.serving() == ""
    assert "what ran before modelway came is no registered version" in said
    assert "alias-moved=false" in said, "the alias is where it was, since there is no version to move it to"
    assert team.aliases()[team.environment] == int(team.versions["again"])
    assert "nothing was changed" in team.roll_back()


def test_the_first_release_at_once_needs_nobody_who_counts(team: ClusterTeam, own: Namespace) -> None:
    image = pushed(own.made.described, f"foreign-{own.name}")
    rolled_out(own, image)
    team.configure_cluster("all-at-once")
    with team.requests(30) as seen:
        team.deploy("again")
        assert team.serving() == team.versions["again"]
        team.roll_back()
        assert team.serving() == ""
    assert team.running() == image
    assert not seen["failed"], seen


def test_a_command_that_starts_the_other_server_again_is_no_release(team: ClusterTeam, own: Namespace) -> None:
    """The template's command stays, so the new image would serve as the old one does: it never gets traffic."""
    rolled_out(own, own.made.described.base_image, COMMAND)
    team.configure_cluster("all-at-once")
    template = own.get("deployment", NAME)["spec"]["template"]
    with team.requests(30) as seen:
        said = team.deploy("again", code=4)
    assert "something else than its server answers" in said and "take command and args of container server out" in said
    assert own.get("deployment", NAME)["spec"]["template"] == template
    assert own.kubectl("get", "deployments,services,jobs", "-l", names.SLOT, "-o", "name") == ""
    assert not seen["failed"], seen
