"""What a value of one call is: slotted, compared by its fields, and never changed once it is made.

Decided here: that the type checker alone holds the last. A frozen dataclass holds it at run time too, by more than a
thousand instructions for each field that it is made with: a tenth of a call (docs/performance.md). What is made once,
and what is handed to code that nobody checks (an agent's orders), is a frozen dataclass all the same.
"""

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def value(kind: type[T]) -> type[T]:
    """Make `kind` a dataclass whose fields mypy lets nobody assign."""
    return dataclass(slots=True, unsafe_hash=True)(kind)
