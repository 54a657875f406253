"""`domo-report` as a process: a day in a terminal, for other programs, and as a page."""

from __future__ import annotations

import csv
import gzip
import html.parser
import json
import re
import time
from pathlib import Path

import pytest

from domo.report import days
from support import record
from support.house import House
from support.record import DAY, report


@pytest.fixture
def village(house: House) -> House:
    """A house with one recorded day."""
    record.furnish(house)
    record.keep(house, DAY)
    return house


def page(house: House, *arguments: str) -> str:
    """The page it makes."""
    file = house.folder / "page.html"
    assert report(house, "--html", str(file), *arguments) == (0, "", "")
    return file.read_text()


# -- in a terminal --


def test_a_day_in_80_columns(village: House) -> None:
    ran = report(village, "--text", DAY)
    assert (ran.code, ran.err) == (0, "")
    lines = ran.out.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0] == "Saturday 15 June 2024"
    (pump,) = [line for line in lines if line.startswith("1 Lift pump  ")]
    assert pump[24:] == "·" * 18 + "██" + "·" * 28
    (machine,) = [line for line in lines if line.startswith("2 Washing <machine>  ")]
    assert machine[24:] == "·" * 24 + "▓▓" + "·" * 14 + "x" * 8
    (chargers,) = [line for line in lines if line.startswith("3 Tool chargers  ")]
    assert chargers[24:] == "·" * 30 + "░░" + "·" * 16
    assert "09:00   70 %  1 Lift pump on (auto on): there is sun" in lines
    assert "from the panels 12.00 kWh" in ran.said
    assert "held back 2 h 00" in ran.said
    assert "1 Lift pump: on for 1 h 00, 1 starts, 750 Wh" in ran.said
    assert "00:05 ! no data" in ran.said


@pytest.mark.parametrize(
    "locale", [{"LC_ALL": "C"}, {"LC_ALL": "", "LANG": ""}, {"LC_ALL": "", "LANG": "fr_FR.ISO-8859-1"}]
)
def test_a_terminal_without_utf_8_gets_ascii(village: House, locale: dict[str, str]) -> None:
    village.configure({"domo.relayName": {1: "Pompe relevée"}})
    ran = report(village, DAY, **locale)
    assert ran.out.isascii()
    assert "2 relay 2               " + "." * 24 + "FF" + "." * 14 + "x" * 8 in ran.out


def test_a_pipe_gets_no_colours(village: House) -> None:
    assert "\033" not in report(village, DAY).out


def test_a_day_without_a_record_says_so(village: House) -> None:
    assert "nothing is recorded of this day" in report(village, "2024-06-14").out


def test_a_day_without_its_year_is_the_last_one() -> None:
    """On 2 January nothing is recorded yet of this year's 31 December."""
    assert days.asked("12-31", "2027-01-02") == "2026-12-31"
    assert days.asked("01-02", "2027-01-02") == "2027-01-02"


@pytest.mark.parametrize(
    "word", ["2024-13-01", "tomorrow", "15", "2024-02-30", "../x", "0001-01-01", "1969-12-31"]
)
def test_a_day_that_is_none_is_not_understood(village: House, word: str) -> None:
    ran = report(village, word)
    assert (ran.code, ran.out) == (2, "")
    wants = "YYYY-MM-DD from 1970 on, MM-DD, today or yesterday"
    assert ran.err == f"domo-report: the day wants {wants}, not {word!r}\n"


def test_without_a_configuration_it_says_what_is_wrong(village: House) -> None:
    village.config.write_text("domo: [")
    assert report(village, DAY).code == 2


# -- for other programs --


def test_json_has_the_sum_and_the_switches(village: House) -> None:
    found = json.loads(report(village, "--json", DAY).out)
    day = found["day"]
    assert (day["lowest"], day["highest"], day["panels"], day["floating"]) == (60, 100, 12000, 7200)
    assert day["held"][12:15] == [60, 60, 0]
    assert day["relays"][0] == {"relay": "1 Lift pump", "hours": 1, "starts": 1, "Wh": 750}
    assert [(s["time"], s["relay"], s["state"]) for s in found["switches"]] == [
        *(("09:00", 1, 1), ("10:00", 1, 0), ("12:00", 2, 1), ("13:00", 2, 0))
    ]


