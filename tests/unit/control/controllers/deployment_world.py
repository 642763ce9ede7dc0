"""A small world for Deployments: ReplicaSets obey, pods become ready (or never do), statuses lag behind."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from bascule.control.controllers import deployment as deployments
from bascule.control.controllers import progress, revisions, rolling
from bascule.vocabulary import objects

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def deployment(replicas=3, image="v1", strategy=None, **spec) -> objects.Object:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "n", "uid": "d", "generation": 1},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "web"}},
            "strategy": strategy or {"type": "RollingUpdate", "rollingUpdate": {}},
            "progressDeadlineSeconds": 600,
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "c", "image": image}]},
            },
            **spec,
        },
        "status": {},
    }


@dataclass
class World:
    """`pods[set name]` lists whether each pod is ready; `broken` images never become ready."""

    deployment: objects.Object
    broken: frozenset[str] = frozenset()
    sets: dict[str, objects.Object] = field(default_factory=dict)
    pods: dict[str, list[bool]] = field(default_factory=dict)
    made: int = 0

    def new_and_old(self) -> tuple[objects.Object | None, list[objects.Object]]:
        everyone = list(self.sets.values())
        new = revisions.find_new(self.deployment, everyone)
        return new, [one for one in everyone if one is not new]

    def control(self) -> bool:
        """One reconcile of the Deployment; whether it did anything."""
        new, old = self.new_and_old()
        left = any(self.pods[objects.name(one)] for one in old)
        step = deployments.decide(self.deployment, new, old, old_pods_left=left, now=NOW)
        notes = revisions.size_annotations(rolling.bounds(self.deployment))
        created = None
        if step.create is not None:
            body = revisions.new_set(self.deployment, old, step.create)
            self.made += 1
            created = objects.name(body)
            body["metadata"] |= {"uid": f"u{self.made}", "creationTimestamp": f"2025-01-01T00:00:{self.made:02}Z"}
            body["status"] = {}
            self.sets[created], self.pods[created] = body, []
        for name, size in step.sizes.items():
            self.sets[name]["spec"]["replicas"] = size
        for one in self.sets.values():
            if one["spec"]["replicas"]:
                one["metadata"]["annotations"] |= notes
        for one in step.delete:
            del self.sets[objects.name(one)]
            assert not self.pods.pop(objects.name(one))
        new, old = self.new_and_old()
        if new is not None:
            annotations = objects.annotations(new)
            new["metadata"]["annotations"] = revisions.annotations_for(
                self.deployment, annotations, revisions.next_number(old)
            )
        status = progress.status_of(self.deployment, new, old, NOW, created=created)
        changed = status != self.deployment["status"]
        self.deployment["status"] = status
        return changed or step != deployments.Step()

    def obey(self, name: str) -> bool:
        """The ReplicaSet makes and removes pods, unready first."""
        pods, wanted = self.pods[name], self.sets[name]["spec"]["replicas"]
        if len(pods) == wanted:
            return False
        pods.sort(reverse=True)
        del pods[wanted:]
        pods += [False] * (wanted - len(pods))
        return True

    def ripen(self, name: str, count: int) -> bool:
        """Up to `count` pods become ready."""
        image = self.sets[name]["spec"]["template"]["spec"]["containers"][0]["image"]
        if image in self.broken or all(self.pods[name]):
            return False
        for index, is_ready in enumerate(self.pods[name]):
            if not is_ready and count > 0:
                self.pods[name][index] = True
                count -= 1
        return True

    def report(self, name: str) -> bool:
        """The ReplicaSet's status tells the truth of this moment."""
        pods = self.pods[name]
        counts = {"replicas": len(pods), "readyReplicas": sum(pods), "availableReplicas": sum(pods)}
        before = self.sets[name]["status"]
        self.sets[name]["status"] = counts
        return before != counts

    def settle(self, limit: int = 500) -> None:
        for _ in range(limit):
            moved = self.control()
            for name in list(self.sets):
                moved |= self.obey(name) | self.ripen(name, 100) | self.report(name)
            if not moved:
                return
        raise AssertionError("does not converge")

    @property
    def available(self) -> int:
        return sum(sum(pods) for pods in self.pods.values())

    @property
    def asked_for(self) -> int:
        return sum(one["spec"]["replicas"] for one in self.sets.values())

    def set_image(self, image: str) -> None:
        self.deployment["spec"]["template"]["spec"]["containers"][0]["image"] = image

    def live(self) -> dict[str, int]:
        """Replicas by image, of sets that have any."""
        return {
            one["spec"]["template"]["spec"]["containers"][0]["image"]: one["spec"]["replicas"]
            for one in self.sets.values()
            if one["spec"]["replicas"]
        }
