"""The end of tasks that run beside the requests.

Spec: https://docs.python.org/3/library/asyncio-task.html#task-cancellation
"""

import asyncio
from typing import Any

AGAIN_S = 5.0
"""How long a task may clean up before it is cancelled once more."""


async def ended(*tasks: "asyncio.Task[Any]") -> list[Any]:
    """Cancel tasks until they have ended; return their results and exceptions.

    Once is not enough: `asyncio.wait_for`, in which the driver sends, forgets a cancellation that comes in the moment
    when what it waits for is done (Python before 3.12), and a loop around it goes on.
    """
    while not all(task.done() for task in tasks):
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks, timeout=AGAIN_S)
    return await asyncio.gather(*tasks, return_exceptions=True)
