"""``python -m optarb.cli``: the command, for where its script is not on PATH."""

from __future__ import annotations

from optarb.cli import main

if __name__ == "__main__":
    main()
