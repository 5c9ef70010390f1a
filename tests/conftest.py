"""Report at the end of a run how many components were checked, and by how many checks."""

from __future__ import annotations

from collections import defaultdict

import pytest

ran: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
counts: dict[str, int] = defaultdict(int)


def described(item):
    """Return (table, component, check) of a test that runs one check on one case, else None."""
    params = getattr(getattr(item, "callspec", None), "params", {})
    check = params.get("check")
    if check is not None and hasattr(check, "func") and getattr(check, "args", ()):  # nn_core.testing's tables
        case = check.args[0]
        return f"conformance, {type(case).__name__}", case.name, check.func.__name__.removeprefix("check_")
    case = params.get("case")
    if hasattr(case, "name"):  # golden files and live parity
        others = [str(value) for name, value in sorted(params.items()) if name != "case"]
        folder = item.path.parent.name
        return f"{folder}, {type(case).__name__}", case.name, " ".join([item.originalname, *others])
    return None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    place = described(item) if report.when == "call" and report.passed else None
    if place is not None:
        table, component, check = place
        ran[table][component].add(check)
        counts[table] += 1
    return report


def pytest_terminal_summary(terminalreporter):
    if not ran:
        return
    terminalreporter.section("components × checks that passed")
    terminalreporter.write_line(f"{'table':<28}{'components':>12}{'checks':>8}{'together':>10}")
    for table, components in sorted(ran.items()):
        checks = set().union(*components.values())
        terminalreporter.write_line(f"{table:<28}{len(components):>12}{len(checks):>8}{counts[table]:>10}")
    terminalreporter.write_line(f"{'all':<28}{'':>20}{sum(counts.values()):>10}")
