"""Where a site can be put: a target is a name and `deploy`, told apart in `registry`, confirmed by `verification`."""
