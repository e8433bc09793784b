"""``python -m lora_advisor``, and the installed command."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import NoReturn


def main() -> NoReturn:
    """Run the command line; nothing imported is garbage, so none is looked for meanwhile."""
    gc.disable()
    from lora_advisor.cli import main as run  # first of all, no looking for garbage

    run()


if __name__ == "__main__":
    main()
