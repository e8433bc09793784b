"""Which rules a recipe leaves standing."""

from __future__ import annotations

from lora_advisor import source
from lora_advisor.checking import check, check_documents
from lora_advisor.settings import Settings

ADAPTER = """\
{"peft_type": "LORA", "r": 8, "lora_alpha": 16, "target_modules": ["q_proj"], "use_dora": true,
 "base_model_name_or_path": "somebody/unknown-model"}
"""
LAUNCH = "compute_environment: LOCAL_MACHINE\ndistributed_type: MULTI_GPU\nnum_processes: 4\n"


def reasons(text: str, path: str) -> dict[str, str]:
    return {skipped.name: skipped.reason for skipped in check(text, path).skipped}


def test_a_rule_that_somebody_could_decide_is_listed_with_what_would() -> None:
    told = reasons(ADAPTER, "adapter_config.json")

    assert "the modules of somebody/unknown-model are not known" in told["unmatched-targets"]


def test_a_rule_about_what_a_file_has_nothing_of_is_not_listed() -> None:
    assert reasons(LAUNCH, "accelerate.yaml") == {}


def test_the_answers_of_one_recipe_do_not_speak_for_the_next() -> None:
    texts = {"a.json": ADAPTER, "b.json": ADAPTER.replace('"r": 8', '"r": 0'), "c.json": ADAPTER}

    documents = [source.parse(text, path) for path, text in texts.items()]
    found = check_documents(documents, Settings()).findings

    assert [finding.place.file for finding in found if finding.code == "LA101"] == ["b.json"]
