#!/usr/bin/env bash
# Once, as an administrator of the account: GitHub's identity provider and the two roles. In this folder.
set -euo pipefail
aws iam create-open-id-connect-provider --url https://token.actions.githubusercontent.com --client-id-list sts.amazonaws.com
for who in builder deployer; do
  aws iam create-role --role-name "modelway-$who" --max-session-duration 7200 --assume-role-policy-document "file://trust-of-$who.json"
  aws iam put-role-policy --role-name "modelway-$who" --policy-name modelway --policy-document "file://rights-of-$who.json"
done
aws eks create-access-entry --cluster-name models --kubernetes-groups modelway \
  --principal-arn arn:aws:iam::111122223333:role/modelway-deployer
