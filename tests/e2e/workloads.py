"""Objects that tests put into a cluster."""

from __future__ import annotations

from typing import Any

SERVER = """
import http.server
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        body = b"{name}\\n"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
http.server.ThreadingHTTPServer(("", 8080), Handler).serve_forever()
"""


def deployment(name: str, image: str, replicas: int) -> dict[str, Any]:
    """Pods that answer every request with the name."""
    container = {
        "name": "server",
        "image": image,
        "command": ["python3", "-c", SERVER.replace("{name}", name)],
        "readinessProbe": {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 1},
    }
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [container]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}


def service(name: str) -> dict[str, Any]:
    spec = {"selector": {"app": name}, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


def route(name: str, host: str, gateway: str, weights: dict[str, int]) -> dict[str, Any]:
    """gateway: namespace/name. weights: by Service."""
    parent_namespace, parent = gateway.split("/")
    backends = [{"name": backend, "port": 80, "weight": weight} for backend, weight in weights.items()]
    spec = {
        "parentRefs": [{"namespace": parent_namespace, "name": parent}],
        "hostnames": [host],
        "rules": [{"backendRefs": backends}],
    }
    kind = {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute"}
    return {**kind, "metadata": {"name": name}, "spec": spec}
