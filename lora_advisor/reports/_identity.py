"""What a finding is recognised by from run to run, however lines move."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lora_advisor.findings import Finding


def identified(findings: Iterable[Finding]) -> Iterator[tuple[Finding, str]]:
    """Yield each finding with a fingerprint: rule, file, path, value, and a count of equals."""
    seen: Counter[str] = Counter()
    for found in findings:
        about = f"{found.name}\n{found.place.file}\n{found.path}\n{found.value!r}"
        identity = f"{about}\n{seen[about]}".encode("utf-8", "surrogatepass")
        seen[about] += 1
        yield found, hashlib.sha256(identity).hexdigest()[:32]
