"""Manifests in the shape of those that people have, and what is read of one."""

from __future__ import annotations

from pathlib import Path

from modelway.peers import reading
from modelway.peers.argo import ArgoAnalysis
from modelway.peers.flagger import FlaggerAnalysis
from modelway.peers.queried import Assumed

CANARY = """\
apiVersion: v1
kind: Service
metadata: {name: shop}
---
apiVersion: flagger.app/v1beta1
kind: Canary
metadata:
  name: shop
  namespace: test
spec:
  provider: istio
  targetRef: {apiVersion: apps/v1, kind: Deployment, name: shop}
  progressDeadlineSeconds: 60
  service: {port: 9898}
  analysis:
    interval: 90s
    threshold: "5"
    maxWeight: 50
    stepWeight: 20
    metrics:
      - name: request-success-rate
        thresholdRange:
          min: 99
        interval: 1m30s
      - name: request-duration
        thresholdRange: {max: 500}
        interval: 30s
"""
ROLLOUT = """\
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata:
  name: guestbook
spec:
  replicas: 5
  strategy:
    canary:
      trafficRouting:
        istio: {virtualService: {name: guestbook}}
      analysis:
        templates:
          - templateName: success-rate
        startingStep: 2
        args:
          - {name: service-name, value: guestbook-canary}
          - {name: every, value: 5m}
      steps:
        - setWeight: 20
        - pause: {duration: 10m}
        - setWeight: 40
        - pause: {duration: 600}
        - setWeight: 80
        - pause: {duration: "1h30m"}
"""
TEMPLATE = """\
apiVersion: argoproj.io/v1alpha1
kind: AnalysisTemplate
metadata:
  name: success-rate
spec:
  args:
    - name: service-name
    - {name: every, value: 1m}
  metrics:
    - name: success-rate
      interval: "{{args.every}}"
      successCondition: result[0] >= 0.95
      failureLimit: 3
      provider:
        prometheus:
          address: http://prometheus.example.com:9090
          query: |
            sum(irate(
              istio_requests_total{reporter="source",destination_service=~"{{args.service-name}}",response_code!~"5.*"}[5m]
            )) /
            sum(irate(
              istio_requests_total{reporter="source",destination_service=~"{{args.service-name}}"}[5m]
            ))
"""


def read(
    folder: Path, *texts: str, assumed: Assumed | None = None
) -> tuple[FlaggerAnalysis | ArgoAnalysis, tuple[str, ...]]:
    """Of files one.yml, two.yml."""
    names = ("one.yml", "two.yml")[: len(texts)]
    for name, text in zip(names, texts, strict=True):
        (folder / name).write_text(text)
    return reading.read([(name, folder / name) for name in names], assumed or Assumed())
