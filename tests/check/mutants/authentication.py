"""Endpoints that let in whom they should not."""

from typing import ClassVar

from tests.check.mutants.mutant import Mutant


class WithoutSecret(Mutant):
    """Checks the secret only if there is one."""

    BREAKS: ClassVar = {"A01": "fail"}

    def authorized(self) -> None:
        if self.headers.get("X-Cekura-Secret") is not None:
            super().authorized()


MUTANTS = (WithoutSecret,)
