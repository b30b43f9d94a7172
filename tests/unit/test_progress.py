"""What is drawn on stderr, and what is remembered for the last line."""

import io

import pytest

from seedstock.progress import RichProgress, Shown


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    out = Terminal()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    return out


def test_stages_bars_and_markup(screen: Terminal) -> None:
    with Shown() as shown:
        progress = RichProgress(visible=True, file=screen)
        progress.stage("check", "[red]10 rows[/red]")
        progress.share(0.5)
        progress.stage("fit", "10 rows")
        progress.stage("judge", "shapes")
        progress.kept("out/model")
        progress.close()
        text = screen.getvalue()
        assert "check" in text
        assert "[red]10 rows[/red]" in text, "names are text, never markup"
        assert shown.stage_now() == " at the stage 'judge'"
        assert shown.what_is_kept() == "kept: out/model"


def test_a_long_fit_is_announced(screen: Terminal) -> None:
    progress = RichProgress(visible=True, file=screen)
    progress.stage("probe")
    progress.estimate(240, 2_048)
    progress.estimate(3, 100)
    progress.stage("fit", "many rows")
    progress.close()
    assert "about 4.0 minutes and 2.0 GiB" in screen.getvalue()
    assert "3 seconds" not in screen.getvalue()
    assert "left" in screen.getvalue()


def test_nothing_is_drawn_where_nobody_watches(screen: Terminal) -> None:
    progress = RichProgress(visible=False, file=screen)
    progress.stage("fit")
    progress.share(0.5)
    progress.estimate(500, 100)
    progress.close()
    assert screen.getvalue() == ""
    assert not progress.wants_estimate
    assert Shown().what_is_kept() == "nothing was written"
