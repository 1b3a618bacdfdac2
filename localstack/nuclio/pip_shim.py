"""`pip` inside a build: uv's, in the environment of VIRTUAL_ENV.

Options that only say how pip itself behaves are left out; all others are uv's to know, which names
those that it does not.  It runs on the function's Python and imports the standard library.
"""

import os
import sys

ALONE = (
    "--no-cache-dir",
    "--user",
    "--disable-pip-version-check",
    "--no-input",
    "--no-warn-script-location",
    "--no-warn-conflicts",
    "--prefer-binary",
    "--no-python-version-warning",
)
WITH_VALUE = ("--progress-bar", "--root-user-action", "--timeout", "--retries")


def words(given: "list[str]") -> "list[str]":
    kept, skipped = [], False
    for word in given:
        if skipped:
            skipped = False
        elif word in WITH_VALUE:
            skipped = True
        elif word not in ALONE and word.partition("=")[0] not in WITH_VALUE:
            kept.append(word)
    return kept


if __name__ == "__main__":
    uv = os.environ["PELTON_UV"]
    os.execv(uv, [uv, "pip", *words(sys.argv[1:])])