def test_csv_is_what_was_recorded(village: House) -> None:
    assert report(village, "--csv", DAY).out.splitlines() == record.text(DAY).splitlines()


def test_today_is_what_the_lasting_folder_has_and_what_came_since(house: House) -> None:
    record.furnish(house)
    house.env["TZ"] = "UTC"
    today = time.strftime("%Y-%m-%d", time.gmtime())
    record.keep(house, today, range(20))
    (house.folder / "domo_today.csv").write_text(record.text(today, range(10, 30)))
    rows = list(csv.DictReader(report(house, "--csv").out.splitlines()))
    assert [row["time"] for row in rows] == [record.stamp(today, minute) for minute in range(30)]


def test_of_two_ticks_in_one_second_no_reason_is_lost(house: House) -> None:
    """A tick of cron's, and at once one of domo-mod's for another relay; the record is written, then read."""
    (house.folder / "domo_today.csv").write_text(
        f"time,relay1.mode,relay1.state,relay1.wanted,relay1.why,relay2.mode,relay2.state,relay2.wanted,relay2.why\n"
        f"{DAY}T09:00:01+00:00,1,0,0,dark,1,0,0,night\n"
        f"{DAY}T09:01:01+00:00,2,1,1,there is sun,1,0,0,\n"
        f"{DAY}T09:01:01+00:00,2,1,1,,3,1,0,forced on\n"
    )
    house.env["TZ"] = "UTC"
    house.tick()  # of another day, so it keeps this one
    lines = report(house, "--text", DAY).out.splitlines()
    assert "09:01      -  1 relay 1 on (auto on): there is sun" in lines
    assert "09:01      -  2 relay 2 on (forced on): forced on" in lines


# -- what records may be --


def test_other_columns_than_yesterday_are_read(village: House) -> None:
    """Columns that came later, an older version without offsets, and one that knows of less."""
    lines = record.text(DAY).splitlines()
    early = [",".join(line.split(",")[:4]).replace("+02:00", "") for line in lines[:600]]
    header = ",".join([*reversed(record.COLUMNS[1:]), "new"])
    late = [
        ",".join([cells[0], *reversed(cells[1:]), "7"]) for cells in (line.split(",") for line in lines[800:])
    ]
    whole = [*early, f"time,{header}", *late]
    (village.folder / f"history/{DAY}.csv.gz").write_bytes(gzip.compress("\n".join(whole).encode()))
    found = json.loads(report(village, "--json", DAY).out)
    assert found["day"]["floating"] == 40 * 60 + 60  # from 13:19 on
    assert found["day"]["recorded"] == pytest.approx(86400 - 200 * 60, abs=300)


def test_a_curve_below_zero_draws_nothing(village: House) -> None:
    """A charger fed the battery all night, so that the house seems to give power: that is no high bar."""
    night = record.text(DAY, range(60)).replace(",-400,400,", ",400,,")
    (village.folder / f"history/{DAY}.csv.gz").write_bytes(gzip.compress(night.encode()))
    (house,) = [line for line in report(village, DAY).out.splitlines() if line.startswith("house")]
    assert house.rstrip() == "house   -400 to -400 W"


@pytest.mark.parametrize("value", ["1e308", "-1e308", "inf", "1e9"])
def test_a_number_that_no_house_has_says_nothing(village: House, value: str) -> None:
    """Of noon's first hour the panels' watts are not known; the rest of the day is as ever."""
    rows = [line.split(",") for line in record.text(DAY).splitlines()]
    column = rows[0].index("Roof.PPV")
    for row in rows[721:781]:
        row[column] = value
    (village.folder / f"history/{DAY}.csv.gz").write_bytes(
        gzip.compress("\n".join(map(",".join, rows)).encode())
    )
    told = report(village, "--json", DAY).out
    assert json.loads(told)["day"]["panels"] == 11000 and "Infinity" not in told
    assert "from the panels 11.00 kWh" in report(village, "--text", DAY).said
    assert "11.0" in page(village, DAY)


