"""The Kubernetes target: releases run as Deployments of a cluster, and nothing of ours is installed in it. Needs the
environment `deploy`."""
