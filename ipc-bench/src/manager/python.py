# Clients of a Manager of Python, each of which sets and gets a key of its own so many times as each line says; prints how long that
# took, in nanoseconds.
import sys
import time
from multiprocessing import Manager, Process, Queue


def client(shared, key, go, done):
    while True:
        n_pairs = go.get()
        if n_pairs is None:
            return
        for number in range(n_pairs):
            shared[key] = number
            assert shared[key] == number
        done.put(key)


if __name__ == "__main__":
    n_clients = int(sys.argv[2])
    with Manager() as manager:
        shared, go, done = manager.dict(), Queue(), Queue()
        clients = [Process(target=client, args=(shared, key, go, done)) for key in range(n_clients)]
        for process in clients:
            process.start()
        for line in sys.stdin:
            n_pairs = int(line)
            start = time.perf_counter_ns()
            for _ in clients:
                go.put(n_pairs)
            for _ in clients:
                done.get()
            print(time.perf_counter_ns() - start, flush=True)
        for _ in clients:
            go.put(None)
        for process in clients:
            process.join()
