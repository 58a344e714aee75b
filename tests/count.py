#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Counts single tests in Meson's JSON logs, and holds every skip against the
list of those that are allowed.

usage: count.py SKIPS.ALLOW LOG.JSON...

Prints what failed, every skip with its reason, and as its last line
`N passed, N failed, N skipped`. A program that is no TAP program counts as one
test. Exit status 1 when something failed, was skipped without leave, or when
nothing ran.
"""
import json
import re
import sys

LINE = re.compile(r"^(not )?ok\b\s*\d*\s*-?\s*(.*?)(?:\s*#\s*(SKIP|TODO)\b\s*(.*))?$",
                  re.IGNORECASE)


def allowed(path):
    """Each line: a pattern that the whole of `suite: reason` must match."""
    with open(path, encoding="utf-8") as f:
        lines = [line.strip() for line in f]
    return [re.compile(line) for line in lines if line and not line.startswith("#")]


def tests_of(run):
    """(name, state, reason) of each test of one program."""
    out = run.get("stdout") or ""
    found = []
    for line in out.splitlines():
        m = LINE.match(line)
        if m:
            skip = (m.group(3) or "").upper() == "SKIP"
            state = "skip" if skip else "fail" if m.group(1) else "pass"
            found.append((m.group(2), state, m.group(4) or ""))
    yield from found
    if run["result"] == "SKIP" and not found:
        yield run["name"], "skip", "the program skipped itself"
    bad = any(state == "fail" for _, state, _ in found)
    good = run["result"] in ("OK", "EXPECTEDFAIL", "SKIP")
    if not good and not bad:
        # crashed, timed out, or ended before its plan
        yield run["name"], "fail", run["result"].lower()
    elif good and not found and run["result"] != "SKIP":
        yield run["name"], "pass", ""


def main(argv):
    if len(argv) < 3:
        sys.exit(__doc__)
    allow = allowed(argv[1])
    count = {"pass": 0, "fail": 0, "skip": 0}
    for path in argv[2:]:
        with open(path, encoding="utf-8") as f:
            runs = [json.loads(line) for line in f if line.strip()]
        if not runs:
            print(f"FAILED  {path}: no program ran")
            count["fail"] += 1
        for run in runs:
            for name, state, reason in tests_of(run):
                full = f"{run['name']}: {name}"
                if state == "skip":
                    if any(p.fullmatch(reason) for p in allow):
                        print(f"skipped {full}: {reason}")
                    else:
                        print(f"FAILED  {full}: skipped without leave: {reason!r} "
                              "is not in tests/skips.allow")
                        state = "fail"
                elif state == "fail":
                    print(f"FAILED  {full} {reason}")
                count[state] += 1
    print(f"{count['pass']} passed, {count['fail']} failed, {count['skip']} skipped")
    return 1 if count["fail"] or count["pass"] == 0 else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
