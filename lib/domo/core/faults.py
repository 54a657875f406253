"""A fault as a sentence that stays the same fault while the numbers in it change."""

from __future__ import annotations


class Report(str):
    """A fault as a sentence. `about`: the thing that has it. `fault`: which fault it is, without changing
    numbers. By default both are the sentence. `lasts`: False for something that happened once."""

    about: str
    fault: str
    lasts: bool

    def __new__(cls, text: str, about: str = "", fault: str = "", lasts: bool = True) -> Report:
        report = super().__new__(cls, text)
        report.about = about or text
        report.fault = fault or text
        report.lasts = lasts
        return report

    @staticmethod
    def of(text: str) -> Report:
        """Any sentence as a Report."""
        return text if isinstance(text, Report) else Report(text)

    def of_the(self, about: str) -> Report:
        """The same fault, of the thing `about`."""
        return Report(self, about, self.fault, self.lasts)
