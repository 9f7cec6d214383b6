"""A table in Markdown, printed row by row, as docs/performance.md has it."""


class Table:
    """The head is printed at once, and each row as soon as it is there."""

    def __init__(self, *heads: str):
        print(f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}", flush=True)

    def row(self, *cells: object) -> None:
        """Print a row; None is an empty cell."""
        print(f"| {' | '.join('' if cell is None else str(cell) for cell in cells)} |", flush=True)


def times(value: float, floor: float) -> str:
    """How many times a floor or a peer of the same invocation a value is."""
    ratio = value / floor
    return f"{ratio:,.0f}×" if ratio >= 20 else f"{ratio:.1f}×" if ratio >= 2 else f"{ratio:.2f}×"
