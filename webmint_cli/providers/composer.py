"""The embedded composer as a provider: the same contract, the same parser, no model and no network."""

from collections.abc import AsyncGenerator

from webmint_cli.providers.provider import Finish, ReplyPart, Request, Text
from webmint_cli.reply.contract import write_reply

_PIECE = 256
_REPEATED = 512


class ComposerProvider:
    """Deterministic for prompt and seed, so the rest of a cut reply is what stands behind it."""

    name = "composer"
    model = "composer"

    async def stream(self, request: Request) -> AsyncGenerator[ReplyPart, None]:
        from webmint_cli.composer import compose

        composition = compose(request.prompt, seed=request.seed or 0)
        reply = "".join(write_reply(composition.plan, composition.files))
        start = max(0, len(request.text) - _REPEATED) if reply.startswith(request.text) else 0
        for at in range(start, len(reply), _PIECE):
            yield Text(reply[at : at + _PIECE])
        yield Finish("stop")
