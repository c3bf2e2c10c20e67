"""Queue or Pipe of multiprocessing: numbers back and forth, or one way. Each line read is a number of them, each written a time in ns."""

import multiprocessing
import os
import sys
import time


def pin(index):
    usable = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, [usable[index % len(usable)]])


class Pipe:
    """One direction of a pipe, with the names that a queue has."""

    def __init__(self, context):
        self.reader, self.writer = context.Pipe(duplex=False)
        self.get, self.put = self.reader.recv, self.writer.send


def other(work, there, back):
    pin(1)
    if work.startswith("bytes"):
        while (count := there.get()) is not None:
            back.put(sum(len(there.reader.recv_bytes()) for _ in range(count)))
        return
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


def send_bytes(count, there, back, size):
    message = bytes(size)
    there.put(count)
    for _ in range(count):
        there.writer.send_bytes(message)
    assert back.get() == count * size


def main(carrier, work):
    context = multiprocessing.get_context("fork")
    make = (lambda: Pipe(context)) if carrier.endswith("Pipe") else (lambda: context.Queue(1024))
    there, back = make(), make()
    process = context.Process(target=other, args=(work, there, back))
    process.start()
    pin(0)
    for line in sys.stdin:
        begin = time.monotonic_ns()
        if work.startswith("bytes"):
            send_bytes(int(line), there, back, int(work.split()[1]))
        else:
            {"ping-pong": ping_pong, "one way": one_way}[work](int(line), there, back)
        print(time.monotonic_ns() - begin, flush=True)
    there.put(None)
    process.join()


main(*sys.argv[1:])
