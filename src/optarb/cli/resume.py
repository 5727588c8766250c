"""``optarb resume``."""

from __future__ import annotations

from optarb.cli._running import Place, print_result, run_to_the_end
from optarb.cli.desks import BookArgument, DeskOption, find_backtest, load_shared_desk
from optarb.cli.options import TASK_QUEUE, InProcessOption, RunAddressOption, TaskQueueOption
from optarb.cli.output import JsonOption
from optarb.errors import BookError

__all__ = ["resume"]


def resume(
    backtest_id: BookArgument,
    desk: DeskOption,
    *,
    in_process: InProcessOption = False,
    address: RunAddressOption = None,
    task_queue: TaskQueueOption = TASK_QUEUE,
    json: JsonOption = False,
) -> None:
    """Go on with a backtest that stopped before its end.

    Its book holds the spec. The result of a finished one is printed.
    """
    from optarb.specs import BacktestSpec

    place = Place(desk_name=desk, in_process=in_process, address=address, task_queue=task_queue)
    with load_shared_desk(desk) as loaded:
        if "/" in backtest_id:
            raise BookError(
                f"{backtest_id!r} is a setting of sweep {backtest_id.partition('/')[0]!r}; go on with that: optarb sweep --id"
            )
        spec = BacktestSpec.model_validate_json(find_backtest(loaded, backtest_id).documents["spec"])
        # A spec that once replaced a book would now clear what is to be gone on with.
        going_on = spec.model_copy(update={"on_existing": "resume"})
        print_result(run_to_the_end(going_on, loaded, place), json=json)
