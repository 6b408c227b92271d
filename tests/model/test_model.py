#!/usr/bin/python3
"""Random sequences of actions by three clients of one mailbox: two Fulmars and a raw IMAP client, with cuts of the connection at any byte, kill -9
at any system call, offline periods and restarts of the server, against several servers (places.py). At rest all agree (sequence.py has the rules). A
sequence is made from its seed and the generator's version, VERSION/SEED, which is printed; FULMAR_SEED=VERSION/SEED,... runs those and tells their
steps, FULMAR_FIRST and FULMAR_SEQUENCES say from which on and how many, and a seed that ever failed is run for ever (seeds.txt). Races are not in the
seed: FULMAR_REPEAT runs a sequence so many times. FULMAR_KEEP leaves the stores of what failed, with what passed on the wire; FULMAR_SHRINK leaves out
the steps that are not needed."""
import multiprocessing
import os
import shutil
import sys
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from places import Dovecot, DovecotCondstore, DovecotOld
from sequence import VERSION, Sequence, generate  # noqa: E402
from world import SLOWNESS, Wrong, Zygote, memory_folder  # noqa: E402
from fulmar import SOAK, run_tests  # noqa: E402

COUNT = int(os.environ.get("FULMAR_SEQUENCES", 5000 if SOAK else 200 / SLOWNESS))
OTHERS = 0.1  # of the sequences, to each server but the first; it gets the rest, and in a soak all of them
REPEAT = int(os.environ.get("FULMAR_REPEAT", "1"))


def attempt(place, zygote, seed, steps, tag):
    """What is wrong, or None; and the log."""
    sequence = Sequence(place, zygote, seed, steps, tag)
    try:
        sequence.run()
        return None, sequence.log
    except Wrong as wrong:
        return str(wrong), sequence.log
    except Exception:
        return traceback.format_exc(), sequence.log
    finally:
        sequence.close()


def shrink(place, zygote, seed, steps, tag, tries=3):
    """A shorter list of steps that still goes wrong."""
    size = max(len(steps) // 2, 1)
    while size:
        at = 0
        while at < len(steps):
            fewer = steps[:at] + steps[at + size:]
            if any(attempt(place, zygote, seed, fewer, "%sx%d" % (tag, time.monotonic_ns()))[0] for _ in range(tries)):
                steps = fewer
            else:
                at += size
        size //= 2
    return steps


def work(place, seeds, worker, results):
    folder = memory_folder("fmz-")
    zygote = Zygote(folder)
    try:
        for name, again in seeds:
            version, seed = (int(part) for part in name.split("/"))
            steps = generate(seed, version)
            wrong, log = attempt(place, zygote, seed, steps, "%dx%dx%d" % (version, seed, again))
            if wrong and "FULMAR_SHRINK" in os.environ:
                steps = shrink(place, zygote, seed, steps, str(seed))
                for again in range(10):
                    found, told = attempt(place, zygote, seed, steps, "%dy%d" % (seed, again))
                    if found:
                        wrong, log = found, told
                        break
            results.put((name, wrong, log))
    except BaseException:
        results.put((None, traceback.format_exc(), []))
    finally:
        zygote.close()
        shutil.rmtree(folder, ignore_errors=True)
        results.put(None)


def kept_seeds(place):
    """VERSION/SEED, a blank, and what was wrong; after an @ the places where it was, else Dovecot, however old it looks."""
    with open(os.path.join(HERE, "seeds.txt")) as lines:
        words = [line.split()[0] for line in lines if line.strip() and not line.startswith("#")]
    for word in words:
        name, _, places = word.partition("@")
        if place.NAME in places.split(",") if places else place.NAME.startswith("dovecot"):
            yield name


def chosen_seeds(place, share):
    if "FULMAR_SEED" in os.environ:
        return [word if "/" in word else "%d/%s" % (VERSION, word) for word in os.environ["FULMAR_SEED"].split(",")]
    first = int(os.environ.get("FULMAR_FIRST", time.time() if SOAK else 1))
    return list(kept_seeds(place)) + ["%d/%d" % (VERSION, seed) for seed in range(first, first + max(int(COUNT * share), 1))]


def run_all(test, place, share=1.0):
    seeds = [(seed, again) for seed in chosen_seeds(place, share) for again in range(REPEAT)]
    results, workers = multiprocessing.Queue(), min(3 * (os.cpu_count() or 1), len(seeds))
    began = time.monotonic()
    processes = [multiprocessing.Process(target=work, args=(place, seeds[worker::workers], worker, results)) for worker in range(workers)]
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
    run_all(test, test.enter(Dovecot(test.path("d"))), 1 if SOAK else 1 - 4 * OTHERS)


def condstore_only(test):
    run_all(test, test.enter(DovecotCondstore(test.path("d"))), OTHERS)


def flags_compared(test):
    run_all(test, test.enter(DovecotOld(test.path("d"))), OTHERS)


if __name__ == "__main__":
    run_tests(dovecot, condstore_only, flags_compared)
