"""/var/runtime/bootstrap.py: how the runtime starts as a new process, after a wrapper script.

Copied into the runtime folder (runtime_folder.FORM tells which form it has).  What the interpreter
itself has made of PYTHONPATH and of its options stays; the task root and the layers come first.
It imports the standard library only (of Python 3.10 or newer), and nothing of pelton.
"""

import os
import sys


def start() -> None:
    """Run the runtime client until the sandbox ends."""
    runtime = os.path.dirname(os.path.abspath(__file__))
    task = os.environ["LAMBDA_TASK_ROOT"]
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    folders = [task]
    for layer in filter(None, os.environ.pop("_PELTON_LAYERS", "/opt").split(":")):
        folders += [f"{layer}/python/lib/{version}/site-packages", f"{layer}/python"]
    sys.path[:] = dict.fromkeys([*folders, runtime, *sys.path])
    log = os.environ.get("_LAMBDA_TELEMETRY_LOG_FD")
    if log is not None:
        os.set_inheritable(int(log), False)  # children of the function do not write frames
    sys.argv[:] = ["awslambdaric", os.environ["_HANDLER"]]
    from awslambdaric.__main__ import main

    main(sys.argv)


if __name__ == "__main__":
    start()
