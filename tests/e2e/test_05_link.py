#!/usr/bin/python3
"""A slow and a dead link. Keys are answered within a frame whatever the link does (from the first byte of the key to the last byte of the
repaint, at the pseudo terminal); cached mail opens; the state is told; when the link is back, so is the mail, by itself.

Of a key's time that part counts in which its answer was worked on or waited for: how long the two threads it needs were ready to run while
other work had the processors is known to the kernel, told, and taken off. On a machine with room the whole time counts."""
import os
import os
import re
import signal
import time

from fulmar import ENTER, Proxy, ProxyProcess, account, message, percentile, run_tests, wait_for

FRAME_MS = 16
PAGE_UP, PAGE_DOWN = "\033[5~", "\033[6~"
COUNT = 300
MANY = 12000


def start(test):
    mail = [(message("Letter %03d" % number, body="Words of letter %03d.\n" % number * 20), True) for number in range(COUNT)]
    server = test.dovecot(fill={"INBOX": mail, "Old": mail[:20]})
    proxy = test.enter(Proxy(server.imaps))
    home = test.home()
    home.configure(account("imaps", port=proxy.port, ca=server.ca.path))
    return server, proxy, home


def place(screen):
    found = re.search(r"line ([\d,]+) of ([\d,]+)", screen.last_line())
    return found and tuple(int(number.replace(",", "")) for number in found.groups())


class Times:
    """What keys took, in milliseconds: all of it, and less the waits for a processor."""

    def __init__(self, test, what):
        self.test, self.what, self.whole, self.own = test, what, [], []
        self.has_room = os.getloadavg()[0] <= os.cpu_count()

    def press(self, screen, key, shows=None):
        taken = screen.latency(key, shows=shows)
        if taken is not None:
            self.whole.append(taken * 1000)
            self.own.append((taken - screen.waited_s) * 1000)
        return taken

    def check(self, least):
        for name, times in (("all in all", self.whole), ("without the waits for a processor", self.own)):
            p99 = percentile(times, .99)
            self.test.say("%s, %s: %d keys, median %.1f ms, p99 %.1f ms, worst %.1f ms%s"
                          % (self.what, name, len(times), percentile(times, .5), p99, max(times),
                             "" if p99 <= FRAME_MS else " (over a frame of %d ms)" % FRAME_MS))
        assert len(self.own) > least, "the keys painted nothing"
        assert percentile(self.own, .99) <= FRAME_MS, "keys are not answered within a frame"
        assert not self.has_room or percentile(self.whole, .99) <= FRAME_MS, "keys are not answered within a frame on a machine with room"


def measure(test, screen, what, rounds=30):
    """Keys of daily life; each paints something. As many as it takes for the hundredth part of them to be more than one."""
    times = Times(test, what)
    screen.press("=", lambda: place(screen) and place(screen)[0] == 1)
    for _ in range(rounds):
        for key in ["j", "j", "]", "k", "[", "j", ENTER, " ", "q"]:
            times.press(screen, key)
    times.check(rounds * 4)


def letter(screen):
    """The number of the letter under the cursor."""
    found = re.search(r"Letter (\d+)", screen.cursor_line())
    return found and found.group(1)


def filling(test):
    """Keys while a first visit fills the list: each must show another letter under the cursor. The list goes on filling under them."""
    mail = [(message("Letter %05d" % number), True) for number in range(MANY)]
    server = test.dovecot(fill={"INBOX": mail})
    server.doveadm("index", "-u", "ada", "INBOX")
    # Eight megabits: the headers come over some seconds, not in two bursts between which nothing is to be seen.
    proxy = test.enter(ProxyProcess(server.imaps, 0.15, 1e6))
    home = test.home()
    home.configure(account("imaps", port=proxy.port, ca=server.ca.path, offline="headers"))
    with home.screen() as screen:
        screen.wait(lambda: place(screen) and letter(screen), "the first messages", timeout_s=30)
        times, sizes = Times(test, "while a first visit fills the list at 300 ms"), set()
        while place(screen)[1] < MANY and len(times.whole) < 2000:
            for key in ["j", "j", "k", "j", PAGE_DOWN, "j", "k", PAGE_UP, "k", "k"]:
                before = letter(screen)
                times.press(screen, key, lambda: letter(screen) not in (None, before))
            sizes.add(place(screen)[1])
        test.say("the list had %d sizes meanwhile" % len(sizes))
        assert len(sizes) > 2, "nothing was filled while the keys were pressed"
        times.check(40)
        screen.wait(lambda: place(screen)[1] == MANY, "all of the inbox", timeout_s=120)
        assert screen.quit() == 0


