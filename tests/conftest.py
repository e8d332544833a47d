"""What holds for all tests."""

import signal

# A shell ignores Ctrl-C for what it starts in the background, and so would every command that the tests start.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
