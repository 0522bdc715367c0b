"""A registry as it is met in life: nothing is sent twice, logins of three kinds, and failures in one line without a secret."""

from __future__ import annotations

import base64
import hashlib
import http.server
import json
import subprocess
import threading
import time
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

import pytest

from build import oci_programs
from build.kit import Kit
from build.oci_programs import BCRYPT, SECRET, USER, run
from modelway.build import distribution, layout, publish
from modelway.errors import InvalidInput, ModelwayError, OutsideFailure, Refused

TAGS = ("3", "3-production")


def pushed(kit: Kit, name: str) -> publish.Published:
    place = kit.folder / "layout"
    made = kit.build(place)
    attached = publish.attach(
        place, made.manifest, kit.document(made), "application/vnd.cyclonedx+json", "sbom.cdx.json"
    )
    return publish.publish(place, made.manifest, attached, name, TAGS, print)


def test_the_first_push_sends_all_and_the_next_only_what_is_new(kit: Kit, registry: str) -> None:
    name = f"{registry}/team/flights"
    first = pushed(kit, name)
    blobs = sum(path.stat().st_size for path in (kit.folder / "layout" / "blobs" / "sha256").iterdir())
    assert 0 < first.pushed < blobs
    assert pushed(kit, name) == publish.Published(first.image, 0)
    (kit.model / "data" / "model.pkl").write_bytes(b"better weights")
    second = kit.build(kit.folder / "layout")
    again = pushed(kit, name)
    small = second.layers[2].size + sum(
        len(layout.blob(kit.folder / "layout", digest).read_bytes()) for digest in (second.config_digest,)
    )
    assert again.pushed == small + len(kit.document(second)), "the model's layer, the config and the SBOM"


def test_what_skopeo_sees_is_what_was_built(kit: Kit, registry: str) -> None:
    done = pushed(kit, f"{registry}/team/seen")
    for tag in TAGS:
        seen = json.loads(run("skopeo", "inspect", "--tls-verify=false", f"docker://{registry}/team/seen:{tag}"))
        assert done.image == f"{registry}/team/seen@{seen['Digest']}"
    copied = kit.folder / "copied"
    run("skopeo", "copy", "--quiet", "--src-tls-verify=false", f"docker://{done.image}", f"oci:{copied}:3")
    digest = done.image.rpartition(":")[2]
    assert layout.blob(copied, digest).read_bytes() == layout.blob(kit.folder / "layout", digest).read_bytes()


def test_the_sbom_is_found_from_the_image(kit: Kit, registry: str) -> None:
    pushed(kit, f"{registry}/team/sbom")
    done = pushed(kit, f"{registry}/team/sbom")
    repository = distribution.open_repository(f"{registry}/team/sbom")
    rows = repository.index(f"sha256-{done.image.rpartition(':')[2]}")
    assert [row["artifactType"] for row in rows] == ["application/vnd.cyclonedx+json"], (
        "once, however often it is pushed"
    )
    manifest = json.loads(repository.manifest(rows[0]["digest"])[0])
    assert manifest["subject"]["digest"] == f"sha256:{done.image.rpartition(':')[2]}"


def test_a_blob_that_was_changed_on_disk_is_not_pushed(kit: Kit, registry: str) -> None:
    place = kit.folder / "layout"
    made = kit.build(place)
    blob = layout.blob(place, made.layers[2].digest)
    data = blob.read_bytes()
    blob.unlink()
    blob.write_bytes(data[:-1] + b"!")
    attached = publish.attach(place, made.manifest, b"{}", "a/b", "x")
    with pytest.raises(ModelwayError):
        publish.publish(place, made.manifest, attached, f"{registry}/team/changed", TAGS, print)
    assert distribution.open_repository(f"{registry}/team/changed").index("3") == []


def docker_config(folder: Path, monkeypatch: pytest.MonkeyPatch, config: object) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config))
    monkeypatch.setenv("DOCKER_CONFIG", str(folder))


