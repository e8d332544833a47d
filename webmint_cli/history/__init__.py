"""The history: what was generated and deployed, on this machine, for nobody else.

`index` reads the records of runs and deployments into `store`, one SQLite file; lists, `search` and `stats` ask that
file alone, `versions` is how a site came to be. `reader`, `merge` and `writer` carry histories between machines and
browsers, in the exchange format 1.0.
"""
