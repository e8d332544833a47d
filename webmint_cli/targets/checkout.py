"""Where in its repository a site stands: as the CI service says it, and as git does.

The repository may be anybody's: git is asked in a way that starts no program which the repository names.
"""

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from webmint_cli.targets.target import Commit

_SECONDS = 5.0
_SHORT = 7

# Programs that a repository's own settings could start, and repositories that lie in a checkout as plain files.
_SAFELY = (
    "core.fsmonitor=",
    "core.hooksPath=/dev/null",
    "log.showSignature=false",
    "protocol.allow=never",
    "safe.bareRepository=explicit",
)
_QUIETLY = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_LAZY_FETCH": "1",
    "LC_ALL": "C",
}
# A git hook sets these, for another folder than the one we are asked about.
_ELSEWHERE = frozenset({"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"})


@dataclass(frozen=True, slots=True)
class _Service:
    """The variables of a CI service, each a list of names of which the first that is set counts.

    `sign` must be set for names that others could use as well.
    """

    branch: str
    hash: str
    tag: str = ""
    message: str = ""
    sign: str = ""


_SERVICES = (
    # GitHub Actions
    _Service("GITHUB_HEAD_REF GITHUB_REF GITHUB_REF_NAME", "GITHUB_SHA"),
    # GitLab
    _Service(
        "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME CI_COMMIT_REF_NAME",
        "CI_COMMIT_SHA",
        tag="CI_COMMIT_TAG",
        message="CI_COMMIT_MESSAGE",
    ),
    # Bitbucket
    _Service("BITBUCKET_BRANCH", "BITBUCKET_COMMIT", tag="BITBUCKET_TAG"),
    # CircleCI
    _Service("CIRCLE_BRANCH", "CIRCLE_SHA1", tag="CIRCLE_TAG"),
    # Travis
    _Service(
        "TRAVIS_PULL_REQUEST_BRANCH TRAVIS_BRANCH",
        "TRAVIS_PULL_REQUEST_SHA TRAVIS_COMMIT",
        tag="TRAVIS_TAG",
        message="TRAVIS_COMMIT_MESSAGE",
    ),
    # Buildkite
    _Service("BUILDKITE_BRANCH", "BUILDKITE_COMMIT", tag="BUILDKITE_TAG", message="BUILDKITE_MESSAGE"),
    # Drone
    _Service(
        "DRONE_SOURCE_BRANCH DRONE_BRANCH",
        "DRONE_COMMIT_SHA DRONE_COMMIT",
        tag="DRONE_TAG",
        message="DRONE_COMMIT_MESSAGE",
    ),
    # Azure Pipelines
    _Service(
        "SYSTEM_PULLREQUEST_SOURCEBRANCH BUILD_SOURCEBRANCH",
        "BUILD_SOURCEVERSION",
        message="BUILD_SOURCEVERSIONMESSAGE",
    ),
    # AppVeyor
    _Service(
        "APPVEYOR_PULL_REQUEST_HEAD_REPO_BRANCH APPVEYOR_REPO_BRANCH",
        "APPVEYOR_PULL_REQUEST_HEAD_COMMIT APPVEYOR_REPO_COMMIT",
        tag="APPVEYOR_REPO_TAG_NAME",
        message="APPVEYOR_REPO_COMMIT_MESSAGE",
    ),
    # Jenkins
    _Service("CHANGE_BRANCH BRANCH_NAME GIT_BRANCH", "GIT_COMMIT", tag="TAG_NAME", sign="JENKINS_URL"),
    # Semaphore
    _Service(
        "SEMAPHORE_GIT_PR_BRANCH SEMAPHORE_GIT_BRANCH", "SEMAPHORE_GIT_SHA", tag="SEMAPHORE_GIT_TAG_NAME"
    ),
    # AWS CodeBuild
    _Service("CODEBUILD_WEBHOOK_HEAD_REF", "CODEBUILD_RESOLVED_SOURCE_VERSION"),
    # Vercel
    _Service("VERCEL_GIT_COMMIT_REF", "VERCEL_GIT_COMMIT_SHA", message="VERCEL_GIT_COMMIT_MESSAGE"),
    # Netlify
    _Service("HEAD BRANCH", "COMMIT_REF", sign="NETLIFY"),
    # Cloudflare
    _Service("CF_PAGES_BRANCH WORKERS_CI_BRANCH", "CF_PAGES_COMMIT_SHA WORKERS_CI_COMMIT_SHA"),
)


