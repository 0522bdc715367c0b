"""What is wrong with a kubeconfig is said in one line, and nothing that may be a secret is."""

from __future__ import annotations

import base64
import contextlib
import http.server
import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from modelway.errors import InvalidInput, ModelwayError, OutsideFailure
from modelway.targets.kubernetes import cluster, connection, credential_plugin
from modelway.targets.kubernetes.cluster import Cluster

SECRET = "s3cr3t-t0ken"
Document = dict[str, Any]
Change = Callable[[Document], object]


def kubeconfig(server: str = "https://127.0.0.1:1") -> Document:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u", "namespace": "models"}}],
        "clusters": [{"name": "c", "cluster": {"server": server, "insecure-skip-tls-verify": True}}],
        "users": [{"name": "u", "user": {"token": SECRET}}],
    }


def plugin(command: str, *arguments: str) -> Document:
    kind = {"apiVersion": "client.authentication.k8s.io/v1", "interactiveMode": "Never"}
    return {"exec": {**kind, "command": command, "args": list(arguments)}}


def as_user(document: Document, user: Document) -> None:
    document["users"][0]["user"] = user


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No kubeconfig of whoever runs the tests, and no pod."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST"):
        monkeypatch.delenv(name, raising=False)
    for name in ("http_proxy", "https_proxy", "no_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def refused(context: str | None = None) -> InvalidInput:
    with pytest.raises(InvalidInput) as caught:
        connection.connect(context)
    error = caught.value
    assert error.fix and error.where and "\n" not in error.line()
    assert SECRET not in error.line()
    return error


BROKEN: dict[str, tuple[Change, str]] = {
    "no clusters": (lambda it: it.update(clusters=[]), "has no cluster c"),
    "clusters null": (lambda it: it.update(clusters=None), "has no cluster c"),
    "no key clusters": (lambda it: it.pop("clusters"), "names no clusters"),
    "no users": (lambda it: it.update(users=[]), "has no user u"),
    "no key users": (lambda it: it.pop("users"), "has no user u"),
    "no contexts": (lambda it: it.update(contexts=None), "has no context here"),
    "no current context": (lambda it: it.pop("current-context"), "no current-context"),
    "another current context": (lambda it: it.update({"current-context": "there"}), "has no context there"),
    "no scheme": (lambda it: it["clusters"][0]["cluster"].update(server="10.0.0.1:6443"), "the server 10.0.0.1:6443"),
    "no server": (lambda it: it["clusters"][0]["cluster"].pop("server"), "no server"),
    "no file of the CA": (
        lambda it: it["clusters"][0]["cluster"].update({"certificate-authority": "/no/such/ca.crt"}),
        "/no/such/ca.crt",
    ),
    "a token of two lines": (lambda it: as_user(it, {"token": f"{SECRET}\nx"}), "line break"),
    "a token that is none": (lambda it: as_user(it, {"token": f"{SECRET}€"}), "no token has"),
    "no file of the token": (lambda it: as_user(it, {"tokenFile": "/no/such/token"}), "/no/such/token"),
    "an old login": (lambda it: as_user(it, {"auth-provider": {"name": "gcp"}}), "auth-provider gcp"),
    "no plugin": (
        lambda it: as_user(it, plugin("no-such-plugin", "get-token")),
        "no-such-plugin, which is not installed",
    ),
    "a plugin that fails": (lambda it: as_user(it, plugin("sh", "-c", f"echo {SECRET} >&2; exit 3")), "exit code 3"),
    "a plugin that prints nothing of use": (lambda it: as_user(it, plugin("echo", SECRET)), "printed no credentials"),
    "a plugin that prints no token": (
        lambda it: as_user(it, plugin("echo", '{"status": {}}')),
        "printed no credentials",
    ),
}


@pytest.mark.parametrize("as_content", [False, True], ids=["file", "content"])
@pytest.mark.parametrize("name", BROKEN)
def test_what_is_missing_is_named(
    name: str, as_content: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    change, said = BROKEN[name]
    document = kubeconfig()
    change(document)
    text, path = yaml.safe_dump(document), tmp_path / "kubeconfig"
    path.write_text(text)
    monkeypatch.setenv("KUBECONFIG", text if as_content else str(path))
    assert said in refused().line()
    assert capfd.readouterr() == ("", ""), "the client's own log adds no line"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "names no clusters"),
        (b"- a\n- b\n", "names no clusters"),
        (b"hello", "names no clusters"),
        (f"users: [{SECRET}\n\tx".encode(), "no YAML"),
        (bytes(range(256)), "is no text"),
    ],
)
def test_a_file_that_is_none(content: bytes, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "kubeconfig"
    path.write_bytes(content)
    monkeypatch.setenv("KUBECONFIG", str(path))
    assert said in refused().line()


@pytest.mark.parametrize("said", ["/no/such/file", "/tmp", "~/no-such", "/no/such/file:/nor/this"])
def test_a_file_that_is_not_there(said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", said)
    assert f"there is no file {said.partition(':')[0]}" in refused().line()


def test_a_secret_that_is_no_kubeconfig_is_not_said(monkeypatch: pytest.MonkeyPatch) -> None:
    encoded = base64.b64encode(yaml.safe_dump(kubeconfig()).encode()).decode()
    monkeypatch.setenv("KUBECONFIG", encoded)
    line = refused().line()
    assert encoded[:20] not in line and "base64" in line


@pytest.mark.parametrize("said", ["", " \n"])
def test_an_empty_variable_is_none(said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret that a repository does not have is an empty string."""
    monkeypatch.setenv("KUBECONFIG", said)
    assert refused().what == "no cluster is named"


def test_a_context_of_modelway_yml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(kubeconfig()))
    monkeypatch.setenv("KUBECONFIG", f" {path}:/no/such/file\n")
    assert connection.connect("here")[1] == "models"
    error = refused("there")
    assert error.where == "deploy.kubernetes.context" and "here" in error.fix


def test_the_first_file_that_says_something_is_right(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = kubeconfig(), kubeconfig("https://127.0.0.1:2")
    second["contexts"][0]["context"]["namespace"] = "others"
    del first["current-context"], first["users"]
    for name, document in (("first", first), ("second", second)):
        (tmp_path / name).write_text(yaml.safe_dump(document))
    monkeypatch.setenv("KUBECONFIG", f"{tmp_path}/first:{tmp_path}/second")
    api, namespace = connection.connect(None)
    assert (api.configuration.host, namespace) == ("https://127.0.0.1:1", "models")
    assert api.configuration.api_key["BearerToken"] == f"Bearer {SECRET}"


def test_a_plugin_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    document = kubeconfig()
    as_user(document, plugin("sleep", "600"))
    monkeypatch.setenv("KUBECONFIG", json.dumps(document))
    monkeypatch.setattr(credential_plugin, "SECONDS", 0.2)
    began = time.monotonic()
    assert "gave no answer" in refused().line()
    assert time.monotonic() - began < 30


def test_a_plugin_beside_the_kubeconfig_is_told_of_the_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python = shutil.which("python3")
    script = tmp_path / "login"
    script.write_text(
        f"#!{python}\nimport json, os\ninfo = json.loads(os.environ['KUBERNETES_EXEC_INFO'])\n"
        "token = f\"{os.environ['WHO']}-{info['spec']['cluster']['server']}-{info['spec']['cluster']['config']}\"\n"
        "print(json.dumps({'apiVersion': info['apiVersion'], 'kind': info['kind'], 'status': {'token': token}}))\n"
    )
    script.chmod(0o700)
    document = kubeconfig()
    extension = {"name": "client.authentication.k8s.io/exec", "extension": "audience"}
    document["clusters"][0]["cluster"]["extensions"] = [extension]
    as_user(document, plugin("./login"))
    document["users"][0]["user"]["exec"] |= {"provideClusterInfo": True, "env": [{"name": "WHO", "value": "me"}]}
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(document))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    api, _ = connection.connect(None)
    assert api.configuration.api_key["BearerToken"] == "Bearer me-https://127.0.0.1:1-audience"


@pytest.mark.parametrize("verify", [True, False])
def test_who_trusts_any_certificate_is_connected(verify: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    document = kubeconfig()
    document["clusters"][0]["cluster"]["insecure-skip-tls-verify"] = not verify
    monkeypatch.setenv("KUBECONFIG", json.dumps(document))
    api, _ = connection.connect(None)
    context = api.rest_client.pool_manager.connection_pool_kw["ssl_context"]
    assert context.check_hostname is verify


# what answers


@contextlib.contextmanager
def answering(status: int, body: str, **headers: str) -> Iterator[str]:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.send_response(status)
            for name, said in {"content-length": str(len(body)), **headers}.items():
                self.send_header(name, said)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *said: object) -> None:
            return

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def asked(server: str, monkeypatch: pytest.MonkeyPatch) -> ModelwayError:
    monkeypatch.setenv("KUBECONFIG", json.dumps(kubeconfig(server)))
    monkeypatch.setattr(cluster, "RETRY_SECONDS", 0.3)
    with pytest.raises(ModelwayError) as caught:
        Cluster().get("ConfigMap", "x")
    return caught.value


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, "<html>log in</html>"),
        (200, "[]"),
        (302, ""),
        (404, "<html>nothing here</html>"),
        (400, "Client sent an HTTP request to an HTTPS server.\n"),
    ],
)
def test_what_is_no_api_server_is_told_apart(status: int, body: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with answering(status, body, location="/login") as server:
        error = asked(server, monkeypatch)
    assert isinstance(error, InvalidInput) and "is no Kubernetes API server" in error.line()


@pytest.mark.parametrize(("status", "who"), [(401, ""), (403, "system:anonymous")])
def test_credentials_that_nobody_knows(status: int, who: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is nobody lacks no line of the Role."""
    cannot = 'cannot get resource "configmaps" in API group "" in the namespace "a"'
    refusal = f'configmaps "x" is forbidden: User "{who}" {cannot}'
    body = json.dumps(
        {"kind": "Status", "status": "Failure", "reason": "x", "message": refusal if who else "Unauthorized"}
    )
    with answering(status, body) as server:
        error = asked(server, monkeypatch)
    assert isinstance(error, InvalidInput) and "does not accept these credentials" in error.line()


def test_a_proxy_is_named_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", f"http://me:{SECRET}@127.0.0.1:1")
    line = asked("https://192.0.2.1", monkeypatch).line()
    assert "through the proxy http://127.0.0.1:1" in line and "no_proxy" in line and SECRET not in line
    monkeypatch.setenv("no_proxy", "127.0.0.0/8")
    error = asked("https://127.0.0.1:1", monkeypatch)
    assert isinstance(error, OutsideFailure) and "proxy" not in error.line()
