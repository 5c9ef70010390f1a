"""Work that threads do ahead of the one who takes the results."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import Any


def ahead(tasks: Iterable[Callable[[], Any]], count: int, threads: int) -> Generator[Any, None, None]:
    """Yield the results of tasks in their order, of which up to `count` are begun before they are asked for.

    An error of a task is raised in its turn. However the iteration ends (all is done, an error, or nobody takes what
    is left and the iterator is closed), tasks that were not begun are dropped, those that were are waited for, and the
    threads end.
    """
    waiting: deque[Future[Any]] = deque()
    remaining = iter(tasks)
    executor = ThreadPoolExecutor(threads, thread_name_prefix="nn-data")
    try:
        waiting.extend(executor.submit(task) for task in islice(remaining, count))
        while waiting:
            result = waiting.popleft().result()
            waiting.extend(executor.submit(task) for task in islice(remaining, 1))
            yield result
    finally:
        executor.shutdown(wait=True, cancel_futures=True)
