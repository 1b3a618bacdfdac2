"""A notebook: its code inside its configuration, or an archive where it adds files.

What a notebook says of its function is the configuration, so nothing of pelton goes along.
"""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

from .. import function_yaml
from ..archive import digest_of, write_zip
from ..content import File, held
from ..errors import BuildError
from ..notebook import Notebook
from ..whole import write_whole
from .base import Artifact, Content, Kind

MODULE = "handler.py"


def files_of(notebook: Notebook) -> dict[str, File]:
    """The files of a notebook's function, by place."""
    added = {place: path.read_bytes() for place, path in notebook.files.items()}
    if MODULE in added:
        raise BuildError(
            f"{notebook.path.name} adds a file {MODULE}, where its own code goes; rename it"
        )
    return held({MODULE: notebook.code.encode(), **added})


def _check(_: Content) -> None:
    """What a notebook's configuration holds is the notebook's to say."""


def _write(content: Content, out: Path, cache: Path) -> Artifact:
    notebook: Any = content.function.user_function
    config = json.loads(json.dumps(notebook.config))
    source = content.files[MODULE].read()
    if len(content.files) > 1:
        path = content.path(out, ".zip")
        sha256 = write_zip(content.files, path)
        config["spec"]["build"]["codeEntryType"] = "archive"
    else:
        path = content.path(out, ".py")
        write_whole(path, source)
        sha256 = hashlib.sha256(source).hexdigest()
        config["spec"]["build"]["functionSourceCode"] = base64.b64encode(source).decode()
    yaml = content.path(out, ".yaml")
    function_yaml.write(config, yaml)
    return _artifact(content, config, path, sha256, yaml)


def _artifact(
    content: Content, config: dict[str, Any], path: Path, sha256: str, yaml: Path
) -> Artifact:
    """Of an archive the configuration has no address: that is for who uploads it to say."""
    return Artifact(
        function=content.function.name,
        target=content.target,
        path=path,
        sha256=sha256,
        digest=digest_of(content.files),
        handler=config["spec"]["handler"],
        runtime=config["spec"]["runtime"],
        report=content.report(path.stat().st_size),
        spec=config,
        build_commands=tuple(config["spec"]["build"].get("commands") or ()),
        package="archive" if path.suffix == ".zip" else "sourceCode",
        beside=(yaml,),
    )


KIND = Kind("nuclio", "notebook", False, _check, _write, bytecode=False)
