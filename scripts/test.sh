#!/usr/bin/env bash
# Sets up an environment in .venv and runs everything that guards the project: style, types,
# import floors, generated files, tests, and the rules' claims against the real libraries.
set -euo pipefail
cd "$(dirname "$0")/.."

python=${PYTHON:-python3}
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))'; then
  echo "Python 3.10 or newer is needed; set PYTHON to its path" >&2
  exit 2
fi
if ! "$python" -m venv --help >/dev/null 2>&1 || ! command -v git >/dev/null; then
  apt-get update -q && apt-get install -q -y python3-venv git
fi
# Pages are tried in a browser; without one, and without the right to install it, these tests skip.
if ! command -v chromium google-chrome >/dev/null && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  apt-get update -q && apt-get install -q -y --no-install-recommends chromium
fi

[ -x .venv/bin/python ] || "$python" -m venv .venv
run=.venv/bin/python
# torch first and alone: a plain install of the others may bring several gigabytes of CUDA.
$run -c 'import torch' 2>/dev/null || $run -m pip install -q torch==2.13.0
$run -m pip install -q -e '.[dev,docs,proofs,calibrate,search,ray]'

$run -m ruff check .
$run -m ruff format --check .
$run -m mypy
.venv/bin/lint-imports
$run scripts/write_docs.py --check
$run -m pytest -q "$@"
