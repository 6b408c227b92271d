#!/usr/bin/python3
"""What goes wrong around the program: a wrong configuration, a folder name with a line end, a home that can't be written, a damaged index and a
damaged store. It says what, and where; nothing is lost that could be kept."""
import collections
import glob
import os
import random
import re
import shutil
import subprocess
import time
import unicodedata

from fulmar import ESC, HERE, message, run_tests, wait_for



class Wrong(collections.namedtuple("Wrong", "place words text")):
    """The text in bytes, the place in bytes of it."""

    def __repr__(self):
        return "%r... at %d" % (self.text[:60], self.place)



def local(test, name="Mail", count=6):
    maildir = test.path(name)
    for part in ["cur", "new", "tmp"]:
        os.makedirs(os.path.join(maildir, part))
    for number in range(count):
        with open(os.path.join(maildir, "cur/%d.test:2,S" % (1000 + number)), "wb") as out:
            out.write(message("Kept %02d" % number, body="Rareword%d here.\n" % number))
    return maildir


def account_of(maildir):
    return "[account local]\naddress = ada@localhost\nmaildir = %s\n" % maildir


def configuration(test):
    """Each bad line is told with its place, and the rest holds."""
    home, maildir = test.home(), local(test)
    home.configure("[account local]\naddress = ada@localhost\nmaildri = x\nmaildir = %s\nnonsense\n[ui]\ntheme = purplish\nthread = true\n"
                   "[nosuch]\nkey = value\n[account broken]\naddress = a@b\nimap = http://elsewhere\n" % maildir)
    home.cli("sync")
    run = home.cli("folders", "--json")
    assert "local/INBOX" in run.stdout, run.stdout + run.stderr
    for line, word in [(3, "maildir"), (5, "name = value"), (8, "threads"), (9, "nosuch"), (13, "imap")]:
        assert re.search(r"fulmar\.conf:%d\b.*%s" % (line, word), run.stderr), "line %d: %s" % (line, run.stderr)
    with home.screen() as screen:
        screen.wait("Kept 05")
        assert re.search("no theme is called `purplish`", home.log()), home.log()
        assert screen.quit() == 0
    missing = home.cli("-c", test.path("none.conf"), "folders", check=False)
    assert missing.returncode == 1 and "none.conf" in missing.stderr, missing.stderr


def folder_name(test):
    """A directory whose name has a line end and an escape: shown harmlessly, usable or told."""
    home, maildir = test.home(), local(test)
    for part in ["cur", "new", "tmp"]:
        os.makedirs(os.path.join(maildir, ".Evil\n\033[31mred", part))
    home.configure(account_of(maildir))
    home.cli("sync")
    listing = home.cli("folders").stdout
    assert "\033" not in listing and "local/INBOX" in listing, listing
    with home.screen() as screen:
        screen.wait("Kept 05")
        assert "\n\033[31mred" not in screen.received.decode(errors="replace")
        assert screen.quit() == 0


def unwritable(test):
    """A home under a file: no directory can be made there, not even by root."""
    open(test.path("file"), "w").close()
    home, maildir = test.home(), local(test)
    home.configure("store = %s\n" % test.path("file/store") + account_of(maildir))
    run = home.cli("folders", check=False)
    assert run.returncode == 1 and test.path("file/store") in run.stderr, (run.returncode, run.stderr)
    with home.screen() as screen:
        screen.process.wait(10)
        screen.pump(0.2)
        assert screen.process.returncode == 1 and test.path("file") in re.sub(r"\s*\n\s*", "", screen.text()), screen.picture()


NO_SHARED_MEMORY = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void *
mmap64 (void *address, size_t size, int protection, int flags, int fd, off_t offset)
{
  char link[64], path[4096];
  ssize_t length = -1;
  if (fd >= 0 && (flags & MAP_SHARED) != 0)
    {
      snprintf (link, sizeof link, "/proc/self/fd/%d", fd);
      length = readlink (link, path, sizeof path);
    }
  if (length > 4 && memcmp (path + length - 4, "-shm", 4) == 0)
    {
      errno = ENODEV;
      return MAP_FAILED;
    }
  void *(*real) (void *, size_t, int, int, int, off_t) = dlsym (RTLD_NEXT, "mmap64");
  return real (address, size, protection, flags, fd, offset);
}

