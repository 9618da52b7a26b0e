"""Functions of the program as tools: the model looks things up and orders, and has no other tools.

    python examples/sdk/shop.py "Order three of the cheapest kind of tea"

A signature becomes the schema, a docstring the description. ToolError tells the model what to do instead.
"""

import asyncio
import os
import sys
from typing import Annotated

import pi

STOCK = {"green tea": 4.50, "black tea": 3.20, "mate": 5.10}  # EUR
orders: list[tuple[str, int]] = []


def prices() -> dict[str, float]:
    """The price in EUR of everything that there is."""
    return STOCK


async def order(name: str, count: Annotated[int, "How many packs"] = 1) -> str:
    """Order something."""
    if name not in STOCK:
        raise pi.ToolError(f"There is no {name}; there are: {', '.join(STOCK)}.")
    orders.append((name, count))
    return f"{count} x {name}: {count * STOCK[name]:.2f} EUR"


async def main(wish: str) -> None:
    print(await pi.run(wish, tools=[prices, order], model=os.environ.get("MODEL")))
    print(f"Ordered: {orders}")


if __name__ == "__main__":
    asyncio.run(main(" ".join(sys.argv[1:]) or "Order three of the cheapest kind of tea."))
