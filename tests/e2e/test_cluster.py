"""The cluster of the tests is one: pods, Services, routes, Prometheus, and components that come back when they are killed."""

from __future__ import annotations

import json
from collections import Counter
from urllib.parse import quote

import pytest
import requests

from build import oci_programs
from cluster.fixture import Cluster, wait_until
from e2e import workloads

KILLED = (
    "kube-apiserver",
    "etcd",
    "kube-controller-manager",
    "kube-scheduler",
    "kubelet",
    "contour",
    "envoy",
    "prometheus",
)


def session() -> requests.Session:
    made = requests.Session()
    made.trust_env = False
    return made


def served(cluster: Cluster, host: str) -> str:
    """What the gateway's answer says; empty where it has none."""
    try:
        answer = session().get(cluster.described.gateway_url, headers={"Host": host}, timeout=5)
    except requests.ConnectionError:
        return ""  # a gateway without a route does not listen
    return answer.text.strip() if answer.status_code == 200 else ""


def test_nodes_are_ready(cluster: Cluster) -> None:
    nodes = cluster.get("nodes")["items"]
    ready = [one["status"] for node in nodes for one in node["status"]["conditions"] if one["type"] == "Ready"]
    assert ready and set(ready) == {"True"}


def test_pods_services_and_weights(cluster: Cluster, namespace: str) -> None:
    """Two pods of an image from the registry become ready, a third reaches them by their Service's address and the API server
    by its own account, and a route splits traffic as its weights say."""
    image = cluster.described.base_image
    for name, replicas in (("stable", 2), ("canary", 1)):
        cluster.apply(namespace, workloads.deployment(name, image, replicas), workloads.service(name))
    for name in ("stable", "canary"):
        cluster.kubectl("rollout", "status", f"deployment/{name}", "-n", namespace, "--timeout=100s")
    address = cluster.get("service", "stable", "-n", namespace)["spec"]["clusterIP"]
    asked = f"import urllib.request; print(urllib.request.urlopen('http://{address}/', timeout=5).read().decode())"
    inside = ("exec", "-n", namespace, "deployment/canary", "--", "python3", "-c")
    wait_until(
        lambda: cluster.try_kubectl(*inside, asked).stdout.strip() == "stable", 10
    )  # kube-proxy is a second behind
    assert cluster.kubectl(*inside, WHO_AM_I).strip() == f"system:serviceaccount:{namespace}:default"
    weights, host = {"stable": 90, "canary": 10}, f"{namespace}.example"
    cluster.apply(namespace, workloads.route("flights", host, cluster.described.gateway, weights))
    wait_until(lambda: served(cluster, host) != "", 30)
    counts = Counter(served(cluster, host) for _ in range(400))
    assert counts.keys() == {"stable", "canary"} and 12 <= counts["canary"] <= 80, counts  # 40, and 4.5 deviations


WHO_AM_I = """
import json, os, pathlib, ssl, urllib.request
account = pathlib.Path("/var/run/secrets/kubernetes.io/serviceaccount")
url = f"https://{os.environ['KUBERNETES_SERVICE_HOST']}/apis/authentication.k8s.io/v1/selfsubjectreviews"
body = json.dumps({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}).encode()
headers = {"Authorization": "Bearer " + (account / "token").read_text(), "Content-Type": "application/json"}
context = ssl.create_default_context(cafile=str(account / "ca.crt"))
answer = urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=5, context=context)
print(json.load(answer)["status"]["userInfo"]["username"])
"""


def test_prometheus_counts_the_gateway_and_annotated_pods(cluster: Cluster, namespace: str) -> None:
    """Asked by its address, and by its Service through the API server."""
    described = cluster.described
    if not described.prometheus_service:
        pytest.skip("the given cluster's Prometheus is not known to scrape these")
    deployment = workloads.deployment("counted", described.base_image, 1)
    annotations = {"prometheus.io/scrape": "true", "prometheus.io/port": "8080", "prometheus.io/path": "/metrics"}
    deployment["spec"]["template"]["metadata"]["annotations"] = annotations
    cluster.apply(namespace, deployment)
    query = "/api/v1/query?query=" + quote(f'up{{job="envoy"}} or up{{namespace="{namespace}"}}')

    def found(answer: str) -> bool:
        return answer.count('"__name__":"up"') == 2

    wait_until(lambda: found(session().get(described.prometheus_url + query, timeout=5).text), 60)
    service = described.prometheus_service
    proxy = f"/api/v1/namespaces/{service['namespace']}/services/{service['name']}:{service['port']}/proxy{query}"
    assert found(cluster.kubectl("get", "--raw", proxy))


def test_a_private_image(cluster: Cluster, namespace: str) -> None:
    """It is there for who has the secret, and the pod says so where it has not."""
    described = cluster.described
    if not described.private_registry:
        pytest.skip("the given cluster has no private registry")
    image = f"{described.private_registry}/models/private:1"
    who = f"{oci_programs.USER}:{oci_programs.SECRET}"
    flags = ("--quiet", "--src-tls-verify=false", "--dest-tls-verify=false", "--dest-creds", who)
    oci_programs.run("skopeo", "copy", *flags, f"docker://{described.base_image}", f"docker://{image}")
    cluster.apply(namespace, workloads.deployment("private", image, 1))

    def reasons() -> set[str]:
        pods = cluster.get("pods", "-n", namespace)["items"]
        states = [one["state"] for pod in pods for one in pod["status"].get("containerStatuses", [])]
        return {state["waiting"]["reason"] for state in states if "waiting" in state}

    wait_until(lambda: bool(reasons() & {"ErrImagePull", "ImagePullBackOff"}), 60)
    registry = (f"--docker-server={described.private_registry}", f"--docker-username={oci_programs.USER}")
    secret = ("create", "secret", "docker-registry", "pull", "-n", namespace, *registry)
    cluster.kubectl(*secret, f"--docker-password={oci_programs.SECRET}")
    account = {"imagePullSecrets": [{"name": "pull"}]}
    cluster.kubectl("patch", "serviceaccount", "default", "-n", namespace, "-p", json.dumps(account))
    cluster.kubectl("rollout", "restart", "deployment/private", "-n", namespace)
    cluster.kubectl("rollout", "status", "deployment/private", "-n", namespace, "--timeout=100s")


def test_the_gateway_tells_its_counts(cluster: Cluster) -> None:
    if not cluster.described.gateway_admin_url:
        pytest.skip("the given cluster's gateway is not known to tell them")
    assert "envoy_cluster_" in session().get(cluster.described.gateway_stats_url, timeout=5).text
    assert "contour" in session().get(f"{cluster.described.gateway_admin_url}/clusters", timeout=5).text


@pytest.mark.long
@pytest.mark.parametrize("component", KILLED)
def test_a_killed_component_comes_back(cluster: Cluster, component: str) -> None:
    before = cluster.pids()[component]
    cluster.signal(component)
    wait_until(lambda: cluster.pids().get(component) not in (None, before), 30)
    cluster.wait_ready()


@pytest.mark.long
def test_a_component_stays_dead_or_silent_as_long_as_a_test_wants(cluster: Cluster) -> None:
    with cluster.dead("kube-apiserver"):
        assert cluster.try_kubectl("get", "--raw", "/readyz", seconds=30).returncode != 0
        assert "kube-apiserver" not in cluster.pids()
    cluster.wait_ready()
    with cluster.stopped("kube-apiserver"):
        assert cluster.try_kubectl("get", "--raw", "/readyz", "--request-timeout=2s").returncode != 0
    cluster.wait_ready()