void *
mmap (void *address, size_t size, int protection, int flags, int fd, off_t offset)
{
  return mmap64 (address, size, protection, flags, fd, offset);
}
"""


def no_shared_memory(test):
    """A store where its log can't work: the file system refuses to share memory, as some that are mounted from elsewhere do. It is said, with
    what to do; done, it works."""
    source, library = test.path("shim.c"), test.path("shim.so")
    with open(source, "w") as out:
        out.write(NO_SHARED_MEMORY)
    subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    home, maildir = test.home(), local(test)
    home.extra_environment = {"LD_PRELOAD": library, "ASAN_OPTIONS": "verify_asan_link_order=0"}
    home.configure(account_of(maildir))
    for _ in range(2):
        run = home.cli("sync", check=False)
        assert run.returncode == 1 and "can't hold the store" in run.stderr and "store = DIR" in run.stderr, (run.returncode, run.stderr)
    with home.screen() as screen:
        screen.process.wait(10)
        screen.pump(0.2)
        assert screen.process.returncode == 1 and "can't hold the store" in re.sub(r"\s*\n\s*", " ", screen.text()), screen.picture()
    home.extra_environment = {}
    home.configure("store = %s\n" % test.path("elsewhere") + account_of(maildir))
    home.cli("sync")
    assert len(home.json("list", "--json", "local/INBOX")) == 6


def index_files(home):
    return sorted(glob.glob(home.folder + "/data/index/gen-*/.notmuch/xapian/*lass"))


def ruin(paths):
    for path in paths:
        with open(path, "r+b") as out:
            out.write(b"\0garbage\377" * 50)


def spoil(path):
    """The blocks of one table, all but the first."""
    with open(path, "r+b") as out:
        out.seek(8192)
        out.write(b"\377" * max(0, os.path.getsize(path) - 8192))


def damaged_index(test):
    """Whatever is wrong with its files, the next sync ends with a whole index, and it is said; on the screen, too, behind which it is built."""
    home, maildir = test.home(), local(test, count=200)
    home.configure(account_of(maildir))
    home.cli("sync")
    damages = [("every file", lambda: ruin(index_files(home))), ("the version", lambda: ruin([path for path in index_files(home) if "iamglass" in path])),
               ("a table", lambda: spoil(next(path for path in index_files(home) if "postlist" in path))),
               ("a table missing", lambda: os.unlink(next(path for path in index_files(home) if "termlist" in path))),
               ("a generation missing", lambda: [shutil.rmtree(path) for path in glob.glob(home.folder + "/data/index/gen-*")]),
               ("all of it missing", lambda: shutil.rmtree(home.folder + "/data/index")),
               ("the number", lambda: open(home.folder + "/data/index/generation", "w").write("fulmar-index 2 77 0 someone\n"))]
    for what, damage in damages:
        assert len(home.json("search", "--json", "rareword3")) == 1
        damage()
        run = home.cli("sync")
        assert "index is built anew" in run.stderr + home.log(), (what, run.stderr, home.log())
        assert len(home.json("search", "--json", "rareword3")) == 1, "found again after: " + what
        assert len(home.json("search", "--json", "body:here")) == 200, what
        os.path.exists(home.folder + "/fulmar.log") and os.unlink(home.folder + "/fulmar.log")
    ruin(index_files(home))
    with home.screen() as screen:
        screen.wait("Kept 199")
        screen.wait(lambda: "index is built anew" in screen.text() or "index is complete again" in screen.text(), "it is said")
        screen.wait(lambda: "index is complete again" in screen.text() or "index is complete again" in home.log(), "and the end of it")
        screen.press("/", lambda: "search:" in screen.last_line())
        screen.press("rareword77\r", "1 found")
        assert screen.quit() == 0


def killed_rebuild(test):
    """kill -9 at any moment of a rebuild, and between its beginning and the store's knowing of it: in the end every mail is found."""
    home, maildir = test.home(), local(test, count=400)
    home.configure(account_of(maildir))
    home.cli("sync")
    path = home.folder + "/data/index/generation"
    with open(path) as file:
        name, form, current, building, identity = file.read().split()
    with open(path, "w") as out:
        out.write("%s %s %s %d %s\n" % (name, form, current, int(current) + 1, identity))
    home.cli("sync")
    assert len(home.json("search", "--json", "body:here")) == 400, "marks of the old generation are no marks of the new one"
    seed = random.randrange(1 << 30)
    source, alive = random.Random(seed), 0
    ruin(index_files(home))
    for _ in range(8):
        job = home.start_cli("sync")
        end = time.monotonic() + source.uniform(0.02, 0.6)
        wait_for(lambda: time.monotonic() > end or job.poll() is not None, "the moment", 5)
        alive += job.poll() is None
        job.kill()
        job.communicate()
    test.say("killed %d of 8 times in mid-work (seed %d)" % (alive, seed))
    home.cli("sync")
    assert len(home.json("search", "--json", "body:here")) == 400
    assert len(home.json("search", "--json", "rareword399")) == 1


