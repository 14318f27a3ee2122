#!/usr/bin/env bash
# Installs one wheel, and nothing else, in a new environment and uses it there.
# usage: try_wheel.sh PYTHON UV WHEEL
set -euo pipefail
python=$1 uv=$2 wheel=$3
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
"$uv" venv --quiet --python "$python" "$room/venv"
env -u VIRTUAL_ENV "$uv" pip install --quiet --python "$room/venv/bin/python" "$wheel"
# What tasks run without a model, and what the demo trains on, is in the wheel as it is in the tree.
diff -r "$(dirname "$0")/../python/ferrobert/data" "$room"/venv/lib/python*/site-packages/ferrobert/data
# Away from the source tree, so that only the installed package can be found.
cp "$(dirname "$0")/try_wheel.py" "$room/"
cd "$room"
"$room/venv/bin/python" -W error try_wheel.py
"$room/venv/bin/ferrobert" --help >/dev/null
echo "$(basename "$wheel"): installs, tokenizes and answers --help in an empty environment"
