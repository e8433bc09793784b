"""Learns size templates of model types from probes on torch's meta device; resumable.

    learn_templates.py WORK [FOLDER…] [--classes AutoModel…] [--only TYPE…] [--part N/M]
                       [--defaults] [--narrow N]

A FOLDER holds ``<org>__<name>/config.json``: the configs to start from; ``--defaults`` adds
transformers' own and those of ``catalogue_layouts.py``. ``--narrow`` varies fewer fields from the
start: 1 numbers, lists and switches, 2 without most switches. Each answer, a template or the reason
why there is none, is a file of WORK, and nothing that is there is done again.
``pack_catalogue.py`` packs them. Needs torch, transformers and peft.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import transformers
from catalogue_configs import TEXT_TYPES
from catalogue_layouts import LAYOUTS
from shapes.base import watch_reads
from shapes.make import Learner
from transformers.models.auto import modeling_auto

from lora_advisor.models.meta import clean_config, default_auto_class

if TYPE_CHECKING:
    from collections.abc import Iterator

SECONDS = (150, 150, 30)
"""How long to try with all fields, with numbers and switches, with numbers alone."""
MORE_TYPES = (
    *modeling_auto.MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING_NAMES,
    *modeling_auto.MODEL_FOR_SPEECH_SEQ_2_SEQ_MAPPING_NAMES,
    *modeling_auto.MODEL_FOR_CTC_MAPPING_NAMES,
    *modeling_auto.MODEL_FOR_ZERO_SHOT_IMAGE_CLASSIFICATION_MAPPING_NAMES,
)


class LateError(Exception):
    """A type that takes too long."""


def main() -> int:
    """Learn what WORK does not hold yet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work", type=Path)
    parser.add_argument("folders", type=Path, nargs="*")
    parser.add_argument("--classes", nargs="*", default=[None])
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--part", default="0/1")
    parser.add_argument("--defaults", action="store_true")
    parser.add_argument("--narrow", type=int, default=0)
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGPROF, _late)
    watch_reads()
    number, parts = map(int, options.part.split("/"))
    for auto_class in options.classes:
        found = list(bases(options.folders, defaults=options.defaults))
        if options.only:
            found = [pair for name in options.only for pair in found if pair[0] == name]
        for kind, raw in found[number::parts]:
            learn(options.work, kind, raw, auto_class, options.narrow)
    return 0


def bases(folders: list[Path], *, defaults: bool) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield a config for every layout of every type, published ones first."""
    seen: set[Any] = set()
    for folder in folders:
        for path in sorted(folder.glob("*/config.json")):
            raw = clean_config(json.loads(path.read_text(encoding="utf-8")))
            nested = {k: v.get("model_type") for k, v in raw.items() if isinstance(v, dict)}
            key = (raw.get("model_type"), str(sorted(nested.items(), key=str)))
            if raw.get("model_type") in transformers.CONFIG_MAPPING and key not in seen:
                seen.add(key)
                yield str(raw["model_type"]), raw
    for raw in LAYOUTS if defaults else ():
        yield str(raw["model_type"]), raw
    for kind in dict.fromkeys([*TEXT_TYPES, *MORE_TYPES]) if defaults else ():
        if kind not in {k for k, _ in seen}:
            yield kind, {"model_type": kind}


def learn(
    work: Path, kind: str, raw: dict[str, Any], auto_class: str | None, narrow: int = 0
) -> None:
    """Learn one template and write it down, or why there is none."""
    auto_class = auto_class or default_auto_class(raw)
    digest = hashlib.sha256(json.dumps(raw, sort_keys=True).encode()).hexdigest()[:8]
    path = work / f"{kind}-{auto_class}-{digest}.json"
    if path.exists():
        return
    start = time.process_time()
    fields = {k: v for k, v in raw.items() if k != "model_type"}
    for tried in range(narrow, len(SECONDS)):
        answer = attempt(kind, fields, auto_class, tried)
        if "failed" not in answer or answer["failed"].startswith("UnbuildableError"):
            break
    answer |= {"kind": kind, "auto": auto_class}
    path.write_text(json.dumps(answer, separators=(",", ":")), encoding="utf-8")
    told = answer.get("failed", "learned")
    print(f"{kind} {auto_class}: {told} ({time.process_time() - start:.0f} s)", flush=True)


def attempt(kind: str, fields: dict[str, Any], auto_class: str, narrow: int) -> dict[str, Any]:
    """Return a template, or the reason why there is none; ``narrow`` leaves fields as they are."""
    signal.setitimer(signal.ITIMER_PROF, SECONDS[narrow])
    try:
        answer = Learner(kind, fields, auto_class, narrow=narrow).learn()
    except Exception as error:  # noqa: BLE001 - a type without a template is no reason to stop
        return {"failed": f"{type(error).__name__}: {error}"[:400]}
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return {**answer, "transformers": int(transformers.__version__.partition(".")[0])}


def _late(*_: object) -> None:
    raise LateError("too long")


if __name__ == "__main__":
    sys.exit(main())
