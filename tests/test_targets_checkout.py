"""Branch and commit of a site: as CI services and git say, never "HEAD", and nothing of the repository is run."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from webmint_cli.targets.checkout import read_commit
from webmint_cli.targets.target import Commit

if TYPE_CHECKING:
    from pathlib import Path

HASH = "0123456789abcdef0123456789abcdef01234567"
# Neither the CI machine's variables nor anybody's git settings.
CLEAN = {"PATH": os.environ.get("PATH", ""), "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull}
NAMED = {
    f"GIT_{who}_{what}": "ada@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
}


def git(folder: Path, *words: str) -> str:
    command = ["git", "-C", str(folder), *words]
    return subprocess.run(
        command, env=CLEAN | NAMED, check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "--initial-branch=main")
    (folder / "index.html").write_text("one")
    git(folder, "add", ".")
    git(folder, "commit", "-m", "First light\n\nAnd a body — Grüße")
    return folder


def test_a_folder_without_git_and_ci_has_no_commit(tmp_path: Path) -> None:
    assert read_commit(tmp_path, CLEAN) is None


def test_branch_hash_and_message_are_those_of_git(repository: Path) -> None:
    expected = Commit("main", git(repository, "rev-parse", "HEAD"), "First light\n\nAnd a body — Grüße")
    assert read_commit(repository, CLEAN) == expected
    (repository / "dist").mkdir()
    assert read_commit(repository / "dist", CLEAN) == expected


@pytest.mark.parametrize("branch", ["feature/gold-&-red", "straße", "release-1.0", "heads/odd"])
def test_a_branch_keeps_its_name(branch: str, repository: Path) -> None:
    git(repository, "switch", "-c", branch)
    commit = read_commit(repository, CLEAN)
    assert commit
    assert commit.branch == branch


def test_a_tag_of_the_same_name_does_not_change_the_branch(repository: Path) -> None:
    git(repository, "tag", "main")
    commit = read_commit(repository, CLEAN)
    assert commit
    assert commit.branch == "main"


@pytest.mark.parametrize("name", ["index.html", "new.html"])
def test_uncommitted_work_is_dirty(name: str, repository: Path) -> None:
    (repository / name).write_text("changed")
    commit = read_commit(repository, CLEAN)
    assert commit
    assert commit.is_dirty


def test_a_detached_checkout_is_called_by_its_short_hash(repository: Path) -> None:
    git(repository, "checkout", "--detach")
    commit = read_commit(repository, CLEAN)
    assert commit
    assert commit.branch == commit.hash[:7] == git(repository, "rev-parse", "HEAD")[:7]


def test_a_branch_that_is_called_head_is_not(repository: Path) -> None:
    git(repository, "symbolic-ref", "HEAD", "refs/heads/HEAD")
    assert read_commit(repository, CLEAN) is None
    git(repository, "symbolic-ref", "HEAD", "refs/heads/main")
    git(repository, "update-ref", "refs/heads/HEAD", "main")
    git(repository, "symbolic-ref", "HEAD", "refs/heads/HEAD")
    commit = read_commit(repository, CLEAN)
    assert commit
    assert commit.branch == commit.hash[:7]


def test_a_repository_without_commits_has_a_branch_and_no_hash(tmp_path: Path) -> None:
    git(tmp_path, "init", "--initial-branch=trunk")
    assert read_commit(tmp_path, CLEAN) == Commit("trunk")


def test_without_git_the_ci_service_is_asked_only(repository: Path, tmp_path: Path) -> None:
    nowhere = CLEAN | {"PATH": str(tmp_path / "empty")}
    assert read_commit(repository, nowhere) is None
    assert read_commit(repository, nowhere | {"GITHUB_REF_NAME": "main"}) == Commit("main")


def test_a_git_that_fails_is_no_answer(repository: Path, tmp_path: Path) -> None:
    program = tmp_path / "git"
    program.write_text("#!/bin/sh\necho refs/heads/wrong\nexit 3\n")
    program.chmod(0o755)
    assert read_commit(repository, CLEAN | {"PATH": str(tmp_path)}) is None


def test_a_hooks_variables_do_not_lead_elsewhere(repository: Path, tmp_path: Path) -> None:
    hook = CLEAN | {"GIT_DIR": ".git", "GIT_INDEX_FILE": str(tmp_path / "index"), "GIT_WORK_TREE": "/"}
    (repository / "dist").mkdir()
    assert read_commit(repository / "dist", hook) == read_commit(repository, CLEAN)


@pytest.mark.parametrize(
    ("variables", "branch"),
    [
        ({"GITHUB_REF": "refs/heads/main", "GITHUB_REF_NAME": "main", "GITHUB_REF_TYPE": "branch"}, "main"),
        ({"GITHUB_REF_NAME": "feature/x", "GITHUB_REF_TYPE": "branch"}, "feature/x"),
        (
            {"GITHUB_HEAD_REF": "topic", "GITHUB_REF": "refs/pull/7/merge", "GITHUB_REF_NAME": "7/merge"},
            "topic",
        ),
        ({"GITHUB_HEAD_REF": "", "GITHUB_REF_NAME": "main", "GITHUB_REF_TYPE": "branch"}, "main"),
        ({"GITHUB_REF_NAME": "main", "GITHUB_REF_TYPE": "tag", "GITHUB_REF": "refs/tags/main"}, "tag-main"),
        ({"GITHUB_REF": "refs/tags/v1.0"}, "tag-v1.0"),
        ({"CI_COMMIT_REF_NAME": "main"}, "main"),
        ({"CI_COMMIT_REF_NAME": "v2", "CI_COMMIT_TAG": "v2"}, "tag-v2"),
        ({"CI_COMMIT_REF_NAME": "x", "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": "topic"}, "topic"),
        ({"BITBUCKET_BRANCH": "main"}, "main"),
        ({"CIRCLE_BRANCH": "main"}, "main"),
        ({"CIRCLE_TAG": "v3"}, "tag-v3"),
        ({"TRAVIS_BRANCH": "main", "TRAVIS_PULL_REQUEST_BRANCH": "topic"}, "topic"),
        ({"TRAVIS_BRANCH": "main", "TRAVIS_PULL_REQUEST_BRANCH": ""}, "main"),
        ({"TRAVIS_BRANCH": "v4", "TRAVIS_TAG": "v4"}, "tag-v4"),
        ({"BUILDKITE_BRANCH": "main", "BUILDKITE_COMMIT": "HEAD"}, "main"),
        ({"DRONE_BRANCH": "main", "DRONE_SOURCE_BRANCH": "topic"}, "topic"),
        ({"BUILD_SOURCEBRANCH": "refs/heads/feature/y"}, "feature/y"),
        ({"BUILD_SOURCEBRANCH": "refs/tags/v5"}, "tag-v5"),
        (
            {
                "BUILD_SOURCEBRANCH": "refs/pull/9/merge",
                "SYSTEM_PULLREQUEST_SOURCEBRANCH": "refs/heads/topic",
            },
            "topic",
        ),
        ({"APPVEYOR_REPO_BRANCH": "main"}, "main"),
        ({"JENKINS_URL": "http://ci/", "BRANCH_NAME": "PR-3", "CHANGE_BRANCH": "topic"}, "topic"),
        ({"JENKINS_URL": "http://ci/", "GIT_BRANCH": "origin/feature/z"}, "feature/z"),
        ({"SEMAPHORE_GIT_BRANCH": "main", "SEMAPHORE_GIT_PR_BRANCH": "topic"}, "topic"),
        ({"CODEBUILD_WEBHOOK_HEAD_REF": "refs/heads/main"}, "main"),
        ({"VERCEL_GIT_COMMIT_REF": "main"}, "main"),
        ({"NETLIFY": "true", "HEAD": "topic", "BRANCH": "deploy-preview-4"}, "topic"),
        ({"CF_PAGES_BRANCH": "main"}, "main"),
        ({"WORKERS_CI_BRANCH": "main"}, "main"),
    ],
)
def test_the_branch_of_a_ci_service(
    variables: dict[str, str], branch: str, repository: Path, tmp_path: Path
) -> None:
    for folder in (tmp_path, repository):
        commit = read_commit(folder, CLEAN | variables)
        assert commit
        assert commit.branch == branch


@pytest.mark.parametrize(
    "variables",
    [
        {"GITHUB_SHA": HASH},
        {"CI_COMMIT_SHA": HASH, "CI_COMMIT_MESSAGE": "said"},
        {"BITBUCKET_COMMIT": HASH},
        {"CIRCLE_SHA1": HASH},
        {"TRAVIS_COMMIT": HASH, "TRAVIS_PULL_REQUEST_SHA": "", "TRAVIS_COMMIT_MESSAGE": "said"},
        {"BUILDKITE_COMMIT": HASH, "BUILDKITE_MESSAGE": "said"},
        {"DRONE_COMMIT_SHA": HASH, "DRONE_COMMIT_MESSAGE": "said"},
        {"BUILD_SOURCEVERSION": HASH, "BUILD_SOURCEVERSIONMESSAGE": "said"},
        {"APPVEYOR_REPO_COMMIT": HASH, "APPVEYOR_REPO_COMMIT_MESSAGE": "said"},
        {"JENKINS_URL": "http://ci/", "GIT_COMMIT": HASH},
        {"SEMAPHORE_GIT_SHA": HASH},
        {"CODEBUILD_RESOLVED_SOURCE_VERSION": HASH},
        {"VERCEL_GIT_COMMIT_SHA": HASH, "VERCEL_GIT_COMMIT_MESSAGE": "said"},
        {"NETLIFY": "true", "COMMIT_REF": HASH},
        {"CF_PAGES_COMMIT_SHA": HASH},
    ],
)
def test_hash_and_message_of_a_ci_service_and_its_short_form_for_want_of_a_branch(
    variables: dict[str, str], tmp_path: Path
) -> None:
    message = "said" if "said" in variables.values() else ""
    assert read_commit(tmp_path, CLEAN | variables) == Commit(HASH[:7], HASH, message)


def test_a_detached_checkout_in_ci_has_the_branch_of_ci_and_the_message_of_git(repository: Path) -> None:
    git(repository, "checkout", "--detach")
    number = git(repository, "rev-parse", "HEAD")
    said = read_commit(repository, CLEAN | {"GITHUB_REF_NAME": "main", "GITHUB_SHA": number})
    assert said == Commit("main", number, "First light\n\nAnd a body — Grüße")


def test_the_message_of_another_commit_is_not_taken(repository: Path) -> None:
    commit = read_commit(repository, CLEAN | {"GITHUB_SHA": HASH})
    assert commit == Commit("main", HASH, "")


@pytest.mark.parametrize(
    "variables", [{"HEAD": "x", "BRANCH": "y"}, {"BRANCH_NAME": "x"}, {"GITHUB_REF_NAME": ""}]
)
def test_variables_that_anybody_may_set_are_no_ci_service(variables: dict[str, str], tmp_path: Path) -> None:
    assert read_commit(tmp_path, CLEAN | variables) is None


def signed(repository: Path) -> str:
    """The last commit once more, with what looks like a signature, for which git starts a program to check it."""
    head, _, message = git(repository, "cat-file", "commit", "HEAD").partition("\n\n")
    signature = "gpgsig -----BEGIN PGP SIGNATURE-----\n \n iQ\n -----END PGP SIGNATURE-----"
    (repository / ".git" / "signed").write_text(f"{head}\n{signature}\n\n{message}\n")
    return git(repository, "hash-object", "-t", "commit", "-w", ".git/signed")


def test_nothing_that_the_repository_names_is_run(repository: Path, tmp_path: Path) -> None:
    trap, sprung = tmp_path / "trap", tmp_path / "sprung"
    trap.write_text(f'#!/bin/sh\necho "$0 $@" >> {sprung}\ncat\n')
    trap.chmod(0o755)
    (repository / ".gitattributes").write_text("*.html filter=trap\n")
    git(repository, "add", ".gitattributes")
    for setting in ("core.fsmonitor", "filter.trap.clean", "filter.a=b.clean", "gpg.program", "core.pager"):
        git(repository, "config", setting, str(trap))
    git(repository, "config", "log.showSignature", "true")
    git(repository, "update-ref", "HEAD", signed(repository))
    git(repository, "config", "filter.trap.required", "true")
    # Same size, other time: git compares the content, through the filter.
    (repository / "index.html").write_text("two")
    os.utime(repository / "index.html", (1, 1))
    commit = read_commit(repository, CLEAN)
    assert not sprung.exists()
    assert commit
    assert commit.is_dirty
    git(repository, "status")
    assert sprung.exists()


def test_the_index_is_not_written(repository: Path) -> None:
    index = repository / ".git" / "index"
    os.utime(repository / "index.html", (1, 1))
    before = index.read_bytes()
    read_commit(repository, CLEAN)
    assert index.read_bytes() == before
