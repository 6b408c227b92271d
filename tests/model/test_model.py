#!/usr/bin/python3
"""Random sequences of actions by three clients of one mailbox: two Fulmars and a raw IMAP client, with cuts of the connection at any byte, kill -9
at any system call, offline periods and restarts of the server. At rest all agree (sequence.py has the rules). A sequence is made from its seed,
which is printed; FULMAR_SEED=N,... runs those and tells their steps, FULMAR_FIRST and FULMAR_SEQUENCES say from which on and how many, and a seed that
ever failed is run for ever (seeds.txt). Races are not in the seed: FULMAR_REPEAT runs a sequence so many times. FULMAR_KEEP leaves the stores of what
failed, with what passed on the wire; FULMAR_SHRINK leaves out the steps that are not needed."""
import imaplib
import multiprocessing
import os
import sys
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from sequence import Sequence, generate  # noqa: E402
from world import SLOWNESS, Wrong, Zygote, memory_folder  # noqa: E402
from fulmar import PASSWORD, SOAK, run_tests  # noqa: E402

COUNT = int(os.environ.get("FULMAR_SEQUENCES", 5000 if SOAK else 200 / SLOWNESS))
OLDER = 0.1  # of the sequences, to a server that knows less
REPEAT = int(os.environ.get("FULMAR_REPEAT", "1"))
EXTRA = """
mail_fsync = never
verbose_proctitle = yes
passdb {
  driver = static
  args = password=s3cret
}
service imap {
  service_count = 50
  process_min_avail = 4
}
"""


def attempt(server, zygote, seed, steps, tag):
    """What is wrong, or None; and the log."""
    sequence = Sequence(server, zygote, seed, steps, tag, " CONDSTORE " not in server.options.get("capability", " CONDSTORE "))
    try:
        sequence.run()
        return None, sequence.log
    except Wrong as wrong:
        return str(wrong), sequence.log
    except Exception:
        return traceback.format_exc(), sequence.log
    finally:
        sequence.close()


def shrink(server, zygote, seed, steps, tag, tries=3):
    """A shorter list of steps that still goes wrong."""
    size = max(len(steps) // 2, 1)
    while size:
        at = 0
        while at < len(steps):
            fewer = steps[:at] + steps[at + size:]
            if any(attempt(server, zygote, seed, fewer, "%sx%d" % (tag, time.monotonic_ns()))[0] for _ in range(tries)):
                steps = fewer
            else:
                at += size
        size //= 2
    return steps


def work(server, seeds, worker, results):
    folder = memory_folder("fmz-")
    zygote = Zygote(folder)
    try:
        for seed, again in seeds:
            steps = generate(seed)
            wrong, log = attempt(server, zygote, seed, steps, "%dx%d" % (seed, again))
            if wrong and "FULMAR_SHRINK" in os.environ:
                steps = shrink(server, zygote, seed, steps, str(seed))
                for again in range(10):
                    found, told = attempt(server, zygote, seed, steps, "%dy%d" % (seed, again))
                    if found:
                        wrong, log = found, told
                        break
            results.put((seed, wrong, log))
    except BaseException:
        results.put((None, traceback.format_exc(), []))
    finally:
        zygote.close()
        os.rmdir(folder) if not os.listdir(folder) else None
        results.put(None)


def kept_seeds():
    with open(os.path.join(HERE, "seeds.txt")) as lines:
        return [int(line.split()[0]) for line in lines if line.strip() and not line.startswith("#")]


def chosen_seeds(share):
    if "FULMAR_SEED" in os.environ:
        return [int(word) for word in os.environ["FULMAR_SEED"].split(",")]
    first = int(os.environ.get("FULMAR_FIRST", time.time() if SOAK else 1))
    return kept_seeds() + list(range(first, first + max(int(COUNT * share), 1)))


def run_all(test, server, share=1.0):
    seeds = [(seed, again) for seed in chosen_seeds(share) for again in range(REPEAT)]
    results, workers = multiprocessing.Queue(), min(3 * (os.cpu_count() or 1), len(seeds))
    began = time.monotonic()
    processes = [multiprocessing.Process(target=work, args=(server, seeds[worker::workers], worker, results)) for worker in range(workers)]
    for process in processes:
        process.start()
    failed, left, done = [], workers, 0
    while left:
        result = results.get()
        if result is None:
            left -= 1
            continue
        done += 1
        seed, wrong, log = result
        if wrong:
            failed.append(seed)
            print("seed %s:\n%s\n%s\n" % (seed, "\n".join("  " + line for line in log), wrong), flush=True)
        elif "FULMAR_SEED" in os.environ and REPEAT == 1:
            print("seed %s:\n%s" % (seed, "\n".join("  " + line for line in log)))
    for process in processes:
        process.join()
    test.say("%d sequences, %.1f s" % (done, time.monotonic() - began))
    assert not failed, "%d of %d seeds fail: %s" % (len(failed), done, failed)


def dovecot(test):
    run_all(test, test.dovecot(extra=EXTRA))


def without(test, *capabilities):
    """The same server, made to look older."""
    with imaplib.IMAP4("127.0.0.1", test.dovecot("told", extra=EXTRA).imap) as client:
        client.login("ada", PASSWORD)
        told = client.capability()[1][0].decode().split()
    run_all(test, test.dovecot(capability=" ".join(word for word in told if word not in capabilities), extra=EXTRA), OLDER)


def condstore_only(test):
    without(test, "QRESYNC")


def flags_compared(test):
    without(test, "QRESYNC", "CONDSTORE", "LIST-STATUS", "MOVE")


if __name__ == "__main__":
    run_tests(dovecot, condstore_only, flags_compared)
