"""What is said of a file that cannot be read."""

from __future__ import annotations


class SourceError(Exception):
    """A file that is not what it should be; line and column count from 1."""

    def __init__(self, message: str, path: str, line: int = 1, column: int = 1) -> None:
        super().__init__(message)
        self.message = message
        self.path = path
        self.line = line
        self.column = column

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}: {self.message}"
