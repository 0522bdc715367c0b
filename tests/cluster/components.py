"""The processes of a cluster: their commands, and what each of them waits for before its first start."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cluster.plan import NODE, NODE_ADDRESS, POD_RANGE, RUN, SERVICE_RANGE, Plan
from cluster.settings import CONTAINERD_SOCKET, TARGETS, VOLUME_PLUGINS

READY = "crds"
"""A file in the cluster's state: the definitions that Contour serves are known to the API server."""


@dataclass(frozen=True)
class Component:
    """after: paths that must be there, and ports of 127.0.0.1 (numbers) that must be listened on."""

    name: str
    command: tuple[str, ...]
    after: tuple[Path | int, ...] = ()


def components(plan: Plan) -> list[Component]:
    """In an order in which most need not wait."""
    state, ports = plan.state, plan.ports
    kubeconfig = ("--kubeconfig", str(plan.kubeconfig))
    key, certificate, authority = (str(state / name) for name in ("server.key", "server.crt", "authority.crt"))
    account_key = str(state / "accounts.key")

    def component(name: str, *flags: str, after: tuple[Path | int, ...] = (), program: str = "") -> Component:
        return Component(name, (str(plan.programs[program or name]), *flags), after)

    return [
        component(
            "etcd",
            *("--data-dir", str(RUN / "etcd"), "--unsafe-no-fsync", "--log-level", "warn"),
            *("--listen-client-urls", "http://127.0.0.1:2379", "--advertise-client-urls", "http://127.0.0.1:2379"),
        ),
        component("doors", "-c", "doors.json", *_ENVOY, program="envoy"),
        component("registry", "serve", "registry.yml", program="docker-registry"),
        component("private-registry", "serve", "private-registry.yml", program="docker-registry"),
        component("containerd", "--config", "containerd.toml", "--log-level", "warn"),
        component(
            "kube-apiserver",
            *("--etcd-servers", "http://127.0.0.1:2379", "--secure-port", str(ports["api"])),
            *("--advertise-address", NODE_ADDRESS, "--service-cluster-ip-range", SERVICE_RANGE),
            *("--tls-cert-file", certificate, "--tls-private-key-file", key, "--token-auth-file", "tokens.csv"),
            *("--service-account-signing-key-file", account_key, "--service-account-key-file", account_key),
            *("--service-account-issuer", "https://kubernetes.default.svc", "--authorization-mode", "Node,RBAC"),
            *("--kubelet-preferred-address-types", "InternalIP", "--allow-privileged"),
            after=(2379,),
        ),
        component(
            "kube-controller-manager",
            *kubeconfig,
            *("--service-account-private-key-file", account_key, "--root-ca-file", authority),
            *("--use-service-account-credentials", "--leader-elect=false"),
            *("--flex-volume-plugin-dir", str(VOLUME_PLUGINS)),
            after=(ports["api"],),
        ),
        component("kube-scheduler", *kubeconfig, "--leader-elect=false", after=(ports["api"],)),
        component(
            "kubelet",
            *kubeconfig,
            *("--config", "kubelet.json", "--hostname-override", NODE, "--node-ip", NODE_ADDRESS),
            after=(ports["api"], CONTAINERD_SOCKET),
        ),
        component(
            "kube-proxy",
            *kubeconfig,
            *("--proxy-mode", "nftables", "--hostname-override", NODE, "--cluster-cidr", POD_RANGE),
            *(("--feature-gates", "NFTablesProxyMode=true") if plan.minor < 31 else ()),
            # these four are the machine's, not the namespace's
            *("--conntrack-max-per-core", "0", "--conntrack-min", "0"),
            *("--conntrack-tcp-timeout-established", "0s", "--conntrack-tcp-timeout-close-wait", "0s"),
            after=(ports["api"],),
        ),
        component(
            "contour",
            *("serve", *kubeconfig, "--config-path", "contour.json", "--insecure", "--disable-leader-election"),
            *("--xds-address", "127.0.0.1", "--xds-port", "8001"),
            *("--stats-address", "127.0.0.1", "--stats-port", str(ports["statistics"])),
            *("--envoy-http-access-log", "/dev/null", "--ingress-status-address", NODE_ADDRESS),
            *(f"--disable-feature={kind}" for kind in ("tlsroutes", "tcproutes", "backendtlspolicies")),  # experimental
            after=(state / READY,),
        ),
        component(
            "envoy",
            *("-c", "gateway.json", "--service-cluster", "gateway", "--service-node", "gateway", *_ENVOY),
            after=(state / "gateway.json",),
        ),
        component(
            "prometheus",
            *("--config.file", "prometheus.yml", "--storage.tsdb.path", str(RUN / "prometheus")),
            *("--web.listen-address", f"0.0.0.0:{ports['prometheus']}", "--log.level", "warn"),
            after=(ports["api"],),
        ),
        component(
            "discovery",
            *(str(Path(__file__).with_name("discovery.py")), str(plan.kubeconfig), str(state / TARGETS)),
            program="python",
            after=(ports["api"],),
        ),
    ]


_ENVOY = ("--concurrency", "1", "--disable-hot-restart", "--log-level", "warning")


def gateway_bootstrap(plan: Plan) -> tuple[str, ...]:
    """The command that writes the first configuration of the gateway's Envoy: where it finds Contour."""
    return (
        *(str(plan.programs["contour"]), "bootstrap", "gateway.json"),
        *("--xds-address", "127.0.0.1", "--xds-port", "8001", "--admin-address", str(RUN / "gateway.sock")),
    )
