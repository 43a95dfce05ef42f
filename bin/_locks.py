"""Write the lock files from pyproject.toml, or say whether they are current."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COMPILE = ("uv", "pip", "compile", "pyproject.toml", "--universal", "--generate-hashes", "--python-version", "3.11",
           "--no-header", "--no-config", "--quiet")  # fmt: skip


def main(check: bool) -> int:
    """Compile both files; with ``check`` into copies that are compared. What is locked stays unless it must move."""
    stale = []
    with tempfile.TemporaryDirectory() as folder:
        for name, more in (("requirements.lock", ()), ("requirements-dev.lock", ("--extra", "dev"))):
            target = Path(folder) / name if check else ROOT / name
            if check and (ROOT / name).exists():
                shutil.copy(ROOT / name, target)
            before = (ROOT / name).read_bytes() if (ROOT / name).exists() else b""
            constraint = ("--constraint", "requirements.lock") if more else ()
            subprocess.run((*COMPILE, *more, *constraint, "--output-file", str(target)), cwd=ROOT, check=True)
            if check and target.read_bytes() != before:
                stale.append(name)
    if stale:
        sys.stderr.write(f"{' and '.join(stale)} do not match pyproject.toml. Run bin/fix.\n")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv[1:]))
