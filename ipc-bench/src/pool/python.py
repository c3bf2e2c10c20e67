# A Pool(2) of Python that does its work so many times as each line says, and prints how long that took, in nanoseconds.
import sys
import time
from multiprocessing import Pool


def successor(number):
    return number + 1


def run(pool, work, n_tasks):
    if work == "map":
        return pool.map(successor, range(n_tasks))
    if work == "single":
        return pool.map(successor, range(n_tasks), chunksize=1)
    return [pool.apply(successor, (number,)) for number in range(n_tasks)]


if __name__ == "__main__":
    work = sys.argv[2]
    with Pool(2) as pool:
        for line in sys.stdin:
            n_tasks = int(line)
            start = time.perf_counter_ns()
            results = run(pool, work, n_tasks)
            taken = time.perf_counter_ns() - start
            assert results == list(range(1, n_tasks + 1))
            print(taken, flush=True)