def test_a_torn_record_is_read_as_far_as_it_goes(village: House) -> None:
    path = village.folder / f"history/{DAY}.csv.gz"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    ran = report(village, "--json", DAY)
    assert 3600 < json.loads(ran.out)["day"]["recorded"] < 80000
    path.write_bytes(b"\x1f\x8b\x08rubbish")
    assert report(village, DAY).code == 0
    path.write_bytes(b"rubbish")
    assert "is not a record, so what it holds of that day is left out" in report(village, DAY).out


def test_a_torn_line_of_today_makes_no_day_of_its_own(house: House) -> None:
    record.furnish(house)
    house.env["TZ"] = "UTC"
    today = time.strftime("%Y-%m-%d", time.gmtime())
    (house.folder / "domo_today.csv").write_text(record.text(today, range(30)) + f"{today[:9]}\n{today}\n")
    text = page(house)
    assert "1 recorded days" in text and "2 recorded days" not in text


def test_days_of_which_nothing_can_be_read_count_in_no_mean(village: House) -> None:
    (village.folder / "history/2024-06-14.csv.gz").write_bytes(gzip.compress(b""))
    (village.folder / "history/2024-06-13.csv.gz").write_bytes(b"rubbish")
    record.keep(village, "2024-02-31")
    for _ in range(2):
        text = page(village, DAY)
        assert "1 recorded days, 15 Jun 2024" in text
        assert "2024-06-13.csv.gz: is not a record" in text


def test_days_of_the_future_are_left_out_and_said(village: House) -> None:
    record.keep(village, "2099-01-01")
    assert "1 days of the future are left out" in page(village, DAY)
    assert (village.folder / "history/2099-01-01.csv.gz").exists()


# -- the page --


