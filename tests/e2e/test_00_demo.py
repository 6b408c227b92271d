#!/usr/bin/python3
"""The sample mail on the screen, at the three sizes that are promised: it opens, folders are walked, mail is read, searched, deleted and
brought back, all by key; what is deleted in the demo is gone with it, and no byte goes out."""
import glob
import re
import subprocess

from fulmar import DOWN, ENTER, ESC, LEFT, RIGHT, UP, Skip, run_tests


def a_word(screen):
    """A word of the subject of the message that is read."""
    subject = re.search(r"Subject: (.*)", screen.text()).group(1)
    return max(re.findall(r"(?<![\w@.-])[A-Za-z]{4,}(?![\w@.-])", subject), key=len)


def place(screen):
    """(position, total) that the bottom line tells."""
    found = re.search(r"line ([\d,]+) of ([\d,]+)", screen.last_line())
    return found and tuple(int(number.replace(",", "")) for number in found.groups())


def live_in_it(test, columns, rows):
    home = test.home()
    with home.screen("--demo", columns=columns, rows=rows) as screen:
        screen.wait("demo/INBOX", "the inbox opens")
        screen.wait(lambda: place(screen), "a row is selected")
        total = place(screen)[1]
        if total > 1:
            screen.press("j", lambda: place(screen) == (2, total))
            screen.press("k", lambda: place(screen) == (1, total))

        # With one pane the bottom line tells of the message, no longer of the list.
        screen.press(ENTER, lambda: "Subject:" in screen.text() and (columns >= 60 or place(screen) is None), "the message is read")
        word = a_word(screen)
        screen.press("q", lambda: place(screen), "back in the list")

        screen.command("open-folder demo/Archive", lambda: "demo/Archive" in screen.line(0))
        screen.command("open-folder demo/INBOX", lambda: "demo/INBOX" in screen.line(0) and place(screen))

        screen.press("/", lambda: "search:" in screen.text(), "the prompt for a search")
        screen.press("subject:%s\r" % word, lambda: re.search(r"\b[1-9]\d* found", screen.line(0)), "a search for %s finds" % word)
        screen.press("q", lambda: "demo/INBOX" in screen.line(0) and (place(screen) or (0, 0))[1] == total, "back from the search")

        before = place(screen)[1]
        screen.press("d", lambda: (place(screen) or (0, 0))[1] == before - 1, "deleted")
        screen.press("u", lambda: (place(screen) or (0, 0))[1] == before and "restored" in screen.last_line(), "brought back, and said so")
        assert screen.quit() == 0


def wide(test):
    live_in_it(test, 120, 40)


def usual(test):
    live_in_it(test, 80, 24)


def small(test):
    live_in_it(test, 40, 10)


def panes(test):
    """Focus by arrows; the folder pane is walked by j and opened by Enter; sizes change while it runs."""
    with test.home().screen("--demo") as screen:
        screen.wait(lambda: place(screen), "a row is selected")
        screen.press(LEFT, lambda: place(screen) is None, "the folder pane has the focus")
        column, row = screen.find("Sent")
        while screen.cursor()[1] != row:
            at = screen.cursor()[1]
            screen.press(DOWN if at < row else UP, lambda: screen.cursor()[1] != at, "the selection moves to Sent")
        screen.press(ENTER, lambda: "demo/Sent" in screen.line(0))
        screen.resize(80, 24)
        screen.wait(lambda: "demo/Sent" in screen.line(0) and screen.line(23).strip(), "drawn anew at 80x24")
        screen.press("y", lambda: "Archive" in screen.text(), "the folder pane lies over the list")
        screen.press(ESC + ESC, lambda: "Archive" not in screen.text() or True)
        screen.resize(40, 10)
        screen.wait(lambda: screen.line(9).strip(), "drawn anew at 40x10")
        screen.resize(120, 40)
        screen.wait(lambda: "Searches" in screen.text(), "the folder pane is back at 120x40")
        screen.press(RIGHT, lambda: screen.process.poll() is None)
        assert screen.quit() == 0


def leaves_nothing(test):
    """The demo's directory goes with it, and its network needs no network."""
    home = test.home()
    home.extra_environment["TMPDIR"] = test.folder
    with home.screen("--demo") as screen:
        screen.wait("demo/INBOX")
        assert glob.glob(test.folder + "/fulmar-demo-*"), "the demo lies in TMPDIR"
        sockets = subprocess.run(["ls", "-l", "/proc/%d/fd" % screen.process.pid], capture_output=True, text=True).stdout
        inodes = set(re.findall(r"socket:\[(\d+)\]", sockets))
        for table in ["tcp", "tcp6", "udp", "udp6"]:
            try:
                rows = open("/proc/net/" + table).read().split("\n")[1:]
            except OSError:
                raise Skip("no /proc/net")
            assert not inodes & {row.split()[9] for row in rows if row}, "the demo has a network socket open"
        assert screen.quit() == 0
    assert not glob.glob(test.folder + "/fulmar-demo-*"), "the demo left its directory"


if __name__ == "__main__":
    run_tests(wide, usual, small, panes, leaves_nothing)
