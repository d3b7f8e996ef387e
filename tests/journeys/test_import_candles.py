"""``stoa import candles`` as an operator meets it, beside a server that runs."""

import httpx
import pytest
from tests.support.processes import command

MONDAY = 1_483_315_200
HISTDATA = "".join(
    f"20170102 {hour:02}{minute:02}00;1.05;1.06;1.04;1.05;7\n" for hour in range(5) for minute in range(60)
)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "EURUSD.csv"
    path.write_text(HISTDATA)
    return path


def candles(*arguments, data):
    return command("import", "candles", *arguments, "--data", data)


def test_what_is_imported_is_served_at_once(start, tmp_path, file):
    data = tmp_path / "data"
    stoa = start()
    headers = {"authorization": f"Bearer {stoa.sign_in()['access_token']}"}
    made = candles(
        file, "--instrument", "EURUSD", "--timeframe", "M1", "--create", "--pip-size", "0.0001", data=data
    )
    assert made.returncode == 0, made.stderr
    assert (
        "Stored 300 M1 candles of EURUSD, 2017-01-02T05:00:00Z to 2017-01-02T09:59:00Z (HistData)."
        in made.stdout
    )
    shown = httpx.get(f"{stoa.address}/trading/instruments/1/candles?timeframe=H1", headers=headers).json()
    assert [candle["volume"] for candle in shown["candles"]] == [420.0] * 5
    again = candles(file, "--instrument", "EURUSD", "--timeframe", "M1", data=data)
    assert again.returncode == 1
    assert "300 lines are refused and nothing is stored" in again.stderr


def test_bad_lines_are_told_and_the_new_instrument_is_taken_back(tmp_path, file):
    data = tmp_path / "data"
    data.mkdir()
    lines = HISTDATA.splitlines()
    lines[41] = lines[41].replace("1.06", "0.06")
    lines[50] = lines[50].replace("1.06", "[/red]")
    file.write_text("\n".join(lines))
    new = ("--instrument", "EURUSD", "--timeframe", "M1", "--create", "--pip-size", "0.0001")
    refused = candles(file, *new, data=data)
    assert refused.returncode == 1
    assert "line 42: high 0.06 is below open 1.05 or close 1.05." in refused.stderr
    assert "line 51: high '[/red]' is no number." in refused.stderr
    assert "Traceback" not in refused.stderr
    unknown = candles(file, "--instrument", "EURUSD", "--timeframe", "M1", data=data)
    assert unknown.returncode == 1
    assert "There is no instrument EURUSD. Add it with --create --pip-size NUMBER." in unknown.stderr


@pytest.mark.parametrize(("more", "code", "words"), [
    (("--timeframe", "M1", "--create"), 1, "--pip-size"),
    (("--timeframe", "M1", "--create", "--pip-size", "small"), 1, "--pip-size"),
    (("--timeframe", "M1", "--create", "--pip-size", "-1"), 1, "pip_size"),
    (("--timeframe", "M2"), 2, "M2"),
    ((), 2, "--timeframe"),
], ids=str)  # fmt: skip
def test_what_is_asked_for_wrongly_is_told(tmp_path, file, more, code, words):
    data = tmp_path / "data"
    data.mkdir()
    refused = candles(file, "--instrument", "EURUSD", *more, data=data)
    assert refused.returncode == code
    assert words in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_file_that_is_not_there(tmp_path):
    refused = candles(tmp_path / "none.csv", "--instrument", "EURUSD", "--timeframe", "M1", data=tmp_path)
    assert refused.returncode == 2
    assert "none.csv" in "".join(refused.stderr.split("│")).replace("\n", "").replace(" ", "")
