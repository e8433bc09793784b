"""What every test runs under."""

from __future__ import annotations

import os

from lora_advisor.findings import TRACEBACK

os.environ[TRACEBACK] = "1"  # a mistake over one file is a failed test, not that file's failure
