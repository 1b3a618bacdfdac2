"""Runs `pelton` commands, each in a fork of this process; one JSON list of words a line of input,
with the cache to use before them; prints the exit code and what was printed, as JSON."""

import json
import os
import sys
from importlib import import_module

from pelton.cli import warm


def main() -> None:
    for name in ("pelton.builders.make", "pelton.deploy.environments"):
        import_module(name)  # once, for all of them
    for line in sys.stdin:
        os.environ["XDG_CACHE_HOME"], *words = json.loads(line)
        done = warm.run(words)
        print(json.dumps([done.code, done.said]), flush=True)


if __name__ == "__main__":
    main()
