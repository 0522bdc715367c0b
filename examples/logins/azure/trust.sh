#!/usr/bin/env bash
# Once, as an owner of the resource group: an identity for who builds and one for who deploys. A subject is compared as a whole.
set -euo pipefail
group=models
repository=acme/flight-delay

for who in builder deployer; do
  az identity create --resource-group "$group" --name "modelway-$who"
done

trust() { # WHO, a name, and the end of a subject
  az identity federated-credential create --resource-group "$group" --identity-name "modelway-$1" --name "$2" \
    --issuer https://token.actions.githubusercontent.com --audiences api://AzureADTokenExchange \
    --subject "repo:$repository:$3"
}
trust builder main ref:refs/heads/main
for environment in production production-rollback production-advance production-continue; do
  trust deployer "$environment" "environment:$environment"
done

of() { az identity show --resource-group "$group" --name "modelway-$1" --query principalId --output tsv; }
az role assignment create --assignee-object-id "$(of builder)" --assignee-principal-type ServicePrincipal --role AcrPush \
  --scope "$(az acr show --name team --query id --output tsv)"
az role assignment create --assignee-object-id "$(of deployer)" --assignee-principal-type ServicePrincipal \
  --role "Azure Kubernetes Service Cluster User Role" \
  --scope "$(az aks show --resource-group "$group" --name models --query id --output tsv)"
