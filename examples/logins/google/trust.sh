#!/usr/bin/env bash
# Once, as an owner of the project: a pool for this repository alone, and an account for who builds and who deploys.
set -euo pipefail
project=acme-models
number=123456789012 # the project's: gcloud projects describe acme-models --format 'value(projectNumber)'
repository=acme/flight-delay
pool="projects/$number/locations/global/workloadIdentityPools/github"

gcloud iam workload-identity-pools create github --project "$project" --location global
gcloud iam workload-identity-pools providers create-oidc flight-delay --project "$project" --location global \
  --workload-identity-pool github --issuer-uri https://token.actions.githubusercontent.com \
  --attribute-mapping "google.subject=assertion.sub,attribute.repository=assertion.repository" \
  --attribute-condition "assertion.repository == '$repository'"
for who in builder deployer; do
  gcloud iam service-accounts create "modelway-$who" --project "$project"
done

trust() { # WHO, and the end of a subject
  gcloud iam service-accounts add-iam-policy-binding "modelway-$1@$project.iam.gserviceaccount.com" --project "$project" \
    --role roles/iam.workloadIdentityUser --member "principal://iam.googleapis.com/$pool/subject/repo:$repository:$2"
}
trust builder ref:refs/heads/main
for environment in production production-rollback production-advance production-continue; do
  trust deployer "environment:$environment"
done

gcloud artifacts repositories add-iam-policy-binding models --project "$project" --location europe-west3 \
  --role roles/artifactregistry.writer --member "serviceAccount:modelway-builder@$project.iam.gserviceaccount.com"
gcloud projects add-iam-policy-binding "$project" --condition None \
  --role roles/container.clusterViewer --member "serviceAccount:modelway-deployer@$project.iam.gserviceaccount.com"
