"""A table of the run in Markdown."""

from pathlib import Path

from nn_core import ConfigError


class ReportCard:
    """Writes the history of a run as a table in Markdown, when training ends.

    Args:
        path: of the file, in a folder that exists; an older file is replaced.

    Raises:
        ConfigError: the folder does not exist, which is said before training begins.
    """

    def __init__(self, path):
        self.path = Path(path)

    def on_fit_start(self, state):
        if not self.path.parent.is_dir():
            raise ConfigError(f"ReportCard: there is no folder {str(self.path.parent)!r} for {self.path.name!r}.")

    def on_fit_end(self, state):
        rows = state.history.rows
        columns = list(dict.fromkeys(name for row in rows for name in row))
        lines = [columns, ["---"] * len(columns)]
        lines += [[format(row[name], ".4g") if name in row else "" for name in columns] for row in rows]
        text = "".join(f"| {' | '.join(line)} |\n" for line in lines)
        self.path.write_text(text, encoding="utf-8")
