"""multiprocessing.Queue: numbers back and forth, or one way. Each line read is a number of them, each written a time in ns."""

import multiprocessing
import os
import sys
import time


def pin(index):
    usable = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, [usable[index % len(usable)]])


def other(work, there, back):
    pin(1)
    if work == "ping-pong":
        while (number := there.get()) is not None:
            back.put(number)
    else:
        while (count := there.get()) is not None:
            back.put(sum(there.get() for _ in range(count)))


def ping_pong(count, there, back):
    for number in range(count):
        there.put(number)
        assert back.get() == number


def one_way(count, there, back):
    there.put(count)
    for number in range(count):
        there.put(number)
    assert back.get() == count * (count - 1) // 2


def main(work):
    context = multiprocessing.get_context("fork")
    there, back = context.Queue(1024), context.Queue(1024)
    process = context.Process(target=other, args=(work, there, back))
    process.start()
    pin(0)
    for line in sys.stdin:
        begin = time.monotonic_ns()
        {"ping-pong": ping_pong, "one way": one_way}[work](int(line), there, back)
        print(time.monotonic_ns() - begin, flush=True)
    there.put(None)
    process.join()


main(sys.argv[1])
