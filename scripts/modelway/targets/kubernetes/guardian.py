"""The program of the guardian's pod: it takes the traffic back to stable when nobody has renewed the lease for its time.

Run as `python -I -c SOURCE` by any Python from 3.9, with nothing but the standard library. The lease is dead when it has not
changed for its duration on this program's own clock. Taking it over is a PUT with its resourceVersion, so that one wins.
Whatever stops this program, it begins again with what the API server has: a lease with its NONCE is its own.

Exit codes: 0 when the lease is gone, or after it has acted; 143 after SIGTERM, so that a Job starts it again elsewhere.
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import ssl
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

ACCOUNT = os.environ.get("MODELWAY_ACCOUNT", "/var/run/secrets/kubernetes.io/serviceaccount")
NAME = os.environ.get("MODELWAY_LEASE", "")
LEASE = f"/apis/coordination.k8s.io/v1/namespaces/{os.environ.get('MODELWAY_NAMESPACE', '')}/leases/{NAME}"
OBJECTS = os.environ.get(
    "MODELWAY_OBJECTS", ""
).split()  # paths: /apis/GROUP/VERSION/namespaces/NAMESPACE/RESOURCE/NAME
POLL = float(os.environ.get("MODELWAY_POLL_SECONDS", "1"))
SECONDS = float(os.environ.get("MODELWAY_LEASE_SECONDS", "15"))  # where the lease does not say it
TIMEOUT = 5  # seconds for one request, whatever the other side does
LARGEST = 4_000_000  # bytes of an answer
BACK, FENCE, GUARD = "modelway.dev/back", "modelway.dev/fence", "modelway.dev/guard-seconds"
NONCE = os.urandom(16).hex()
ME = f"guardian {os.uname().nodename}"


def call(method: str, path: str, body: object = None, kind: str = "application/json") -> tuple[int, dict[str, Any]]:
    """The status and the JSON object of an answer; OSError, HTTPException or ValueError where there is none in time."""
    with open(f"{ACCOUNT}/token", encoding="ascii") as file:  # the kubelet writes a new one every hour
        headers = {"Authorization": f"Bearer {file.read().strip()}", "Content-Type": kind}
    host, port = os.environ["KUBERNETES_SERVICE_HOST"], int(os.environ.get("KUBERNETES_SERVICE_PORT", "443"))
    context = ssl.create_default_context(cafile=f"{ACCOUNT}/ca.crt")
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # Python 3.13 would refuse what many clusters sign with
    connection = http.client.HTTPSConnection(host, port, timeout=TIMEOUT, context=context)
    signal.alarm(TIMEOUT)
    try:
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        response = connection.getresponse()
        answer = json.loads(response.read(LARGEST))
    finally:
        signal.alarm(0)
        connection.close()
    if not isinstance(answer, dict):
        raise ValueError("the answer is no JSON object")
    return response.status, answer


def is_gone(status: int, answer: dict[str, Any], path: str) -> bool:
    """An API server that starts answers 404 for what it does not serve yet, without saying of what."""
    name = path.rpartition("/")[2]
    return status == 404 and (answer.get("details") or {}).get("name") == name


def checked(status: int, answer: dict[str, Any]) -> dict[str, Any]:
    if status != 200:
        raise ValueError(f"{status} {answer.get('message', '')}")
    return answer


def notes(item: dict[str, Any]) -> dict[str, str]:
    return item["metadata"].get("annotations") or {}


def put(lease: dict[str, Any], holder: str, what: str) -> bool:
    """The lease with this holder and a fresh renewTime; False where somebody else was first."""
    now = time.time()
    moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 1e6):06d}Z"
    noted = {"modelway.dev/nonce": NONCE, "modelway.dev/who": ME, "modelway.dev/what": what}
    lease["metadata"]["annotations"] = {**notes(lease), **noted}
    spec = lease.setdefault("spec", {})
    spec.update(holderIdentity=holder, renewTime=moment)
    if holder:
        spec.update(acquireTime=moment, leaseTransitions=int(spec.get("leaseTransitions") or 0) + 1)
    status, answer = call("PUT", f"{LEASE}?fieldManager=modelway", lease)
    return status != 409 and bool(checked(status, answer)["metadata"]["resourceVersion"])


def go_back(path: str) -> str:
    """Apply the way back that is noted on the object, once; what was done."""
    status, item = call("GET", path)
    if is_gone(status, item, path):
        return f"{path} is gone: nothing to take back"
    found = notes(checked(status, item))
    if BACK not in found:
        return "traffic is on stable" if found.get(FENCE) == NONCE else "no way back is noted: nothing to take back"
    place = "/metadata/annotations/" + BACK.replace("/", "~1")
    fence = "/metadata/annotations/" + FENCE.replace("/", "~1")
    tests = [{"op": "test", "path": place, "value": found[BACK]}]
    tests += [{"op": "test", "path": fence, "value": found[FENCE]}] if FENCE in found else []
    marks = [{"op": "remove", "path": place}, {"op": "add", "path": fence, "value": NONCE}]
    patch = [*tests, *json.loads(found[BACK]), *marks]
    checked(*call("PATCH", f"{path}?fieldManager=modelway", patch, "application/json-patch+json"))
    say("the way back is written")
    return go_back(path)  # by reading


def say(text: str) -> None:
    print(time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), text, flush=True)


def silent_limit(lease: dict[str, Any]) -> float:
    """For how many seconds it may be unchanged. A lease that was given back is nobody's to lose, unless it says until when."""
    spec = lease.get("spec") or {}
    if spec.get("holderIdentity"):
        return float(spec.get("leaseDurationSeconds") or SECONDS)
    return float(notes(lease).get(GUARD) or "inf")


def main() -> int:
    signal.signal(signal.SIGALRM, late)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    say(f"watching lease {NAME} for {' '.join(OBJECTS)}")
    seen, since, read, problem = "", time.monotonic(), time.monotonic(), ""
    while True:
        try:
            status, lease = call("GET", LEASE)
            if is_gone(status, lease, LEASE):
                say("the lease is gone: nothing to guard")
                return 0
            now, version = time.monotonic(), checked(status, lease)["metadata"]["resourceVersion"]
            limit = silent_limit(lease)
            if version != seen or now - read > max(limit / 3, 3 * POLL):  # who could not be heard is not silent
                seen, since = version, now
            read, problem = now, ""
            ours = notes(lease).get("modelway.dev/nonce") == NONCE
            if ours and lease["spec"].get("holderIdentity") == ME:
                done = "; ".join(map(go_back, OBJECTS))
                if put(lease, "", done):
                    say(f"{done}; the lease is given back")
                    return 0
            elif now - since >= limit and put(lease, ME, "taking the traffic back to stable"):
                say(f"the lease was silent for {now - since:.1f} s: taken over")
                continue
        except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError, AttributeError) as error:
            if problem != f"{type(error).__name__}: {error}":
                problem = f"{type(error).__name__}: {error}"
                say(f"trying again: {problem[:500]}")
        time.sleep(POLL)


def late(*_: object) -> None:
    raise TimeoutError(f"no answer within {TIMEOUT} s")


if __name__ == "__main__":
    sys.exit(main())
