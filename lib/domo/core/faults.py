"""A fault as a sentence that stays the same fault while the numbers in it change."""

from __future__ import annotations


class Report(str):
    """What a person should see to: a sentence that knows which fault it tells of, whatever numbers are
    in it. `about` is what has the fault (one at a time), `fault` which one it is; both are the sentence
    itself where nothing in it ever changes. `lasts` is False for what has happened, and is over."""

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
        """The same, as a fault of that."""
        return Report(self, about, self.fault, self.lasts)
