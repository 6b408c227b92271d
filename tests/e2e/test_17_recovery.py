#!/usr/bin/python3
"""The database is damaged: at its head, in the middle, cut short, gone, in its log. It is moved aside and that is said; mail is read again from
its files, nothing is lost, nothing is twice, and nothing that is here is fetched a second time; also when the program is killed meanwhile. What only the database knew of POP mail comes back too."""
import glob
import os
import random
import time

from fulmar import Proxy, account, message, run_tests, wait_for

COUNT = 60
BODY = "Some line of a letter that is long enough to be seen on the line.\n" * 40


def letters(kind):
    return [(message("Letter %d" % number, body="Keepword%d stands here.\n" % number + BODY, ident="%s.%d@test" % (kind, number)), 0)
            for number in range(COUNT)]


def database(home):
    return home.folder + "/data/state.db"


def drop_log(home):
    for path in glob.glob(database(home) + "-*"):
        os.unlink(path)


def overwrite(home, begin, end, data=b"this is no database "):
    path = database(home)
    size = os.path.getsize(path)
    with open(path, "r+b") as out:
        out.seek(int(size * begin))
        out.write((data * (size // len(data) + 1))[:int(size * end) - int(size * begin)])


def cut(home, share):
    drop_log(home)
    os.truncate(database(home), int(os.path.getsize(database(home)) * share) // 4096 * 4096 + 17)


DAMAGES = [("at its head", lambda home: (drop_log(home), overwrite(home, 0, 0.1))),
           ("all of it", lambda home: (drop_log(home), overwrite(home, 0, 1))),
           ("in the middle", lambda home: overwrite(home, 0.2, 0.9)),
           ("cut short", lambda home: cut(home, 0.4)),
           ("gone", lambda home: (drop_log(home), os.unlink(database(home))))]


def aside(home):
    return [path for path in glob.glob(database(home) + ".corrupt-*") if not path.endswith(("-wal", "-shm"))]


def heal(test, home, what):
    """Until all is well: damage that only a look into the middle finds is healed by the run after the one that met it."""
    told = ""
    for _ in range(3):
        run = home.cli("sync", check=False)
        told += run.stderr
        if run.returncode == 0:
            break
    assert run.returncode == 0, (what, told)
    return told + home.log()


def once_each(home, kind, what, folder="work/INBOX"):
    rows = home.json("list", "--json", "--limit", "1000", folder)
    assert sorted(row["message_id"] for row in rows) == sorted("%s.%d@test" % (kind, number) for number in range(COUNT)), (what, len(rows))
    found = home.json("search", "--json", "keepword7")
    assert [row["message_id"] for row in found] == [kind + ".7@test"], (what, found)
    shown = home.cli("show", "--text", "id:%s.33@test" % kind).stdout
    assert "Keepword33" in shown, (what, shown)


def pop(test):
    """With and without the mail still on the server: what is there is known again by its header."""
    for name, leave in [("d1", "forever"), ("d2", "none")]:
        server = test.dovecot(name, fill={"INBOX": letters("pop")})
        link = test.enter(Proxy(server.pop))
        home = test.home(leave)
        home.configure(account("pop+plain", port=link.port, leave=leave))
        home.cli("sync")
        whole, sessions = link.down, 0
        once_each(home, "pop", "before")
        for what, damage in DAMAGES:
            known = len(aside(home))
            damage(home)
            began = link.down
            told = heal(test, home, what)
            once_each(home, "pop", (leave, what))
            if what != "gone":
                assert len(aside(home)) == known + 1 and os.path.basename(sorted(aside(home))[-1]) in told, (what, told)
            assert link.down - began < whole / 3, "%s: %d bytes again, all are %d" % (what, link.down - began, whole)
            home.cli("sync")
            once_each(home, "pop", (leave, what, "once more"))
            sessions += 1
        test.say("leave = %s: %d messages back after each of %d damages" % (leave, COUNT, sessions))


def state_of(home):
    """Every row with its folder, flags and tags."""
    return sorted((row["message_id"], name, sorted(row["flags"]), sorted(row["tags"]))
                  for name in home.folders() for row in home.json("list", "--json", "--limit", "1000", name))


def places(test):
    """What no server knows of POP mail: folders of one's own, copies, stars, tags, what was read. A copy beside the database brings it back."""
    server = test.dovecot(fill={"INBOX": letters("pop")})
    home = test.home()
    home.configure(account("pop+plain", port=server.pop, leave="none"))
    home.cli("sync")
    for folder in ["work/Own", "work/Own/Zürich 100%"]:
        home.cli("folder", "create", folder)
    ids = ["id:pop.%d@test" % number for number in range(COUNT)]
    home.cli("move", "work/Own", *ids[:9])
    home.cli("move", "work/Own/Zürich 100%", *ids[9:12])
    home.cli("copy", "work/Own", *ids[12:15])
    home.cli("delete", *ids[15:18])
    home.cli("flag", "+seen", "+flagged", *ids[5:30])
    home.cli("tag", "+todo", "+later", *ids[20:25])
    home.extra_environment["FULMAR_TEST_CLOCK_OFFSET"] = "4000"  # it is not written every minute
    home.cli("sync")
    before = state_of(home)
    assert len(before) == COUNT + 3
    for what, damage in [damages for damages in DAMAGES if damages[0] in ("all of it", "gone", "cut short")]:
        damage(home)
        told = heal(test, home, what)
        assert state_of(home) == before, (what, [row for row in state_of(home) if row not in before][:5])
        assert "folders and marks are those of" in told, (what, told)
    # Without it all is in the inbox, as ever.
    os.unlink(home.folder + "/data/places/work")
    drop_log(home)
    os.unlink(database(home))
    assert "is not known any more" in heal(test, home, "without the copy")
    once_each(home, "pop", "without the copy")


def killed(test):
    """kill -9 in the middle of it, again and again."""
    server = test.dovecot(fill={"INBOX": letters("pop")})
    home = test.home()
    home.configure(account("pop+plain", port=server.pop, leave="none"))
    home.cli("sync")
    drop_log(home)
    overwrite(home, 0, 1)
    source = random.Random(seed := random.randrange(1 << 30))
    alive = 0
    for _ in range(10):
        job = home.start_cli("sync")
        end = time.monotonic() + source.uniform(0.01, 0.25)
        wait_for(lambda: time.monotonic() > end or job.poll() is not None, "the moment", 5)
        alive += job.poll() is None
        job.kill()
        job.communicate()
    test.say("killed %d of 10 times in mid-work (seed %d)" % (alive, seed))
    home.cli("sync")
    once_each(home, "pop", "after the kills")


if __name__ == "__main__":
    run_tests(pop, places, killed)
