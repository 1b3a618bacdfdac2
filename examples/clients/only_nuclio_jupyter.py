"""Deploy and call a function on the emulator, with nuclio-jupyter and nothing of pelton.

pelton emulator &
python only_nuclio_jupyter.py http://127.0.0.1:8070
"""

import sys
import tempfile
import urllib.request
from pathlib import Path

import nuclio

SOURCE = """
def handler(context, event):
    context.logger.info("called")
    return context.Response(body="hello " + event.body.decode(), content_type="text/plain")
"""


def main(dashboard: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "greeter.py"
        source.write_text(SOURCE)
        address = nuclio.deploy_file(
            str(source), name="greeter", project="examples", dashboard_url=dashboard, verbose=False
        )
    with urllib.request.urlopen(f"http://{address}", data=b"world", timeout=30) as answer:
        print("answered:", answer.read().decode())
    nuclio.delete_func("greeter", dashboard_url=dashboard)
    print("left:", sorted(nuclio.deploy.list_functions(dashboard)))


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8070")
