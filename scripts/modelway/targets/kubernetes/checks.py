"""What must be true before anything is touched."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from modelway.errors import InvalidInput
from modelway.records import Release
from modelway.targets.kubernetes import (
    counting,
    destination_rules,
    home,
    names,
    objects,
    owners,
    routes,
    virtual_service,
)
from modelway.targets.kubernetes.cluster import Object
from modelway.targets.kubernetes.home import Home
from modelway.targets.kubernetes.refusals import ApiError
from modelway.targets.kubernetes.running import check_owner
from modelway.targets.kubernetes.whereabouts import FoundRoute, Whereabouts

POLL_SECONDS = 0.3
SEEN_SECONDS = 5.0
"""For the gateway's controller to look at a route that was just made."""
Say = Callable[[str], None]


@dataclass(frozen=True)
class Checks:
    """shares: the parts of the traffic that the steps of a canary ask for."""

    where: Whereabouts
    shares: tuple[float, ...]

    def own_change_done(self, say: Say) -> Home:
        """The team's Deployment; where a command that was cut off had given it another image, once its pods have that."""
        deadline = time.monotonic() + self.where.wanted.ready_seconds
        there, said = self.where.home(), False
        while (
            there.is_there
            and (there.deployment["metadata"].get("annotations") or {}).get(names.TARGET) == self.where.key
            and not (home.rolled_out(there.deployment) or there.deployment["spec"].get("paused"))
            and time.monotonic() < deadline
        ):
            if not said:
                say(f"waiting for Deployment {there.name}, which is in the middle of a change")
                said = True
            time.sleep(POLL_SECONDS)
            there = self.where.home()
        return there

    def check_ours(self, there: Home) -> None:
        """InvalidInput where what a rollout changes belongs to another program, or could not be changed."""
        if not there.is_there:
            return
        route = self.where.route(there)
        kind, name, path = "Service", there.service, "selector"
        if route:
            kind, name, path = route.kind.name, route.name, route.kind.rules
        shared = self.accepted(route, there.service) if route else self.where.cluster.get(kind, name)
        if shared is None and self.where.wanted.create is not None and kind != virtual_service.KIND.name:
            return  # the last part that is made, and the first that a stop removes
        if shared is None:
            raise InvalidInput(
                f"there is no {kind} {name} in {self.where.cluster.where}",
                where=f"deploy.kubernetes.{'route' if route else 'service'}",
                fix=f"name one that is there (kubectl get {kind.lower()}s -n {self.where.cluster.namespace})",
            )
        other = (there.deployment["metadata"].get("annotations") or {}).get(names.TARGET, self.where.key)
        if other != self.where.key:
            raise InvalidInput(
                f"Deployment {there.name} is that of another model or environment, {other}",
                where="deploy.kubernetes.deployment",
                fix="give every model and environment a Deployment of its own",
            )
        if (manager := owners.foreign(shared, ("spec", path), self.where.wanted.take_over)) is not None:
            raise owners.refusal(manager, kind, name, ("spec", path))
        check_owner(there, self.where.wanted)
        if route:
            routes.check_ports(route.kind, shared, there.service, there.service_port)
        destination_rules.check(self.where.policies(there), there.service)

    def check_made(self, there: Home, image: str) -> None:
        """InvalidInput where the cluster would not take what is to be made, or something else is there of its name."""
        wanted = self.where.wanted
        if there.is_there or wanted.create is None:
            return
        route = objects.route(wanted, wanted.create)
        for body in (*objects.all_of(wanted, wanted.create, image), *([route] if route else [])):
            try:
                self.where.cluster.apply(body, try_only=True)
            except ApiError as error:
                self._check_taken(body, error)

    def _check_taken(self, body: Object, error: ApiError) -> None:
        """What modelway itself has made, and not finished, is taken up again."""
        taken = owners.conflicts({"details": {"causes": error.causes}}, (owners.OURS,))
        if taken:
            raise InvalidInput(
                f"{body['kind']} {self.where.wanted.deployment} is there already, and {taken[0].manager.name} owns"
                f" {owners.shown(taken[0].path)}",
                where="deploy.kubernetes.create",
                fix="delete it; or leave `create` out, and let all of the objects be the team's own",
            )
        if error.is_unexplained:
            raise InvalidInput(
                f"the cluster knows no {body['kind']}",
                where="deploy.kubernetes.create",
                fix="install Gateway API and a gateway, or leave create.gateway out",
            )
        if error.status != 409:
            raise self.where.cluster.told(error)

    def check_sizes(self, there: Home) -> None:
        """InvalidInput where another program decides how many pods there are: each would undo what the other does."""
        for autoscaler in self.where.cluster.list("HorizontalPodAutoscaler"):
            target = autoscaler["spec"]["scaleTargetRef"]
            if (target["kind"], target["name"]) == ("Deployment", there.name):
                raise InvalidInput(
                    f"HorizontalPodAutoscaler {autoscaler['metadata']['name']} decides how many pods Deployment {there.name}"
                    " has, and strategy rolling takes them down one by one",
                    where="deploy.strategy",
                    fix="use strategy: canary, which leaves them to it; or delete the autoscaler",
                )
        create = self.where.wanted.create
        if create is not None and create.replicas != there.replicas:
            raise InvalidInput(
                f"is {create.replicas}, and Deployment {there.name} has {there.replicas} pods, which are to be replaced",
                where="deploy.kubernetes.create.replicas",
                fix=f"run kubectl scale deployment/{there.name} --replicas={create.replicas}, or write the number that it has",
            )
        path = ("spec", "replicas")
        if (manager := owners.foreign(there.deployment, path, self.where.wanted.take_over)) is not None:
            raise owners.refusal(manager, "Deployment", there.name, path)

    def check_counts(self, there: Home) -> None:
        """InvalidInput where nobody could count the requests of what is compared."""
        counting.check(self.where.cluster, self.where.wanted.counts)
        compared = any(share < 1 for share in self.shares)
        if not compared or not there.is_there or counting.named(self.where.wanted.counts) != "pods":
            return
        pods = self.where.pods_at_home(there)
        for pod in pods.running()[:1]:
            if pods.release_of(pod["metadata"]["name"]) is None:
                raise InvalidInput(
                    f"Deployment {there.name} runs another program's server, whose pods have no /metrics of modelway's",
                    where="deploy.kubernetes.counts",
                    fix="name the gateway or a Prometheus that counts its requests; or bring the first release all-at-once",
                )

    def accepted(self, route: FoundRoute, service: str) -> Object | None:
        """The route, once a gateway has said that it takes it, where that says anything; None where there is no route.
        InvalidInput where none does."""
        deadline = time.monotonic() + SEEN_SECONDS
        while (found := self.where.cluster.get(route.kind.name, route.name)) is not None:
            said = route.kind.check(found, service)
            if said is None:
                return found
            if time.monotonic() > deadline:
                raise said
            time.sleep(POLL_SECONDS)
        return None


def image_of(release: Release) -> str:
    """REPOSITORY@sha256:...; InvalidInput where it was not pushed."""
    if not release.image:
        raise InvalidInput(
            f"version {release.version} was built and not pushed, so no cluster can pull it",
            where="build.image",
            fix="name the repository to push to, and run build-image again",
        )
    return release.image
