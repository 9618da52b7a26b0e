"""What the pictures show."""

from pi.modes.tui.interface import Interface
from pi.modes.tui.submitting import prompt
from pi.testing import Reply, call
from scripts.screenshots.still import Scene

_CART = '''\
def total(prices: list[float], discount: float = 0) -> float:
    """What a cart costs, after the discount in percent."""
    return sum(prices) * (1 - discount)
'''
_TEST = """\
from cart import total


def test_a_discount_is_in_percent():
    assert total([20, 30], 10) == 45
"""


async def work(interface: Interface) -> None:
    await prompt(interface, "The discount test fails. Find out why and fix it.", "steer")


async def ask_model(interface: Interface) -> None:
    await work(interface)


WORK = Scene(
    work,
    (
        else call(
            "edit",
            path="cart.py",
            edits=[{"oldText": "(1 - discount)", "newText": "(1 - discount / 100)"}],
        ),
        call("bash", command="python -m pytest -q 2>&1 | tail -3"),
        "The discount was taken for a share, not for **percent**: `total([20, 30], 10)` gave −450.\n\n"
        "I divide it by 100 now, and the test passes. Two things to know:\n\n"
        "- callers that already passed a share, such as `0.1`, get another result\n"
        "- a discount above 100 still gives a negative total",
    ),
    {"cart.py": _CART, "test_cart.py": _TEST},
)
SCENES = {"terminal": WORK}
