"""Is a site fit to be published? Answered before anything is sent, without network.

All that is wrong is said at once, each file by its name, with what to type to go on; what is left out is said too.
"""

import math
import shlex
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import accumulate
from pathlib import Path

from webmint_cli.errors import NotDeployable, StorageError, UsageError
from webmint_cli.hosting.headers import parse_headers
from webmint_cli.hosting.redirects import parse_redirects
from webmint_cli.site import Site
from webmint_cli.targets import secrets
from webmint_cli.targets.listing import (
    NAMED,
    RULES,
    Listing,
    Policy,
    Problem,
    Reason,
    flags,
    listing,
    shown,
)
from webmint_cli.targets.target import MIB, Asset, Capacity, Tree

# What is allowed by a word, where no path says it.
NO_INDEX = "no-index"
MANY_FILES = "many-files"

_ADVICE = {
    "no_index": "name the first page index.html",
    "file_too_large": "make it smaller, or keep it elsewhere and link to it",
    "too_many_files": "publish fewer files",
    "secret": "take it out of the folder",
    "link": "put the file itself there",
    "bad_rules": "correct these lines",
    "bad_name": "rename it",
    "unreadable": "make it readable: chmod u+rX",
}


def preflight(
    folder: Path, capacity: Capacity, *, allow: Collection[str] = (), wrangler_compat: bool = False
) -> Tree:
    """The site in a folder, as it will be published on a host of this capacity.

    `allow`: paths or globs of what is let through by name, and the words `no-index` and `many-files`.
    `wrangler_compat`: the file set of wrangler, with hidden files; secrets and links out of the folder are refused
    all the same. Raises UsageError where there is no folder, NotDeployable for one that is not fit.
    """
    _expect_folder(folder)
    policy = Policy(capacity.rules, wrangler_compat, tuple(allow))
    found = listing(folder, policy)
    if not found.files and not found.problems:
        raise _empty(folder, found)
    assets = [asset for asset in found.files if not _is_rules(asset, policy)]
    rules = [asset for asset in found.files if _is_rules(asset, policy)]
    problems = [*found.problems, *_outline(folder, assets, capacity, policy)]
    if not any(problem.code == "too_many_files" for problem in problems):
        problems += [*_kept_secrets(folder, found, policy), *_broken_rules(rules)]
    if problems:
        raise _refusal(folder, problems)
    return Tree(tuple(assets), {asset.path: asset.read() for asset in rules}, found.notes())


def tree_of(site: Site) -> Tree:
    """A site in memory as it will be published: less what is left out of a folder, too."""
    policy, found, rules = Policy(rules=True), Listing(), {}
    for path, data in sorted(site.encoded().items()):
        reasons = (policy.reason(place) for place in accumulate(path.split("/"), "{}/{}".format))
        if reason := next(filter(None, reasons), None):
            found.leave_out(reason, path)
        elif path in RULES:
            rules[path] = data
        else:
            found.files.append(Asset(path, len(data), data))
    return Tree(tuple(found.files), rules, found.notes())


def _is_rules(asset: Asset, policy: Policy) -> bool:
    return policy.rules and asset.path in RULES


def _expect_folder(folder: Path) -> None:
    if folder.is_dir():
        return
    if folder.exists():
        raise UsageError(
            f"{shown(str(folder))} is a file, not a folder",
            hint=f"give the folder it is in: webmint deploy {shown(shlex.quote(str(folder.parent)))}",
        )
    raise UsageError(
        f"there is no folder {shown(str(folder))}",
        hint='check the path, or make a site first: webmint generate "A bakery in Lyon"',
    )


def _empty(folder: Path, found: Listing) -> NotDeployable:
    notes = "; ".join(found.notes())
    return NotDeployable(
        f"there is nothing to publish in {shown(str(folder))}",
        code="empty",
        hint=notes or "put an index.html into it, or give another folder: webmint deploy DIR",
    )


def _outline(folder: Path, assets: Sequence[Asset], capacity: Capacity, policy: Policy) -> Iterator[Problem]:
    """What is wrong with the files as far as names and sizes tell."""
    if not (folder / "index.html").is_file() and NO_INDEX not in policy.allow:
        yield Problem("no_index", f"there is no index.html at the root{_elsewhere(assets)}", NO_INDEX)
    if len(assets) > capacity.files and MANY_FILES not in policy.allow:
        what = f"there are {len(assets):,} files, and this host takes {capacity.files:,}"
        yield Problem("too_many_files", what, MANY_FILES)
    for asset in assets:
        if asset.size > capacity.file:
            size = f"{_mib(asset.size)}, and this host takes {_mib(capacity.file)} a file"
            yield Problem("file_too_large", f"{shown(asset.path)} has {size}")


def _elsewhere(assets: Iterable[Asset]) -> str:
    """The folder that was probably meant."""
    folders = [
        asset.path.removesuffix("/index.html") for asset in assets if asset.path.endswith("/index.html")
    ]
    return f" (there is one in {shown(folders[0])})" if len(folders) == 1 else ""


def _mib(size: int) -> str:
    """Rounded up, so that what is too large by a byte is seen to be."""
    return f"{math.ceil(size * 10 / MIB) / 10:.1f}".removesuffix(".0") + " MiB"


def _kept_secrets(folder: Path, found: Listing, policy: Policy) -> Iterator[Problem]:
    """Secrets among the files, and hidden ones beside them: they are about to be published by the next mistake."""
    for asset in found.files:
        if not policy.permits(asset.path):
            yield from _secret(asset.path, folder / asset.path, found.linked.get(asset.path, ""))
    for path in found.left_out.get(Reason.HIDDEN, ()):
        kind = None if path.endswith("/") else secrets.by_name(path)
        if kind and not policy.permits(path):
            yield _holding(path, kind)


def _secret(path: str, source: Path, real: str) -> Iterator[Problem]:
    try:
        data = secrets.read_text(source)
    except OSError as error:
        yield Problem("unreadable", f"{shown(path)} can't be read ({error.strerror or error})")
        return
    if kind := secrets.by_name(path) or secrets.by_name(real) or secrets.by_content(path, data):
        yield _holding(path, kind)


def _holding(path: str, kind: str) -> Problem:
    return Problem("secret", f"{shown(path)} holds {kind}", path)


def _broken_rules(rules: Iterable[Asset]) -> Iterator[Problem]:
    for asset in rules:
        try:
            text = asset.read().decode("utf-8")
        except StorageError:
            continue  # said already
        except UnicodeDecodeError:
            yield Problem("bad_rules", f"{asset.path} is not UTF-8")
            continue
        parsed = parse_headers(text) if asset.path == "_headers" else parse_redirects(text)
        for problem in parsed.problems:
            yield Problem("bad_rules", f"{asset.path} line {problem.line}: {problem.reason}")


def _refusal(folder: Path, problems: Sequence[Problem]) -> NotDeployable:
    codes = list(dict.fromkeys(problem.code for problem in problems))
    more = f"; and {len(problems) - NAMED:,} more" if len(problems) > NAMED else ""
    said = "; ".join(problem.what for problem in problems[:NAMED])
    return NotDeployable(
        f"{shown(str(folder))} can't be published: {said}{more}",
        code=codes[0] if len(codes) == 1 else "",
        hint="; ".join(_advice(code, [each for each in problems if each.code == code]) for code in codes),
    )


def _advice(code: str, problems: Sequence[Problem]) -> str:
    words = [problem.allow for problem in problems if problem.allow][:NAMED]
    return f"{_ADVICE[code]}, or publish all the same: {flags(words)}" if words else _ADVICE[code]