def basic(user: str, secret: str) -> str:
    return base64.b64encode(f"{user}:{secret}".encode()).decode()


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A registry that lets one user in, by password."""
    assert oci_programs.missing() == []
    folder = tmp_path_factory.mktemp("closed")
    (folder / "htpasswd").write_text(BCRYPT + "\n")
    with oci_programs.registry(
        folder, f"auth: {{htpasswd: {{realm: test realm, path: {folder / 'htpasswd'}}}}}\n"
    ) as host:
        yield host


def test_the_docker_config_logs_in(kit: Kit, closed: str, registry: str, monkeypatch: pytest.MonkeyPatch) -> None:
    docker_config(kit.folder / "docker", monkeypatch, {"auths": {closed: {"auth": basic(USER, SECRET)}}})
    assert pushed(kit, f"{closed}/team/flights").pushed > 0


def test_a_credential_helper_logs_in(kit: Kit, closed: str, registry: str, monkeypatch: pytest.MonkeyPatch) -> None:
    helper = kit.folder / "docker-credential-test"
    helper.write_text(f'#!/bin/sh\ncat >/dev/null\necho \'{{"Username": "{USER}", "Secret": "{SECRET}"}}\'\n')
    helper.chmod(0o755)
    monkeypatch.setenv("PATH", str(kit.folder), prepend=":")
    docker_config(kit.folder / "docker", monkeypatch, {"credHelpers": {closed: "test"}})
    assert pushed(kit, f"{closed}/team/helped").pushed > 0


@pytest.mark.parametrize("secret", ["", "wrong-password"])
def test_without_the_right_login_it_is_said_without_a_secret(
    kit: Kit,
    closed: str,
    registry: str,
    monkeypatch: pytest.MonkeyPatch,
    secret: str,
    capfd: pytest.CaptureFixture[str],
) -> None:
    auths = {closed: {"auth": basic(USER, secret)}} if secret else {}
    docker_config(kit.folder / "docker", monkeypatch, {"auths": auths})
    with pytest.raises(InvalidInput, match=f"docker login {closed}") as refused:
        pushed(kit, f"{closed}/team/nobody")
    captured = capfd.readouterr()
    said = refused.value.line() + captured.out + captured.err
    assert "wrong-password" not in said and basic(USER, "wrong-password") not in said


def signed(folder: Path, claims: dict[str, object]) -> str:
    """A JSON web token of the issuer whose key and certificate are in the folder."""

    def encoded(data: bytes) -> str:
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

    certificate = "".join((folder / "issuer.pem").read_text().splitlines()[1:-1])
    header = {"alg": "RS256", "typ": "JWT", "x5c": [certificate]}
    text = ".".join(encoded(json.dumps(part).encode()) for part in (header, claims))
    command = ["openssl", "dgst", "-sha256", "-sign", str(folder / "issuer.key")]
    return f"{text}.{encoded(subprocess.run(command, input=text.encode(), capture_output=True, check=True).stdout)}"


@pytest.fixture
def tokens(tmp_path: Path) -> Iterator[tuple[str, list[str]]]:
    """A registry as the large ones are: each token is for what was asked, and pushing asks for more than reading. The
    scopes that were asked for."""
    folder, scopes = tmp_path / "tokens", []
    folder.mkdir()
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=issuer", "-days", "2"]
    run(*command, "-keyout", folder / "issuer.key", "-out", folder / "issuer.pem")

    class Issuer(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.headers.get("Authorization") != f"Basic {basic(USER, SECRET)}":
                self.send_response(401)
                self.end_headers()
                return
            asked = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
            access = []
            for scope in asked.get("scope", ()):
                kind, name, actions = scope.split(":")
                in_order = ",".join(sorted(actions.split(",")))  # a registry names them in any
                scopes.append(f"{kind}:{name}:{in_order}")
                access.append({"type": kind, "name": name, "actions": actions.split(",")})
            now = int(time.time())
            claims = {"iss": "test", "aud": asked["service"][0], "sub": USER, "access": access, "jti": "1"}
            token = signed(folder, {**claims, "iat": now, "nbf": now - 10, "exp": now + 60})
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps({"token": token}).encode())

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Issuer) as issuer:
        threading.Thread(target=issuer.serve_forever, daemon=True).start()
        realm = f"http://127.0.0.1:{issuer.server_port}/token"
        auth = f"auth: {{token: {{realm: '{realm}', service: test, issuer: test, rootcertbundle: {folder / 'issuer.pem'}}}}}\n"
        with oci_programs.registry(tmp_path / "registry", auth) as host:
            yield host, scopes
        issuer.shutdown()


def test_tokens_are_asked_for_what_each_step_needs(
    kit: Kit, registry: str, tokens: tuple[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    host, scopes = tokens
    docker_config(kit.folder / "docker", monkeypatch, {"auths": {host: {"auth": basic(USER, SECRET)}}})
    assert pushed(kit, f"{host}/team/tokens").pushed > 0
    assert {"repository:team/tokens:pull", "repository:team/tokens:pull,push"} <= set(scopes)
    docker_config(kit.folder / "docker", monkeypatch, {})
    with pytest.raises(InvalidInput, match="asks for a login"):
        pushed(kit, f"{host}/team/tokens")


def test_a_registry_that_is_not_there_is_said_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distribution, "PAUSES_SECONDS", (0.01, 0.01))
    with pytest.raises(OutsideFailure, match=r"127\.0\.0\.1:1: cannot be reached by http"):
        distribution.open_repository("127.0.0.1:1/team/x").index("1")


@pytest.mark.parametrize("answers", ["500", "redirect", "cut"])
def test_a_registry_that_fails_or_lies_is_never_believed(
    answers: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(distribution, "PAUSES_SECONDS", (0.01, 0.01))

    class Liar(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(500 if answers == "500" and self.path != "/v2/" else 200)
            self.send_header("Content-Length", "9" if answers == "cut" else "4")
            self.end_headers()
            self.wfile.write(b"lies")

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Liar) as liar:
        threading.Thread(target=liar.serve_forever, daemon=True).start()
        repository = distribution.open_repository(f"127.0.0.1:{liar.server_port}/team/x")
        digest = hashlib.sha256(b"truth").hexdigest()
        with pytest.raises((Refused, OutsideFailure)):
            repository.manifest(f"sha256:{digest}")
        with pytest.raises((Refused, OutsideFailure)):
            repository.fetch_blob(layout.Descriptor("a/b", digest, 5), tmp_path / "blob")
        liar.shutdown()


@pytest.mark.parametrize(
    "name", ["", "UPPER/case", "host:5000/", "https://host/x", "host.io/a b", "x@sha256:abc", "a/../b"]
)
def test_what_is_no_name_of_a_repository_is_said(name: str) -> None:
    with pytest.raises(InvalidInput, match="no repository's name"):
        distribution.open_repository(name, {})


@pytest.mark.parametrize("name", ["host.io/team/x:1", "host.io/x@sha256:abc"])
def test_a_repository_to_push_to_has_no_tag(name: str, tmp_path: Path) -> None:
    nothing = layout.Descriptor("a/b", "0" * 64, 0)
    with pytest.raises(InvalidInput, match="has a tag or a digest"):
        publish.publish(tmp_path, nothing, nothing, name, (), print)


def test_docker_hubs_short_names_are_its_long_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    assert distribution._parsed("python") == ("docker.io", "library/python")
    assert distribution._parsed("team/model") == ("docker.io", "team/model")
    assert distribution._parsed("localhost/model") == ("localhost", "model")


def test_a_docker_config_that_is_none_is_said(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    docker_config(kit.folder / "docker", monkeypatch, ["a list"])
    with pytest.raises(InvalidInput, match="is no docker config"):
        distribution.open_repository("127.0.0.1:1/x")
