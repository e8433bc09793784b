"""lora-advisor: checks and explains LoRA fine-tuning configs of any format.

    from lora_advisor import check

    report = check(text, "train.yaml")
    for finding in report.findings:
        print(finding.place.line, finding.code, finding.message)

No file is written and nothing of the text is run; findings go by the current releases of the
libraries unless :class:`Settings` says others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lora_advisor.checking import check
    from lora_advisor.explaining import Explanation, explain
    from lora_advisor.findings import Finding, Report, Severity
    from lora_advisor.settings import Settings

__version__ = "0.1.0"
__all__ = ["Explanation", "Finding", "Report", "Settings", "Severity", "check", "explain"]

if not TYPE_CHECKING:
    _HOMES = {
        "check": "checking",
        "explain": "explaining",
        "Explanation": "explaining",
        "Finding": "findings",
        "Report": "findings",
        "Severity": "findings",
        "Settings": "settings",
    }

    def __getattr__(name: str) -> object:
        """Import a public name when it is asked for: the command needs few of them."""
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module  # only for those who import the package

        return getattr(import_module(f"lora_advisor.{_HOMES[name]}"), name)
