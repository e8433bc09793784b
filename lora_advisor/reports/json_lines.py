"""One JSON object a line, one line a finding, for streams and ``jq``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from lora_advisor.reports.json import finding_data, plain

if TYPE_CHECKING:
    from lora_advisor.findings import Report
    from lora_advisor.reports import Options


def render(report: Report, _options: Options) -> str:
    """Write the findings of the JSON report, each on a line of its own."""
    found = (plain(finding_data(finding)) for finding in report.findings)
    lines = (json.dumps(data, allow_nan=False) for data in found)
    return "".join(f"{line}\n" for line in lines)