def read_commit(folder: Path, environment: Mapping[str, str]) -> Commit | None:
    """The commit a folder stands at; None where neither a CI service nor git tells.

    What the service says goes over what git says. The branch of a build of a tag is `tag-` and its name, which can't
    be mistaken for a branch; that of a detached checkout is the short hash.
    """
    said = _from_service(environment)
    seen = _from_git(folder, environment)
    if said is None and seen is None:
        return None
    said, seen = said or Commit(), seen or Commit()
    number = said.hash or seen.hash
    message = said.message or (seen.message if number == seen.hash else "")
    return Commit(said.branch or seen.branch or number[:_SHORT], number, message, seen.is_dirty)


def _from_service(environment: Mapping[str, str]) -> Commit | None:
    for service in _SERVICES:
        if service.sign and not environment.get(service.sign):
            continue
        branch, number = (_first(names, environment) for names in (service.branch, service.hash))
        tag, message = (_first(names, environment) for names in (service.tag, service.message))
        if service.branch.startswith("GITHUB") and environment.get("GITHUB_REF_TYPE") == "tag":
            tag = _first("GITHUB_REF_NAME", environment)
        if branch or number or tag:
            return Commit(f"tag-{tag}" if tag else _branch(branch), number, message)
    return None


def _first(names: str, environment: Mapping[str, str]) -> str:
    """The value of the first variable that is set; "HEAD" and "false" (Travis) are no values."""
    values = (_text(environment.get(name, "").encode("utf-8", "surrogateescape")) for name in names.split())
    return next((value for value in values if value not in ("", "HEAD", "false")), "")


def _branch(ref: str) -> str:
    """`refs/heads/main`, `origin/main` and `main` are one branch; other references keep their path."""
    if ref.startswith("refs/tags/"):
        return "tag-" + ref.removeprefix("refs/tags/")
    for prefix in ("refs/heads/", "refs/remotes/origin/", "refs/", "origin/"):
        if ref.startswith(prefix):
            return ref.removeprefix(prefix)
    return ref


def _from_git(folder: Path, environment: Mapping[str, str]) -> Commit | None:
    kept = {name: value for name, value in environment.items() if name not in _ELSEWHERE}
    git = _Git(folder, kept | _QUIETLY)
    # The full name: a short one is "heads/main" where a tag has the branch's name.
    branch = git.ask("symbolic-ref", "--quiet", "HEAD").removeprefix("refs/heads/")
    branch = "" if branch == "HEAD" else branch
    number, _, message = git.ask("log", "-1", "--format=%H%n%B").partition("\n")
    if not branch and not number:
        return None
    return Commit(branch, number, message.strip(), bool(git.changes()))


@dataclass(frozen=True, slots=True)
class _Git:
    folder: Path
    environment: Mapping[str, str]

    def ask(self, *words: str, settings: tuple[str, ...] = ()) -> str:
        """What git answers; nothing where it refuses, is not there, or takes too long. `settings` alternate with values."""
        options = [option for setting in _SAFELY for option in ("-c", setting)]
        numbered = {
            name: value
            for number, setting in enumerate(settings)
            for name, value in ((f"GIT_CONFIG_KEY_{number}", setting), (f"GIT_CONFIG_VALUE_{number}", ""))
        }
        try:
            answer = subprocess.run(  # noqa: S603 - a fixed program
                ["git", "--no-pager", *options, "-C", str(self.folder), *words],  # noqa: S607 - the user's git
                env={**self.environment, **numbered, "GIT_CONFIG_COUNT": str(len(settings))},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_SECONDS,
                check=True,
            )
        except (OSError, ValueError, subprocess.SubprocessError):
            return ""
        return _text(answer.stdout)

    def changes(self) -> str:
        """What is not committed. Filters that the repository itself defines are programs, and are not started."""
        filters = self.ask("config", "-z", "--show-scope", "--name-only", "--get-regexp", r"^filter\.")
        scopes, names = filters.split("\0")[::2], filters.split("\0")[1::2]
        own = tuple(
            name for scope, name in zip(scopes, names, strict=False) if scope in ("local", "worktree")
        )
        return self.ask("status", "--porcelain", "--ignore-submodules=all", settings=own)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace").strip()
