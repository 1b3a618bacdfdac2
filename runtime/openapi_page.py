"""A page that shows an OpenAPI document: nothing from elsewhere, and a form to try a route."""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape
from typing import Any

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
  color: #1b1f24; background: #fff }
h1 { font-size: 1.5rem } h2 { font-size: 1.1rem; margin: 2rem 0 .25rem }
details { border: 1px solid #d0d7de; border-radius: 6px; margin: .5rem 0 } summary { padding: .5rem
  .75rem; cursor: pointer } details > div { padding: 0 .75rem .75rem }
b.method { display: inline-block; min-width: 3.5rem; color: #0550ae; text-transform: uppercase }
pre, textarea { font: 13px/1.4 ui-monospace, monospace; background: #f6f8fa; padding: .5rem;
  border: 0; border-radius: 4px; overflow: auto; width: 100%; box-sizing: border-box }
button { margin: .25rem 0 } small { color: #57606a }
"""
_SCRIPT = """
for (const form of document.querySelectorAll("form")) form.onsubmit = async event => {
  event.preventDefault();
  const out = form.querySelector("output pre"), path = form.path.value;
  const body = form.body && form.body.value;
  const wanted = {method: form.dataset.method, headers: {accept: "*/*"}};
  if (body) { wanted.body = body; wanted.headers["content-type"] = form.dataset.type }
  try {
    const answer = await fetch(path, wanted), reader = answer.body.getReader();
    const text = new TextDecoder();
    out.textContent = answer.status + " " + answer.statusText + "\\n";
    for (let part; !(part = await reader.read()).done;) out.textContent += text.decode(part.value);
  } catch (error) { out.textContent += error }
};
"""


def page(document: Mapping[str, Any]) -> str:
    """The document as HTML.

    >>> made = page({"info": {"title": "a <b>"}, "paths": {"/x": {"get": {"operationId": "x"}}}})
    >>> "<h1>a &lt;b&gt;</h1>" in made, "/x" in made
    (True, True)
    """
    title = escape(document["info"]["title"])
    routes = "".join(
        _route(path, method, each)
        for path, operations in document["paths"].items()
        for method, each in operations.items()
    )
    named = document.get("components", {}).get("schemas", {})
    schemas = "".join(_schema(name, each) for name, each in named.items())
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
        f"<style>{_STYLE}</style><h1>{title}</h1>"
        f'<p><small>Made of <a href="/openapi.json">/openapi.json</a>.</small></p>'
        f"<h2>Routes</h2>{routes}<h2>Types</h2>{schemas}<script>{_SCRIPT}</script></html>"
    )


def _route(path: str, method: str, operation: Mapping[str, Any]) -> str:
    content = operation.get("requestBody", {}).get("content", {})
    kind = next(iter(content), "application/json")
    takes = f"<p>Takes {escape(kind)}</p>{_shown(content[kind]['schema'])}" if content else ""
    body = '<textarea name="body" rows="4"></textarea>' if content else ""
    gives = "".join(
        f"<p>{escape(status)}: {escape(said.get('description', ''))}</p>"
        + "".join(_shown(each["schema"]) for each in list(said.get("content", {}).values())[:1])
        for status, said in operation.get("responses", {}).items()
        if status == "200"
    )
    return (
        f'<details><summary><b class="method">{escape(method)}</b> {escape(path)} '
        f"<small>{escape(operation.get('summary', ''))}</small></summary><div>{takes}{gives}"
        f'<form data-method="{escape(method.upper())}" data-type="{escape(kind)}">'
        f'<input name="path" size="60" value="{escape(path)}">{body}'
        f"<button>Try it</button><output><pre></pre></output></form></div></details>"
    )


def _schema(name: str, schema: Any) -> str:
    return f"<details><summary>{escape(name)}</summary><div>{_shown(schema)}</div></details>"


def _shown(schema: Any) -> str:
    return f"<pre>{escape(json.dumps(schema, indent=2))}</pre>"
