"""List the tables of a run before anything has run: Snakemake declares them as outputs.

A table is a module of results/tables/ with an entry `TABLE`, which is read without running it.
"""

from collections.abc import Collection

from faceoff.layout import PACKAGE
from faceoff.plugins import entries

FOLDER = PACKAGE / "results" / "tables"
SUFFIXES = ("csv", "md", "tex")  # of the files of a table


def table_names(met: Collection[str]) -> list[str]:
    """Return the names of the tables of a run, sorted.

    met: which needs of tables the run meets (latency, multiverse, over_time, signals).
    """
    paths = entries.modules(FOLDER, "TABLE")
    needs = {path.stem: entries.arguments(path, "TABLE").get("needs", ()) for path in paths}
    return [name for name, wanted in needs.items() if set(wanted) <= set(met)]