def slow(test):
    """300 ms a round trip: from the first visit on."""
    server, proxy, home = start(test)
    proxy.delay_s = 0.15
    began = time.monotonic()
    with home.screen() as screen:
        screen.wait(lambda: place(screen), "the first messages", timeout_s=30)
        test.say("first messages after %.2f s, %d turns, %d bytes down" % (time.monotonic() - began, proxy.turns, proxy.down))
        assert time.monotonic() - began < 8
        measure(test, screen, "first visit at 300 ms")
        screen.wait(lambda: place(screen) and place(screen)[1] == COUNT, "all of the inbox", timeout_s=30)
        measure(test, screen, "while bodies come")
        assert screen.quit() == 0


def again(test):
    """The second visit shows what is known before the link has said a word."""
    server, proxy, home = start(test)
    home.cli("sync")
    proxy.delay_s = 0.15
    proxy.clear()
    began = time.monotonic()
    with home.screen() as screen:
        screen.wait(lambda: place(screen) and place(screen)[1] == COUNT)
        test.say("warm start at 300 ms: %.3f s" % (time.monotonic() - began))
        assert time.monotonic() - began < 1
        screen.wait("pushed", timeout_s=30)
        test.say("connected and pushed: %d turns, %d bytes down" % (proxy.turns, proxy.down))
        server.deliver(message("Over the slow link"))
        screen.wait("Over the slow link", timeout_s=20)
        assert screen.quit() == 0


def economy(test):
    """A visit to a server on which nothing has changed: two connections, three turns after the sign-ins, four kilobytes."""
    server, _, home = start(test)
    proxy = test.enter(Proxy(server.imap))
    home.configure(account("imap+plain", port=proxy.port))
    home.cli("sync")
    proxy.clear()
    with home.screen() as screen:
        screen.wait("pushed", timeout_s=30)
        screen.settle(0.5)
        signing_in = bytes(proxy.said).count(b"AUTHENTICATE SCRAM") * 3  # the proof, and an empty line for the server's own
        test.say("nothing new: %d connections, %d turns besides %d to sign in, %d bytes down, %d up"
                 % (proxy.connections, proxy.turns - signing_in, signing_in, proxy.down, proxy.up))
        assert proxy.connections == 2 and signing_in == 6, bytes(proxy.said)
        assert proxy.turns - signing_in <= 3, bytes(proxy.said)
        assert proxy.down <= 4096, proxy.down
        # of a folder that it has open Dovecot need not read the list of files a second time
        assert bytes(proxy.said).index(b" SELECT ") < bytes(proxy.said).index(b" LIST "), bytes(proxy.said)
        server.deliver(message("Told all the same"))
        screen.wait("Told all the same", timeout_s=20)
        with server.imap_client() as client:  # a folder that nobody watches: by the next pass
            client.append("Old", "", None, message("In another folder"))
        assert screen.quit() == 0
    home.cli("sync")
    assert home.folders()["work/Old"]["total"] == 21


def black_hole(test):
    """The link takes everything and answers nothing: with the program connected, and at its start."""
    server, proxy, home = start(test)
    home.cli("sync")
    with home.screen() as screen:
        screen.wait("pushed", timeout_s=30)
        proxy.black_hole = True
        server.deliver(message("Into the dark"))
        measure(test, screen, "black hole while connected")
        screen.press(ENTER, lambda: re.search(r"Words of letter \d+", screen.text()), "cached mail opens")
        screen.press("q", lambda: place(screen))
        screen.press("d", lambda: place(screen)[1] == COUNT - 1, "deleting works meanwhile")
        proxy.cut()
        proxy.black_hole = False
        began = time.monotonic()
        screen.wait(lambda: re.search(r"1 new · %d\b" % COUNT, screen.line(0)), "the new mail is counted", timeout_s=90)
        test.say("the link is back: new mail after %.1f s" % (time.monotonic() - began))
        screen.wait("pushed", timeout_s=60)
        assert screen.quit() == 0
    proxy.black_hole = True
    began = time.monotonic()
    with home.screen() as screen:
        screen.wait(lambda: place(screen), "the store opens")
        test.say("start into a black hole: %.3f s" % (time.monotonic() - began))
        measure(test, screen, "black hole from the start")
        assert screen.quit() == 0


