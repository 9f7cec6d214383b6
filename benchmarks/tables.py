"""A table in Markdown, printed row by row, as docs/performance.md has it."""


class Table:
    """The head is printed at once, and each row as soon as it is there."""

    def __init__(self, *heads: str):
        self.columns = len(heads)
        print(f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}", flush=True)

    def row(self, *cells: object) -> None:
        """Print a row; cells that are None, or missing at its end, are empty."""
        filled = (*cells, *(None for _ in range(self.columns - len(cells))))
        print(f"| {' | '.join('' if cell is None else str(cell) for cell in filled)} |", flush=True)


def times(value: float, floor: float) -> str:
    """How many times a floor or a peer of the same invocation a value is."""
    ratio = value / floor
    digits = ",.0f" if ratio >= 20 else ".1f" if ratio >= 2 else ".2f" if ratio >= 0.1 else ".2g"
    return f"{ratio:{digits}}×"
