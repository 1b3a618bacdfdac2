"""The real nuclio-jupyter against the emulator: its functions, its notebooks, its command line.

One process runs all that one program of its user would, as the client takes seconds to be loaded;
its exporter of notebooks is loaded once more for each, so they are for the slow run.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pelton.pytest_plugin import RunningEmulator

from .nuclio_support import Client
from .test_nuclio_builds import served, wheel, zipped

DEPLOYS = """
import json, sys
from pathlib import Path
import nuclio
from nuclio import deploy

url, folder, wheels, archive = sys.argv[1:]
told = {}

# code in a string, with triggers, variables and build commands
spec = nuclio.ConfigSpec(
    env={"WORD": "env"}, cmd=[f"pip install --no-index --find-links {wheels} tiny==1.0"]
)
spec.add_trigger("web", nuclio.triggers.HttpTrigger(workers=2))
spec.add_trigger("tick", nuclio.triggers.CronTrigger(interval="1h", body="tick"))
code = (
    "import os, tiny\\n"
    "def handler(context, event):\\n"
    "    return os.environ['WORD'] + ' ' + tiny.VERSION\\n"
)
common = {"dashboard_url": url, "project": "jupyter"}
(address,) = nuclio.deploy_code(code, name="code", spec=spec, **common)
told["code"] = address

# a file; then the same again, which is an update
source = Path(folder) / "from_file.py"
for word in ("first", "second"):
    source.write_text(f"def handler(context, event):\\n    return {word!r}\\n")
    told[word] = nuclio.deploy_file(str(source), name="file", **common)

# an archive, whose function.yaml says the rest
told["archive"] = nuclio.deploy_file(archive, name="zipped", **common)

# what is built without being deployed
name, config, text = nuclio.build_file(str(source), name="only-built")
told["built"] = [name, config["spec"]["handler"], text]

spec = nuclio.ConfigSpec()
spec.set_config("spec.triggers.hub", {"kind": "eventhub"})
try:
    nuclio.deploy_code("def handler(c, e): ...", name="hub", spec=spec, **common)
except nuclio.utils.DeployError:
    pass
status = deploy.get_deploy_status(f"{url}/api", "hub")
told["hub status"] = [status[0], status[3][0]]
told["status"] = list(deploy.get_deploy_status(f"{url}/api", "file", last_time=1)[:2])

try:  # a footer of mlrun's, which is not here
    nuclio.deploy_model({"m": "/m"}, str(source), "Model", name="served", **common)
except nuclio.utils.DeployError:
    told["model status"] = deploy.get_function_status(f"{url}/api", "served")["message"]

told["listed"] = sorted(deploy.list_functions(url))
nuclio.delete_func("code", dashboard_url=url)
told["left"] = sorted(deploy.list_functions(url, namespace="nuclio"))
try:
    nuclio.deploy_code("x", name="file", project="other", dashboard_url=url)
except nuclio.utils.DeployError as error:
    told["other project"] = str(error)
print("TOLD" + json.dumps(told))
"""
NOTEBOOKS = """
import json, os, sys
from pathlib import Path
from IPython.core.interactiveshell import InteractiveShell

shell = InteractiveShell.instance()  # before nuclio, which adds its magics to one that is there
import nuclio

url, folder, *_ = sys.argv[1:]
told = {}

# through the exporter, which is another process
common = {"dashboard_url": url, "project": "jupyter"}
for name in ("model", "mounted"):
    try:
        nuclio.deploy_file(str(Path(folder) / f"{name}.ipynb"), name=name, **common)
    except nuclio.utils.DeployError as error:
        told[name] = str(error)

# the magics, as a notebook runs them, which knows its own name
os.environ["JUPYTER_NOTEBOOK_FILE_NAME"] = f"{folder}/model.ipynb"
for line in ("env LIVE=set", "cmd touch made-by-cmd", f"deploy -n magic -p jupyter -d {url}",
              f"build {folder}/model.ipynb -n magic -o {folder}/built"):
    told[line.split()[0]] = shell.run_line_magic("nuclio", line)
