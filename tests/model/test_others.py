#!/usr/bin/python3
"""The random sequences of test_model.py against servers of other makes; apart from it, since one test has only so much time."""
from test_model import OTHERS, run_all
from fulmar import run_tests
from places import Courier, Cyrus


def cyrus(test):
    run_all(test, test.enter(Cyrus()), OTHERS)


def courier(test):
    run_all(test, test.enter(Courier()), OTHERS)


if __name__ == "__main__":
    run_tests(cyrus, courier)
