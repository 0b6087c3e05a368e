"""Run every notebook from top to bottom, as `make notebooks` and CI do.

``python -m notebooks.run 01`` runs those whose name starts with 01;
``--keep FOLDER`` leaves the executed .ipynb files there.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

HERE = Path(__file__).parent
SECONDS_PER_CELL = 300


def main() -> int:
    """Run the notebooks; return the number that failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("prefix", nargs="?", default="")
    parser.add_argument("--keep", type=Path)
    arguments = parser.parse_args()
    paths = sorted(HERE.glob(f"{arguments.prefix or '[0-9]'}*.py"))
    if not paths:
        print(f"no notebook starts with {arguments.prefix!r}", file=sys.stderr)
        return 1
    failed = [path.name for path in paths if not run(path, arguments.keep)]
    print(f"{len(paths) - len(failed)} passed, {len(failed)} failed")
    return len(failed)


def run(path: Path, keep: Path | None) -> bool:
    """Execute one notebook in an empty folder; say how long it took."""
    notebook = jupytext.read(path)
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        client = NotebookClient(
            notebook,
            timeout=SECONDS_PER_CELL,
            kernel_name="python3",
            resources={"metadata": {"path": folder}},
        )
        try:
            client.execute()
        except CellExecutionError as error:
            print(f"{path.name}: {error}", file=sys.stderr)
            return False
    print(f"{path.name}: {time.perf_counter() - started:.1f} s")
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, keep / f"{path.stem}.ipynb")
    return True


if __name__ == "__main__":
    sys.exit(main())
