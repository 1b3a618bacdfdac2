"""Event source mappings: one source a file, all of one shape (a `KIND`), and what polls them.

`kinds` finds the source that a request names; `queue_poller` and `stream_poller` read through the
services' public APIs; `shards`, `windows`, `partial` and `patterns` are rules without a socket.
"""
