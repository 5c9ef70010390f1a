"""Write docs/plugins/hooks.md, the reference of every hook, from the hookspecs and the specs themselves."""

from __future__ import annotations

import inspect
from pathlib import Path

from attrs import NOTHING, fields

from nn_core import hookspecs
from nn_core.plugins import HOOKS, NN_API

START = f"""# Every hook

API {NN_API}. A hook is a function in the plugin module, marked with `@hookimpl`, that takes nothing and returns an
iterable of its spec: a generator is the natural form. `name` is snake_case, `target` is `module:Name`, `summary` one
sentence. This page is written by [make_hooks.py](../make_hooks.py), and our tests compare the two.
"""


def page() -> str:
    """Return the reference as Markdown."""
    parts = [START]
    for name, spec in HOOKS.items():
        about, _, example = inspect.cleandoc(getattr(hookspecs, name).__doc__).partition("::")
        rows = ""
        for field in fields(spec):
            default = "required" if field.default is NOTHING else f"`{field.default!r}`"
            rows += f"| `{field.name}` | `{field.type}` | {default} |\n"
        words = f"## {name}\n\n{about.strip()} Yields `{spec.__name__}`: {inspect.cleandoc(spec.__doc__ or '')}\n"
        table = f"| field | type | default |\n|---|---|---|\n{rows}"
        parts.append(f"{words}\n{table}\n```python\n{inspect.cleandoc(example)}\n```\n")
    return "\n".join(parts)


if __name__ == "__main__":
    (Path(__file__).parent / "plugins" / "hooks.md").write_text(page(), encoding="utf-8")