class Page(html.parser.HTMLParser):
    """Its tags, each closed in its place; the text of its tables."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "link", "input", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, tag


def test_the_page_is_whole_small_and_fetches_nothing(village: House) -> None:
    text = page(village, DAY)
    assert len(text.encode()) <= 400_000
    parsed = Page(text)
    for tag, attributes in parsed.tags:
        assert not {"src", "srcset", "action", "data"} & set(attributes), tag
        assert (attributes.get("href") or "data:,") == "data:,"
    assert "sourceMappingURL" not in text
    assert "@import" not in text and "url(" not in text.partition("</style>")[0]


def test_names_and_reasons_are_text_not_html(village: House) -> None:
    text = page(village, DAY)
    assert "Washing &lt;machine&gt;" in text and "<machine>" not in text
    assert "&lt;b&gt;relay 1&lt;/b&gt; goes first" in text and "<b>relay 1</b>" not in text


def test_each_band_says_its_reasons(village: House) -> None:
    text = page(village, DAY)
    titles = re.findall(r'<path class="(k\d)" d="M([\d.]+)[^"]*"><title>([^<]*)</title>', text)
    assert ("k1", "540.1", "09:00 to 10:00, auto on: there is sun") in titles
    assert ("k2", "720.1", "12:00 to 13:00, forced on: forced on") in titles
    assert [title for kind, _, title in titles if kind == "k3"] == [
        "15:00 to 16:00, held back: float: waits, &lt;b&gt;relay 1&lt;/b&gt; goes first"
    ]
    assert ("k5", "720.1", "12:00 to 14:00, held back: Float") in titles


def test_the_tables_say_what_the_pictures_show(village: House) -> None:
    text = re.sub(r"<[^>]*>", "|", page(village, DAY))
    flat = re.sub(r"\|[|\s]*", "|", text)
    assert "|12:00|100 %|1000 W|400 W|600 W|" in flat  # of the curves
    assert "|1 Lift pump|09:00 to 10:00|auto on|there is sun|" in flat  # of the bands
    assert "|1 Lift pump|1 h 00|1|0.75|" in flat
    assert "|09:00|Lift pump on|auto on: there is sun|70 %|1000 W|" in flat


def test_many_days_are_summed_up_and_remembered(village: House) -> None:
    """The second page reads the sums, not the days; a day that changed is read again."""
    for date in record.dates(DAY, 40)[:-1]:
        record.keep(village, date, range(0, 1440, 2))
    first = page(village, DAY)
    assert "7 days" in first and "30 days" in first and "12 months" in first
    assert "7 recorded days, 9 Jun 2024 to 15 Jun 2024" in first
    sums = village.folder / "history/days.jsonl"
    assert len(sums.read_text().splitlines()) == 40
    for path in village.folder.glob("history/2024-05-2*.csv.gz"):
        path.write_bytes(b"\0" * path.stat().st_size)  # of the same size: nobody looks
    assert _body(page(village, DAY)) == _body(first)
    record.keep(village, "2024-06-14", range(700))
    assert _body(page(village, DAY)) != _body(first)
    sums.write_text("rubbish\n[1, 2]\n" + sums.read_text()[:5000])
    assert report(village, "--html", str(village.folder / "page.html"), DAY).code == 0


@pytest.mark.parametrize(
    "what",
    [
        '"recorded":"x"',
        '"lowest":[]',
        '"highest":{}',
        '"highest":null',
        '"panels":null',
        '"auto":"no"',
        '"date":7',
        '"relays":{"1":[1,Infinity]}',
        '"held":["x",' + ",".join("0" * 23) + "]",
        '"relays":{"1":["x",1]}',
    ],
)
def test_a_kept_sum_of_another_kind_is_summed_up_anew(village: House, what: str) -> None:
    record.keep(village, "2024-06-14")
    first = _body(page(village, DAY))
    sums = village.folder / "history/days.jsonl"
    lines = [json.loads(line) for line in sums.read_text().splitlines()]
    for line in lines:
        line[2].update(json.loads(f"{{{what}}}"))
    sums.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    assert _body(page(village, DAY)) == first


def _body(text: str) -> str:
    return text.partition("<main>")[2]


def test_before_domo_and_since(village: House) -> None:
    """Before it switched anything on the panels were held back more."""
    for date in record.dates("2024-06-14", 10):
        text = "\n".join(
            re.sub(r",2,1,1,(there is sun)?", ",1,0,0,", line).replace(",Bulk,1000,2", ",Float,1000,1")
            for line in record.lines(date)
        )
        (village.folder / f"history/{date}.csv.gz").write_bytes(gzip.compress(text.encode()))
    text = page(village, DAY)
    assert "before domo 12.0 h a day (10 days from 5 Jun 2024), since 2.0 h a day (1 days" in text
    assert 'class="since" d="M10 0v24"' in text


def test_who_may_not_write_the_folder_sees_the_same(village: House) -> None:
    (village.folder / "history/days.jsonl").mkdir()
    assert "2024" in page(village, DAY)


def test_the_file_is_replaced_whole(village: House) -> None:
    file = village.folder / "page.html"
    page(village, DAY)
    inode = file.stat().st_ino
    file.chmod(0o640)
    page(village, DAY)
    assert file.stat().st_ino != inode
    assert file.stat().st_mode & 0o777 == 0o640
    ran = report(village, "--html", "/proc/page.html", DAY)
    assert ran.code == 1
    assert ran.err.startswith("domo-report: /proc/page.html: ")


def test_many_relays_that_flap_stay_within_the_size(house: House) -> None:
    """26 relays that switch each minute, for a new reason."""
    record.furnish(house)
    house.configure(
        {"domo.relayNb": 26, "domo.relayGpio": {r: r + 1 for r in range(1, 27)}, "domo.tm1638.stb": []}
    )
    columns = [
        "time",
        "BMV.SOC",
        *(f"relay{r}.{what}" for r in range(1, 27) for what in ("mode", "state", "wanted", "why")),
    ]
    rows = [
        [
            record.stamp(DAY, m),
            "50",
            *(c for r in range(26) for c in ("1", str((m + r) % 2), "0", f"{'why ' * 20}{m % 7}x")),
        ]
        for m in range(1440)
    ]
    whole = "\n".join(",".join(row) for row in [columns, *rows])
    (house.folder / f"history/{DAY}.csv.gz").write_bytes(gzip.compress(whole.encode()))
    text = page(house, DAY)
    assert len(text.encode()) <= 400_000
    assert text.count('class="band"') == 26


def test_a_simulated_day_is_marked_as_such(village: House, tmp_path: Path) -> None:
    """And knows nothing of what is now; the record of the house is not touched."""
    file = tmp_path / "days.csv"
    dates = record.dates("2030-03-03", 3)
    file.write_text("".join(record.text(date) for date in dates))
    before = village.snapshot()
    text = report(village, "--simulated", str(file), "--text").out
    assert text.startswith("SIMULATED: a generated sun, not what happened\nSunday 3 March 2030\n")
    assert village.snapshot() == before
    made = page(village, "--simulated", str(file))
    assert "Simulated: a generated sun, not what happened" in made
    assert "3 recorded days, 1 Mar 2030 to 3 Mar 2030" in made
    assert "<h2>Now</h2>" not in made
    (tmp_path / "days.csv.gz").write_bytes(gzip.compress(file.read_bytes()))
    assert report(village, "--simulated", str(tmp_path / "days.csv.gz"), "--json").code == 0


def test_a_line_that_is_none_splits_no_simulated_day(village: House, tmp_path: Path) -> None:
    file = tmp_path / "days.csv"
    lines = record.text("2030-03-03").splitlines()
    file.write_text("\n".join([*lines[:700], "", "2030-03-0", "2030-03-04", *lines[700:]]))
    told = json.loads(report(village, "--simulated", str(file), "--json").out)
    assert (told["day"]["recorded"], told["day"]["panels"]) == (86400, 12000)
    assert "1 recorded days" in page(village, "--simulated", str(file))


@pytest.mark.parametrize("more", [["--csv"], ["2026-06-01"]])
def test_simulated_days_take_no_other_day_and_no_record(
    village: House, tmp_path: Path, more: list[str]
) -> None:
    (tmp_path / "days.csv").write_text(record.text("2030-03-03"))
    ran = report(village, "--simulated", str(tmp_path / "days.csv"), *more)
    assert ran == (
        2, "", "domo-report: --simulated goes with neither --csv nor DAY; leave one of them out\n"
    )  # fmt: skip


def test_the_csv_of_a_day_without_a_record_is_none(village: House) -> None:
    assert report(village, "--csv", "2019-06-01") == (
        1,
        "",
        "domo-report: nothing is recorded of 2019-06-01\n",
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "time,G(i),T2m\n20211231:2200,0,3\n20211231:2300,0,3\n",
        "time,ghi\n2021-12-31T22:00,0\n2021-12-31T23:00,0\n",
        "\0\n",
    ],
    ids=["nothing", "PVGIS's hours", "another's hours", "no text"],
)
def test_what_is_no_record_is_no_simulated_day(village: House, tmp_path: Path, text: str) -> None:
    file = tmp_path / "days.csv"
    file.write_text(text)
    for what in ("--text", "--json"):
        ran = report(village, "--simulated", str(file), what)
        assert ran == (1, "", f"domo-report: {file}: holds no day as domo records it; see docs/report.md\n")


def test_now_says_what_is_and_what_is_wrong(village: House) -> None:
    village.set_modes({1: 3, 2: 1, 3: 9})
    village.tick()
    text = page(village)
    assert re.search(r'class="relay card on hand">.*?<b>1 Lift pump</b>', text)
    assert "relay 3 is 9, no mode (0 to 3): held off until you correct it" in text