def silence(test):
    """Whoever waits for a server that says nothing is told so in two seconds."""
    server, proxy, home = start(test)
    home.cli("sync")
    with home.screen() as screen:
        screen.wait("pushed", timeout_s=30)
        proxy.black_hole = True
        began = time.monotonic()
        screen.press("d", lambda: place(screen)[1] == COUNT - 1)
        screen.wait("no answer", timeout_s=15)
        told = time.monotonic() - began
        test.say("a silent server is told after %.1f s" % told)
        assert told < 6
        proxy.black_hole = False
        proxy.cut()
        screen.wait(lambda: "no answer" not in screen.text() and "pushed" in screen.text(), "all is well again", timeout_s=60)
        wait_for(lambda: len(server.listing("Trash")) == 1 and len(server.listing("INBOX")) == COUNT - 1, "the deletion is done, once", 30)
        assert screen.quit() == 0


def suspended(test):
    """The program sleeps, as in a laptop's suspend, while the connections die and mail comes."""
    server, proxy, home = start(test)
    home.cli("sync")
    with home.screen() as screen:
        screen.wait("pushed", timeout_s=30)
        os.kill(screen.process.pid, signal.SIGSTOP)
        proxy.cut()
        server.deliver(message("While we slept"))
        os.kill(screen.process.pid, signal.SIGCONT)
        began = time.monotonic()
        screen.wait("While we slept", timeout_s=60)
        test.say("after a suspend: new mail after %.1f s" % (time.monotonic() - began))
        assert screen.quit() == 0


def restarted(test):
    """The server goes away and comes back."""
    server, proxy, home = start(test)
    home.cli("sync")
    with home.screen() as screen:
        screen.wait("pushed", timeout_s=30)
        server.stop()
        began = time.monotonic()
        screen.wait(lambda: re.search("retry|offline", screen.line(0)), "it is told", timeout_s=15)
        test.say("a server that has gone is told after %.1f s" % (time.monotonic() - began))
        server.start()
        server.deliver(message("After the restart"))
        screen.wait("After the restart", timeout_s=90)
        screen.wait("pushed", timeout_s=60)
        assert screen.quit() == 0


def compressed(test):
    """On a slow link the server's COMPRESS is used, and what is here at the end is the same. On a quick one it is left alone."""
    mail = [(message("Letter %03d" % number, body="Words of letter %03d.\n" % number * 20, ident="compressed%d@test" % number), True)
            for number in range(COUNT)]
    sizes, subjects = {}, {}
    for name, delay_s, offered in (("plain", .02, False), ("compressed", .02, True), ("quick", 0, True)):
        server = test.dovecot(name=name[0], fill={"INBOX": mail}, extra="protocol imap {\n  mail_plugins = imap_zlib\n}\n" if offered else "")
        proxy = test.enter(Proxy(server.imap))
        proxy.delay_s = delay_s
        home = test.home(name)
        home.configure(account("imap", port=proxy.port, ca=server.ca.path))
        home.cli("sync")
        listed = home.cli("search", "--json", "subject:letter").stdout
        assert "Words of letter 150" in home.cli("show", "--text", "id:compressed150@test").stdout
        sizes[name], subjects[name] = proxy.down, sorted(set(re.findall(r"Letter \d+", listed)))
        test.say("%s: %d bytes down, %d up" % (name, proxy.down, proxy.up))
        server.stop()
    assert len(subjects["plain"]) == COUNT and subjects["plain"] == subjects["compressed"] == subjects["quick"]
    assert sizes["compressed"] < sizes["plain"] / 2 and sizes["quick"] > sizes["plain"] * .9, sizes


def quits(test):
    """Leaving does not wait for a dead link."""
    server, proxy, home = start(test)
    with home.screen() as screen:
        screen.wait(lambda: place(screen))
        proxy.black_hole = True
        screen.press("d", lambda: True)
        screen.settle()
        began = time.monotonic()
        assert screen.quit() == 0
        test.say("quit with a dead link: %.2f s" % (time.monotonic() - began))
        assert time.monotonic() - began < 5


if __name__ == "__main__":
    run_tests(slow, filling, again, economy, black_hole, silence, suspended, restarted, compressed, quits)
