# What every script of bin/ begins with; sourced, after `self` was set to the script's real path.
#
#   . "$(dirname -- "$self")/_environment.sh"
#   environment run      the packages that the product needs        (requirements.lock)
#   environment dev      those and the tools to work on it          (requirements-dev.lock)
#
# Sets `root`, the folder of this clone, and `python`, the interpreter in its .venv. Making .venv takes a while once;
# after that, two comparisons of files tell that nothing changed.

root=$(CDPATH='' cd -- "$(dirname -- "$self")/.." && pwd -P) || exit 1
python=$root/.venv/bin/python

say() {
    printf '%s\n' "$*" >&2
}

# The first Python that is new enough. A name may be there and not run (a shim for a version that is not installed).
find_python() {
    for candidate in python3.13 python3.12 python3.11 python3 python3.14; do
        if command -v "$candidate" >/dev/null 2>&1 &&
            "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
            printf '%s\n' "$candidate"
            return 0
        fi
    done
    found=$(python3 --version 2>/dev/null) || found='no python3 at all'
    say "Rowhouse needs Python 3.11 or later, and this machine has $found."
    say "Install one and try again:"
    say "  Debian, Ubuntu   sudo apt-get install python3 python3-venv"
    say "  Fedora           sudo dnf install python3"
    say "  macOS            brew install python@3.13"
    return 1
}

environment() {
    case $1 in
        run) lock=requirements.lock ;;
        dev) lock=requirements-dev.lock ;;
        *) say "environment: run or dev"; return 2 ;;
    esac
    # .venv keeps a copy of each lock that it satisfies, and the folder that it was made in: a clone may be moved.
    if [ -x "$python" ] && cmp -s "$root/$lock" "$root/.venv/$lock" &&
        printf '%s\n' "$root" | cmp -s - "$root/.venv/rowhouse.root"; then
        return 0
    fi
    base=$(find_python) || return 1
    "$base" "$root/bin/_environment.py" "$1"
}