told["live"] = [os.environ["LIVE"], Path("made-by-cmd").exists(), Path("built").is_dir()]
print("TOLD" + json.dumps(told))
"""
CELLS = [
    "# nuclio: ignore\nraise RuntimeError('not in the function')",
    "import nuclio",
    "%nuclio cmd -c pip install --no-index --find-links WHEELS tiny==2.0",
    "%%nuclio cmd -c\necho one > one\necho two > two",
    "%nuclio env -c A=line",
    "%%nuclio env -c\nB=cell\nC=cell",
    "%nuclio env_file ENVFILE",
    '%%nuclio config\nspec.triggers.web.kind = "http"\nspec.triggers.web.maxWorkers = 2\n'
    'spec.build.baseImage = "python:3.11"',
    "# nuclio: start-code",
    "import os\nimport tiny",
    "def handler(context, event):\n"
    "    words = [os.environ[name] for name in 'ABCD']\n"
    "    return ' '.join([*words, tiny.VERSION, open('one').read().strip()])",
    "# nuclio: end-code",
    "raise RuntimeError('not in the function, either')",
]
MOUNTED = ["%nuclio mount /data ~/data -k key", "def handler(context, event):\n    return 'x'"]


def notebook(path: Path, cells: list[str]) -> None:
    made: list[dict[str, Any]] = [
        {
            "cell_type": "code", "execution_count": None, "id": f"c{number}", "metadata": {},
            "outputs": [], "source": cell,
        }
        for number, cell in enumerate(cells)
    ]  # fmt: skip
    path.write_text(json.dumps({"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))


@pytest.fixture(scope="module")
def run(
    module_emulator: RunningEmulator, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], dict[str, Any]]]:
    """Runs a program of the client's user, in a folder with all that it may need: what it told."""
    folder = tmp_path_factory.mktemp("jupyter")
    for version in ("1.0", "2.0"):
        wheel(folder, "tiny", version, f"VERSION = {version!r}\n")
    (folder / "some.env").write_text("D=file\n")
    replaced = {"WHEELS": str(folder), "ENVFILE": str(folder / "some.env")}
    cells = list(CELLS)
    for word, value in replaced.items():
        cells = [each.replace(word, value) for each in cells]
    notebook(folder / "model.ipynb", cells)
    notebook(folder / "mounted.ipynb", MOUNTED)
    config = "metadata: {}\nspec:\n  handler: main:handler\n  runtime: python\n"
    code = "def handler(context, event):\n    return 'zipped'\n"
    pages = {"/f.zip": zipped({"main.py": code, "function.yaml": config})}
    with served(pages) as url:
        given = [module_emulator.nuclio_url, str(folder), str(folder), f"{url}/f.zip"]
        yield lambda program: _told(program, folder, given)


def _told(program: str, folder: Path, given: list[str]) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program, *given],
        capture_output=True, text=True, timeout=110, check=False, cwd=folder,
        env={**os.environ, "IPYTHONDIR": str(folder / "ipython")},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    (line,) = [each for each in done.stdout.splitlines() if each.startswith("TOLD")]
    told: dict[str, Any] = json.loads(line.removeprefix("TOLD"))
    return told


@pytest.fixture(scope="module")
def told(run: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
    return run(DEPLOYS)


@pytest.fixture(scope="module")
def client(module_emulator: RunningEmulator) -> Iterator[Client]:
    made = Client(module_emulator)
    yield made
    made.close()


@pytest.mark.fidelity(
    "Nuclio",
    "nuclio-jupyter 0.13.2: deploy_code, deploy_file (source, notebook, archive), build_file, "
    "delete_func, list_functions, get_deploy_status; HTTP and cron triggers, variables, commands",
)
def test_its_functions(told: dict[str, Any], client: Client) -> None:
    assert {"code", "file", "hub", "served", "zipped"} <= set(told["listed"])
    assert [each for each in told["listed"] if each != "code"] == told["left"]
    assert client.invoke("file").text == "second"
    assert told["first"] == told["second"] == told["status"][1], "the address stays"
    assert told["status"][0] == "ready"
    assert client.invoke("zipped").text == "zipped"
    assert told["built"][:2] == ["only-built", "from-file-nuclio:handler"]
    assert "under a different project (jupyter)" in told["other project"]
    assert told["code"].startswith("127.0.0.1:")


@pytest.mark.slow
@pytest.mark.fidelity(
    "Nuclio",
    "notebooks through nuclio-jupyter's exporter: cmd, env, env_file, config, mount; ignore, "
    "start-code, end-code; the magics deploy, build, cmd, env as a notebook runs them",
)
def test_its_notebooks(run: Callable[[str], dict[str, Any]], client: Client) -> None:
    told = run(NOTEBOOKS)
    assert client.invoke("model").text == "line cell cell file 2.0 one"
    assert client.invoke("magic").text == "line cell cell file 2.0 one"
    assert told["live"] == ["set", True, True]
    shown = client.ask("GET", "/functions/magic").json()["spec"]
    assert shown["triggers"]["web"] == {"kind": "http", "maxWorkers": 2}
    assert client.status("mounted")["state"] == "error"
    assert "v3io/fuse" in client.status("mounted")["message"]


def test_what_it_asks_for_and_is_not_here(told: dict[str, Any]) -> None:
    state, message = told["hub status"]
    assert state == "error" and "eventhub" in message
    assert "No module named 'mlrun'" in told["model status"]
