#!/usr/bin/env bash
# What the GitHub action runs: a check with annotations, and a SARIF file where one is asked for.
set -euo pipefail

mapfile -t paths < <(printf '%s\n' "${INPUT_PATHS:-.}" | sed '/^[[:space:]]*$/d')
mapfile -t arguments < <(printf '%s\n' "${INPUT_ARGS:-}" | sed '/^[[:space:]]*$/d')
check=(lora-advisor check "${arguments[@]}")

if [ -n "${INPUT_OUTPUT_FILE:-}" ]; then
  "${check[@]}" --exit-zero --quiet --output-format sarif --output-file "$INPUT_OUTPUT_FILE" \
    -- "${paths[@]}" >/dev/null
fi
exec "${check[@]}" --output-format github -- "${paths[@]}"
