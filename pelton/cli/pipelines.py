"""Pipeline files for `pelton init --ci`: plan on a request, deploy on merge, production by hand.

Texts alone.  Where a pipeline deploys to is the variable PELTON_WHERE, options of `pelton plan`;
credentials come from the service's own identity, so that no key is kept.
"""

from __future__ import annotations

GITHUB = """\
# Plan on a pull request, deploy to staging on merge, to production when somebody approves.
#
# To set up, once, in the repository's settings:
#   Environments   staging and production; production's required reviewers are the approval
#   Variables      of each environment: AWS_ROLE, the ARN of a role that trusts this repository
#                  (https://docs.github.com/actions/concepts/security/openid-connect), and
#                  AWS_REGION
#   Variables      of the repository: AWS_ROLE of a role that may only read, for plans
name: deploy

on:
  pull_request:
  push:
    branches: [main]

permissions:
  contents: read
  id-token: write
  pull-requests: write

concurrency: deploy-${{ github.ref }}

env:
  PELTON_WHERE: --to aws

jobs:
  plan:
    # A fork's pull request gets no identity, so there is nothing to plan with.
    if: github.event.pull_request.head.repo.full_name == github.repository
    runs-on: ubuntu-latest
    steps:
      - &checkout
        uses: actions/checkout@v4
      - &python
        uses: actions/setup-python@v5
        with:
          python-version: "3.12"
      - &install
        name: Install
        run: python -m pip install --quiet 'pelton[aws]'
      - &credentials
        uses: aws-actions/configure-aws-credentials@v4
        with:
          role-to-assume: ${{ vars.AWS_ROLE }}
          aws-region: ${{ vars.AWS_REGION }}
      - name: Plan
        run: |
          code=0
          pelton plan app.py $PELTON_WHERE > plan.txt || code=$?
          cat plan.txt
          { echo '### pelton plan'; echo '```'; cat plan.txt; echo '```'; } > plan.md
          test "$code" -eq 0 || test "$code" -eq 2
      - name: Say the plan
        run: gh pr comment "$PR" --body-file plan.md --edit-last --create-if-none
        env:
          GH_TOKEN: ${{ github.token }}
          PR: ${{ github.event.pull_request.html_url }}
      - uses: actions/upload-artifact@v4
        with:
          name: plan
          path: plan.txt

  staging:
    if: github.event_name == 'push'
    runs-on: ubuntu-latest
    environment: staging
    steps: &deploy
      - *checkout
      - *python
      - *install
      - *credentials
      - name: Deploy
        run: pelton deploy app.py $PELTON_WHERE

  production:
    needs: staging
    runs-on: ubuntu-latest
    environment: production
    steps: *deploy
"""

GITLAB = """\
# Plan on a merge request, deploy to staging on merge, to production when somebody says so.
#
# To set up, once, in the project's settings:
#   CI/CD variables   AWS_ROLE_ARN by environment (and one for plans, that may only read), the ARN
#                     of a role that trusts this project
#                     (https://docs.gitlab.com/ci/cloud_services/aws/), and AWS_DEFAULT_REGION
#   Environments      protect production, so that only some may start its job: that is the approval
stages: [plan, staging, production]

image: python:3.12

variables:
  PELTON_WHERE: --to aws
  AWS_WEB_IDENTITY_TOKEN_FILE: /tmp/pelton-identity

.pelton:
  id_tokens:
    PELTON_IDENTITY:
      aud: https://gitlab.com
  before_script:
    - printf %s "$PELTON_IDENTITY" > "$AWS_WEB_IDENTITY_TOKEN_FILE"
    - python -m pip install --quiet 'pelton[aws]'

plan:
  extends: .pelton
  stage: plan
  rules:
    - if: $CI_PIPELINE_SOURCE == "merge_request_event"
  script:
    - |
      code=0
      pelton plan app.py $PELTON_WHERE > plan.txt || code=$?
      cat plan.txt
      test "$code" -eq 0 || test "$code" -eq 2
  artifacts:
    expose_as: plan
    paths: [plan.txt]

staging:
  extends: .pelton
  stage: staging
  rules:
    - if: $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH
  environment: staging
  script:
    - pelton deploy app.py $PELTON_WHERE

production:
  extends: .pelton
  stage: production
  rules:
    - if: $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH
      when: manual
  environment: production
  script:
    - pelton deploy app.py $PELTON_WHERE
"""

# Service: (where its file is, what is in it).
PIPELINES = {
    "github": (".github/workflows/deploy.yml", GITHUB),
    "gitlab": (".gitlab-ci.yml", GITLAB),
}
