"""Pipeline files for an app with environments: a plan of each on a request, the one before
production deployed on merge, production by hand.

Texts alone; what they have in common with those of an app without environments is in `pipelines`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from .pipelines import GITHUB, GITLAB

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_BEFORE = ("stag", "test", "pre", "qa")

HEAD = """\
# Plan each environment of pelton.toml on a {request}; deploy {deployed}
# when somebody approves.{rest}
#
"""
GITHUB_HEAD = """\
# To set up, once, in the repository's settings:
#   Environments   {names}; the required reviewers of {production} are the approval
#   Variables      of each environment: AWS_ROLE, the ARN of a role that trusts this repository
#                  (https://docs.github.com/actions/concepts/security/openid-connect), and
#                  AWS_REGION
#   Variables      of the repository: AWS_REGION, and AWS_ROLE of a role that may only read, for
#                  plans; for environments that have an account of their own, instead:
#                  {roles}
#   State          what a deploy leaves is kept where PELTON_WHERE says: add
#                  `--state s3://BUCKET/PREFIX` for one that outlives the runner
"""
GITLAB_HEAD = """\
# To set up, once, in the project's settings:
#   CI/CD variables   AWS_ROLE_ARN by environment (and one for plans, that may only read), the ARN
#                     of a role that trusts this project
#                     (https://docs.gitlab.com/ci/cloud_services/aws/), and AWS_DEFAULT_REGION
#   Environments      {names}: protect {production}, so that only some may start its job: that is
#                     the approval
#   State             what a deploy leaves is kept where PELTON_WHERE says: add
#                     `--state s3://BUCKET/PREFIX` for one that outlives the runner
"""
GITHUB_PLANS = """\
jobs:
  plan:
    # A fork's pull request gets no identity, so there is nothing to plan with.
    if: github.event.pull_request.head.repo.full_name == github.repository
    runs-on: ubuntu-latest
    strategy:
      fail-fast: false
      matrix:
        include:
{matrix}
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
      - uses: aws-actions/configure-aws-credentials@v4
        with:
          role-to-assume: ${{{{ vars[matrix.role] || vars.AWS_ROLE }}}}
          aws-region: ${{{{ vars.AWS_REGION }}}}
      - name: Plan
        run: |
          code=0
          pelton plan {app} $PELTON_WHERE --env "$ENVIRONMENT" > "plan-$ENVIRONMENT.txt" || code=$?
          cat "plan-$ENVIRONMENT.txt"
          test "$code" -eq 0 || test "$code" -eq 2
        env:
          ENVIRONMENT: ${{{{ matrix.environment }}}}
      - uses: actions/upload-artifact@v4
        with:
          name: plan-${{{{ matrix.environment }}}}
          path: plan-*.txt

  comment:
    needs: plan
    runs-on: ubuntu-latest
    steps:
      - uses: actions/download-artifact@v4
        with:
          pattern: plan-*
          merge-multiple: true
      - name: Put the plans together
        run: |
          for file in plan-*.txt; do
            environment=${{file#plan-}}
            echo "### pelton plan --env ${{environment%.txt}}"
            echo '```'
            cat "$file"
            echo '```'
          done > plan.md
      - name: Say the plans
        run: gh pr comment "$PR" --body-file plan.md --edit-last --create-if-none
        env:
          GH_TOKEN: ${{{{ github.token }}}}
          PR: ${{{{ github.event.pull_request.html_url }}}}
"""
GITHUB_DEPLOY = """
  {job}:
    {when}
    runs-on: ubuntu-latest
    environment: {name}
    steps:
      - *checkout
      - *python
      - *install
      - uses: aws-actions/configure-aws-credentials@v4
        with:
          role-to-assume: ${{{{ vars.AWS_ROLE }}}}
          aws-region: ${{{{ vars.AWS_REGION }}}}
      - name: Deploy
        run: pelton deploy {app} $PELTON_WHERE --env {name}
"""
GITLAB_PLANS = """
.plan:
  extends: .pelton
  stage: plan
  rules:
    - if: $CI_PIPELINE_SOURCE == "merge_request_event"
  script:
    - |
      code=0
      pelton plan {app} $PELTON_WHERE --env "$ENVIRONMENT" > "plan-$ENVIRONMENT.txt" || code=$?
      cat "plan-$ENVIRONMENT.txt"
      test "$code" -eq 0 || test "$code" -eq 2
"""
GITLAB_PLAN = """
plan-{name}:
  extends: .plan
  variables:
    ENVIRONMENT: {name}
  artifacts:
    expose_as: plan of {name}
    paths: [plan-{name}.txt]
"""
GITLAB_DEPLOY = """
deploy-{name}:
  extends: .pelton
  stage: {stage}
  rules:
    - if: $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH
{manual}  environment: {name}
  script:
    - pelton deploy {app} $PELTON_WHERE --env {name}
"""


def stages(environments: Sequence[str]) -> tuple[str, str]:
    """The environment that is deployed on merge ("" for none), and the one that waits for somebody:
    by their names, else by their order in the file, in which production comes last.

    >>> stages(["dev", "staging", "prod"]), stages(["prod", "dev"]), stages(["a", "b", "c"])
    (('staging', 'prod'), ('dev', 'prod'), ('b', 'c'))
    >>> stages(["only"])
    ('', 'only')
    """
    names = list(environments)
    production = next((each for each in names if each.lower().startswith("prod")), names[-1])
    others = [each for each in names if each != production]
    known = (each for each in others if each.lower().startswith(_BEFORE))
    return next(known, others[-1] if others else ""), production


def with_environments(service: str, environments: Sequence[str], app: str) -> str:
    """The pipeline of a service for these environments; raises `ValueError` for a name that no
    pipeline file can have."""
    for each in environments:
        if not _NAME.fullmatch(each):
            raise ValueError(f"environment {each!r}: a pipeline takes letters, digits, '-' and '_'")
    before, production = stages(environments)
    make = {"github": _github, "gitlab": _gitlab}[service]
    return _head(service, environments) + make(environments, before, production, app)


def _head(service: str, environments: Sequence[str]) -> str:
    before, production = stages(environments)
    rest = ", ".join(each for each in environments if each not in (before, production))
    deployed = f"{before} on merge, {production}" if before else production
    request = "pull request" if service == "github" else "merge request"
    said = f"  Not deployed from here: {rest}." if rest else ""
    return HEAD.format(request=request, deployed=deployed, rest=said)


def _github(environments: Sequence[str], before: str, production: str, app: str) -> str:
    names = [each for each in (before, production) if each]
    head = GITHUB_HEAD.format(
        names=" and ".join(names),
        production=production,
        roles=", ".join(map(_role, environments)),
    )
    matrix = "\n".join(
        f"          - {{environment: {each}, role: {_role(each)}}}" for each in environments
    )
    start = GITHUB.index("name: deploy")
    jobs = [GITHUB_PLANS.format(matrix=matrix, app=app)]
    when = "if: github.event_name == 'push'"
    for each in names:
        jobs.append(GITHUB_DEPLOY.format(job=each, name=each, when=when, app=app))
        when = f"needs: {each}"
    return head + GITHUB[start : GITHUB.index("jobs:")] + "".join(jobs)


def _role(environment: str) -> str:
    """The variable with the role that plans an environment."""
    return f"AWS_ROLE_{environment.upper().replace('-', '_')}"


def _gitlab(environments: Sequence[str], before: str, production: str, app: str) -> str:
    names = [each for each in (before, production) if each]
    head = GITLAB_HEAD.format(names=" and ".join(names), production=production)
    common = GITLAB[GITLAB.index("stages:") : GITLAB.index("plan:\n")].rstrip("\n") + "\n"
    jobs = [GITLAB_PLANS.format(app=app)]
    jobs += [GITLAB_PLAN.format(name=each) for each in environments]
    for each in names:
        manual = "      when: manual\n" if each == production else ""
        stage = "production" if each == production else "staging"
        jobs.append(GITLAB_DEPLOY.format(name=each, stage=stage, manual=manual, app=app))
    return head + common + "".join(jobs)
