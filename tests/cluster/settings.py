"""The files that the components of a cluster read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from build.oci_programs import BCRYPT
from cluster.plan import ENVOY_PORT, POD_RANGE, RUN, Plan

TYPE = "type.googleapis.com/envoy"
CONTAINERD_SOCKET = RUN / "containerd" / "containerd.sock"
OUTER_NETWORK = RUN / "outer-network"
"""The network namespace of the machine, by which the doors listen outside."""
VOLUME_PLUGINS = RUN / "volume-plugins"
"""Who looks for plugins makes the folder: below the machine's /usr, where no other is named."""
TARGETS = "pods.json"


def files(plan: Plan, cgroup: str) -> dict[str, str]:
    """Each by its name in the cluster's state."""
    return {
        "containerd.toml": containerd(plan),
        "network/10-pods.conflist": json.dumps(network()),
        "kubelet.json": json.dumps(kubelet(cgroup)),
        "registry.yml": registry(plan, "registry"),
        "private-registry.yml": registry(
            plan, "private-registry", {"htpasswd": {"realm": "tests", "path": "htpasswd"}}
        ),
        "htpasswd": f"{BCRYPT}\n",
        "contour.json": json.dumps(contour(plan)),
        "prometheus.yml": json.dumps(prometheus(plan)),
        "doors.json": json.dumps(doors(plan)),
        "tokens.csv": f'{plan.token},admin,admin,"system:masters"\n',
        "resolv.conf": "",
    }


def kubeconfig(plan: Plan, authority: str) -> dict[str, Any]:
    """The administrator's, for inside and outside. authority: the certificate, base64."""
    cluster = {"server": f"https://127.0.0.1:{plan.ports['api']}", "certificate-authority-data": authority}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "tests",
        "contexts": [{"name": "tests", "context": {"cluster": "tests", "user": "admin", "namespace": "default"}}],
        "clusters": [{"name": "tests", "cluster": cluster}],
        "users": [{"name": "admin", "user": {"token": plan.token}}],
    }


def containerd(plan: Plan) -> str:
    """restrict_oom_score_adj: a machine without CAP_SYS_RESOURCE could start no container otherwise."""
    plugin = 'plugins."io.containerd.grpc.v1.cri"'
    return f"""
version = 2
root = "{plan.state}/containerd"
state = "{RUN}/containerd/state"
[grpc]
address = "{CONTAINERD_SOCKET}"
[plugins."io.containerd.internal.v1.opt"]
path = "{RUN}/containerd/opt"
[{plugin}]
sandbox_image = "127.0.0.1:{plan.ports["registry"]}/tests/pause:1"
restrict_oom_score_adj = true
[{plugin}.cni]
bin_dir = "/usr/lib/cni"
conf_dir = "{plan.state}/network"
[{plugin}.containerd]
default_runtime_name = "runc"
[{plugin}.containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
"""


def network() -> dict[str, Any]:
    """A cable from each pod to the node, not a bridge: every answer of a Service passes the node's translation again."""
    addresses = {"type": "host-local", "ranges": [[{"subnet": POD_RANGE}]], "routes": [{"dst": "0.0.0.0/0"}]}
    addresses["dataDir"] = str(RUN / "addresses")
    return {"cniVersion": "1.0.0", "name": "pods", "plugins": [{"type": "ptp", "ipam": addresses}]}


def kubelet(cgroup: str) -> dict[str, Any]:
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": "0.0.0.0",
        "authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": False}},
        "authorization": {"mode": "AlwaysAllow"},
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": cgroup,
        "failCgroupV1": False,
        "failSwapOn": False,
        "oomScoreAdj": 0,
        "containerRuntimeEndpoint": f"unix://{CONTAINERD_SOCKET}",
        "volumePluginDir": str(VOLUME_PLUGINS),
        "resolvConf": "resolv.conf",
        "clusterDNS": ["10.96.0.10"],
        "clusterDomain": "cluster.local",
        "evictionHard": {"memory.available": "50Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
        "imageGCHighThresholdPercent": 100,
        "serializeImagePulls": False,
        "registryPullQPS": 0,
        "maxPods": 250,
    }


def registry(plan: Plan, name: str, access: Mapping[str, Any] | None = None) -> str:
    """access: how it asks who one is; not at all where there is none."""
    store = {"filesystem": {"rootdirectory": f"{plan.state}/{name}"}, "delete": {"enabled": True}}
    log = {"level": "error", "accesslog": {"disabled": True}}
    listens = {"addr": f"127.0.0.1:{plan.ports[name]}"}
    content = {"version": 0.1, "log": log, "storage": store, "http": listens}
    return json.dumps({**content, "auth": access} if access else content)


def contour(plan: Plan) -> dict[str, Any]:
    gateway = {"gatewayRef": {"namespace": "projectcontour", "name": "contour"}}
    return {"gateway": gateway, "network": {"admin-port": plan.ports["admin"]}}


def prometheus(plan: Plan) -> dict[str, Any]:
    """Envoy, and the pods that discovery.py finds."""
    pods = {"job_name": "pods", "file_sd_configs": [{"files": [f"{plan.state}/{TARGETS}"]}]}
    envoy = {
        "job_name": "envoy",
        "metrics_path": "/stats/prometheus",
        "static_configs": [{"targets": [f"127.0.0.1:{plan.ports['statistics']}"]}],
    }
    return {"global": {"scrape_interval": "1s", "scrape_timeout": "1s"}, "scrape_configs": [envoy, pods]}


def doors(plan: Plan) -> dict[str, Any]:
    """An Envoy inside that listens on the machine's own 127.0.0.1: the only ways in, and there is none out."""
    inside = {name: ENVOY_PORT if name == "gateway" else port for name, port in plan.ports.items()}
    listeners, clusters = [], []
    for name, port in plan.ports.items():
        outside = {**_socket(port), "network_namespace_filepath": str(OUTER_NETWORK)}
        proxy = {
            "@type": f"{TYPE}.extensions.filters.network.tcp_proxy.v3.TcpProxy",
            "stat_prefix": name,
            "cluster": name,
            "idle_timeout": "0s",
        }
        chain = {"filters": [{"name": "envoy.filters.network.tcp_proxy", "typed_config": proxy}]}
        listeners.append({"name": name, "address": {"socket_address": outside}, "filter_chains": [chain]})
        endpoint = {"endpoint": {"address": {"socket_address": _socket(inside[name])}}}
        load = {"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]}
        limits = {"thresholds": [{"max_connections": 100_000, "max_pending_requests": 100_000}]}
        cluster = {"name": name, "type": "STATIC", "connect_timeout": "5s", "load_assignment": load}
        clusters.append({**cluster, "circuit_breakers": limits})
    return {"static_resources": {"listeners": listeners, "clusters": clusters}}


def _socket(port: int) -> dict[str, Any]:
    return {"address": "127.0.0.1", "port_value": port}
