"""Everything that can go wrong, as one small tree.

    WebMintError                exit 1
    ├── UsageError              exit 2    the command or a setting makes no sense
    ├── KeyMissing              exit 4    no key where one is needed
    ├── ProviderError           exit 1    the model's server said no, for good
    │   ├── KeyRejected         exit 4
    │   └── Unavailable         exit 5    worth trying again
    ├── Unusable                exit 3    the reply is whole, but is not a site
    │   └── Incomplete          exit 3    the reply was cut; `reason` says by what
    ├── StorageError            exit 1    a file could not be read or written
    ├── NotDeployable           exit 3    the folder is not fit to be published
    ├── TargetRefused           exit 6    the host refused the deployment
    │   ├── TokenRejected       exit 4    the token is wrong, or may not do this
    │   └── TargetUnavailable   exit 5    worth trying again
    └── Unconfirmed             exit 7    deployed, but what is served was not verified

Inside the process a failure is one of these. It becomes an `error` event only where the stream leaves it.
"""

from collections.abc import Mapping
from enum import IntEnum
from typing import ClassVar, Literal, TypeAlias

Reason: TypeAlias = Literal["length", "dropped", "stopped", "timeout", "content_filter"]


class ExitCode(IntEnum):
    """What the shell is told."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    INCOMPLETE = 3
    KEY = 4
    TEMPORARY = 5
    REFUSED = 6
    UNCONFIRMED = 7
    INTERRUPTED = 130
    TERMINATED = 143


class WebMintError(Exception):
    """A failure that a person can act on.

    `message` is one sentence without a period, `hint` what to type or change next, `code` a stable
    snake_case name for programs. `partial` maps path to text for what had been received. `job` is the one that
    failed, where a stream has several.
    """

    code: str = "failed"
    job: str | None = None
    exit_code: ClassVar[ExitCode] = ExitCode.FAILED
    retryable: ClassVar[bool] = False

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        code: str = "",
        reason: Reason | None = None,
        partial: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code or self.code
        self.reason = reason
        self.partial = dict(partial or {})


class UsageError(WebMintError):
    code = "usage"
    exit_code = ExitCode.USAGE


class KeyMissing(WebMintError):
    code = "key_missing"
    exit_code = ExitCode.KEY


class ProviderError(WebMintError):
    code = "provider"


class KeyRejected(ProviderError):
    code = "key_rejected"
    exit_code = ExitCode.KEY


class Unavailable(ProviderError):
    code = "unavailable"
    exit_code = ExitCode.TEMPORARY
    retryable = True


class Unusable(WebMintError):
    code = "no_site"
    exit_code = ExitCode.INCOMPLETE


class Incomplete(Unusable):
    code = "incomplete"


class StorageError(WebMintError):
    code = "storage"


class NotDeployable(WebMintError):
    code = "not_deployable"
    exit_code = ExitCode.INCOMPLETE


class TargetRefused(WebMintError):
    code = "refused"
    exit_code = ExitCode.REFUSED


class TokenRejected(TargetRefused):
    code = "token_rejected"
    exit_code = ExitCode.KEY


class TargetUnavailable(TargetRefused):
    code = "target_unavailable"
    exit_code = ExitCode.TEMPORARY
    retryable = True


class Unconfirmed(WebMintError):
    code = "unconfirmed"
    exit_code = ExitCode.UNCONFIRMED