def damaged_store(test):
    home, maildir = test.home(), local(test)
    home.configure(account_of(maildir))
    home.cli("sync")
    for path in glob.glob(home.folder + "/data/state.db-*"):
        os.unlink(path)
    with open(home.folder + "/data/state.db", "r+b") as out:
        out.write(b"this is no database" * 400)
    run = home.cli("sync", check=False)
    told = run.stderr + run.stdout + home.log()
    assert run.returncode == 0, told
    aside = [path for path in glob.glob(home.folder + "/data/*") if re.search(r"damaged|corrupt|broken", os.path.basename(path))]
    assert aside and os.path.basename(aside[0]) in told, (os.listdir(home.folder + "/data"), told)
    assert len(home.json("list", "--json", "local/INBOX")) == 6
    assert len(os.listdir(maildir + "/cur")) == 6


def wrong_queries():
    def byte(match):
        return bytes([int(match[1], 8)])

    def repeated(match):
        return match[2] * int(match[1])
    with open(os.path.join(HERE, "../data/wrong-queries.tsv"), "rb") as table:
        for line in table.read().splitlines():
            if not line.startswith(b"#"):
                place, words, text = line.split(b"\t", 2)
                text = re.sub(rb"\{(\d+):([^}]*)\}", repeated, re.sub(rb"\\([0-7]{3})", byte, text))
                yield Wrong(int(place), words.decode(), text)


def columns(text):
    return sum(2 if unicodedata.east_asian_width(c) == "W" else 1 for c in text)


def queries_on_the_command_line(test):
    """A query that is wrong is a matter of usage: nothing on stdout, the mistake in words, and a caret under its place in a line that fits."""
    home = test.home()
    home.configure(account_of(local(test)))
    for wrong in wrong_queries():
        run = home.cli("search", "--", wrong.text, check=False)
        assert run.returncode == 2 and run.stdout == "" and wrong.words in run.stderr, (wrong, run)
        shown, caret = run.stderr.splitlines()[-2:]
        assert caret.strip() == "^" and columns(shown) <= 80, (wrong, run.stderr)
        here = next(at for at in range(len(shown) + 1) if columns(shown[:at]) == len(caret) - 1)
        rest = wrong.text[wrong.place:].decode(errors="replace")[:1]
        assert shown[here:here + 1] in (rest, {"": "", "\x01": " ", "\x1b": " ", "\n": " ", "\t": " ", "\x7f": " "}.get(rest)), (wrong, run.stderr)
        before = wrong.text[:wrong.place].decode(errors="replace").lstrip()[-20:]
        assert shown[:here].endswith(before), (wrong, run.stderr)


def queries_in_the_prompt(test):
    """There a wrong query stays in the prompt, the mistake above it and the cursor on its place; what is typed next mends it. Only what can't be
    typed is left out."""
    home = test.home()
    home.configure(account_of(local(test)))
    with home.screen() as screen:
        screen.wait("Kept 05")
        for wrong in wrong_queries():
            if wrong.words in ("control", "UTF-8"):
                continue
            text = wrong.text.decode()
            last = screen.columns - 1  # a cursor there may be told as just beyond
            at = len("search: ") + columns(wrong.text[:wrong.place].decode())
            screen.press("/", lambda: screen.last_line().startswith("search: "))
            screen.press("\033[200~" + text + "\033[201~", lambda: text[-20:].strip() in screen.last_line())
            screen.press("\r", lambda: wrong.words in screen.line(screen.rows - 2), wrong)
            assert screen.cursor()[1] == screen.rows - 1 and min(screen.cursor()[0], last) == min(at, last), (wrong, screen.cursor())
            screen.press("\005", lambda: wrong.words not in screen.line(screen.rows - 2), "the next key takes the words away")
            assert text[-20:].strip() in screen.last_line(), "what was typed is kept: " + screen.picture()
            screen.press("\007", lambda: "search:" not in screen.last_line())
        screen.press("/kept and (05\r", lambda: "never closed" in screen.line(screen.rows - 2))
        screen.press("\005)\r", lambda: "1 found" in screen.line(0), "mended and searched for")
        screen.press("q", "Kept 04")
        screen.press(":search ((\r", lambda: "must follow here (at character 3" in screen.last_line())
        screen.press("n", lambda: "no other hit here for kept and (05)" in screen.last_line(), "n looks for what was searched for last")
        screen.press("l~f\r", lambda: "needs something" in screen.line(screen.rows - 2), "other prompts that take a query do the same")
        screen.press(ESC + ESC, lambda: "limit" not in screen.last_line())
        assert screen.quit() == 0


if __name__ == "__main__":
    run_tests(configuration, folder_name, unwritable, damaged_store, no_shared_memory, damaged_index, killed_rebuild,
              queries_on_the_command_line, queries_in_the_prompt)
