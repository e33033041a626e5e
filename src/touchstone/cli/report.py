"""`touchstone report`: a session again, as text, JSON or a page; two beside each other; a folder of them by day."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter, validators

from touchstone.cli import output

Existing = Annotated[Path, Parameter(validator=validators.Path(exists=True))]


def report(
    *session: Existing,
    html: Path | None = None,
    compare: Annotated[bool, Parameter(negative=())] = False,
    weekly: Annotated[bool, Parameter(negative=())] = False,
    why: Annotated[int | None, Parameter(validator=validators.Number(gte=1))] = None,
    json: Annotated[bool, Parameter(name="--json", negative=())] = False,
    svg: Path | None = None,
) -> int:
    """Show the report of sessions: on the terminal, as JSON, or as one HTML page that needs no network.

    Parameters
    ----------
    session
        Folders of sessions, finished or not; with --weekly one folder that holds them.
    html
        Write the page to this file: findings, and a picture for each question.
    compare
        Two sessions beside each other, with intervals.
    weekly
        The sessions in a folder by day and model: skill, calibration, drift, decay, what changed.
    why
        Client order id of an order of one session: every term and input behind it, and what became of it.
    json
        Print the result as JSON instead: of several sessions a list.
    svg
        Also draw the terminal's report of one session into this file.
    """
    if not session:
        raise output.WrongUseError("name at least one session folder")
    if compare and weekly:
        raise output.WrongUseError("--compare and --weekly: one of the two")
    if why is not None:
        return _why(session, why, json, others=bool(html or svg or compare or weekly))
    if svg is not None and (len(session) > 1 or compare or weekly):
        raise output.WrongUseError("--svg draws the report of one session")
    if weekly:
        return _weekly(session, html, json)
    if compare:
        return _compare(session, html, json)
    return _show_sessions(session, html, svg, json)


def _show_sessions(folders: Sequence[Path], html: Path | None, svg: Path | None, json: bool) -> int:
    from touchstone.insight.finding_lines import finding_lines
    from touchstone.insight.findings import find
    from touchstone.insight.multiplicity import judge_together
    from touchstone.insight.readings import open_session
    from touchstone.insight.readings.readings import Readings

    with ExitStack() as stack:
        sessions = [Readings(stack.enter_context(open_session(folder))) for folder in folders]
        results, found = [each.result for each in sessions], [find(each) for each in sessions]
        together = judge_together(results) if len(results) > 1 else []
        if svg is not None:
            from touchstone.insight.report import draw_report

            title = f"touchstone report {folders[0].name}"
            svg.write_text(draw_report(output.plain(results[0]), title), encoding="utf-8")
        if html is not None:
            from touchstone.insight.page.page import report_page, reports_page

            page = report_page(sessions[0]) if len(sessions) == 1 else reports_page(sessions)
            html.write_text(page, encoding="utf-8")
            output.say(f"page in {html}")
    if json:
        documents = [
            result | {"findings": [finding.as_dict() for finding in findings]}
            for result, findings in zip(results, found, strict=True)
        ]
        output.print_json(documents if len(documents) > 1 else documents[0])
    else:
        for result, findings in zip(results, found, strict=True):
            output.show(result, as_json=False)
            output.stdout().print(finding_lines(findings, str(result.get("currency") or "")))
        for line in together:
            output.stdout().print(line, markup=False, soft_wrap=True)
    return max(output.exit_code_of(result) for result in results)


def _why(session: Sequence[Path], cloid: int, json: bool, *, others: bool) -> int:
    if len(session) != 1 or others:
        raise output.WrongUseError("--why explains one order of one session, and takes nothing but --json")
    from touchstone.session.why import explain

    document = {"session": session[0]} | explain(session[0], cloid)
    if json:
        output.print_json(document)
    else:
        from touchstone.insight.why import print_why

        print_why(output.plain(document), output.stdout())
    return output.OK


def _compare(session: Sequence[Path], html: Path | None, json: bool) -> int:
    if len(session) != 2:
        raise output.WrongUseError(f"--compare takes two sessions, got {len(session)}")
    from touchstone.insight.page.side_by_side import compare_page
    from touchstone.insight.readings import open_session
    from touchstone.insight.readings.readings import Readings
    from touchstone.insight.side_by_side import side_by_side

    with open_session(session[0]) as first, open_session(session[1]) as second:
        a, b = Readings(first), Readings(second)
        document = side_by_side(a, b)
        if html is not None:
            html.write_text(compare_page(a, b, document), encoding="utf-8")
            output.say(f"page in {html}")
    return _show(document, json, "comparison")


def _weekly(session: Sequence[Path], html: Path | None, json: bool) -> int:
    if len(session) != 1:
        raise output.WrongUseError(f"--weekly takes one folder of sessions, got {len(session)}")
    from touchstone.insight.page.weekly import weekly_page
    from touchstone.insight.weekly import weekly as of_week

    document = of_week(session[0])
    if html is not None:
        html.write_text(weekly_page(document), encoding="utf-8")
        output.say(f"page in {html}")
    return _show(document, json, "week")


def _show(document: dict[str, Any], json: bool, kind: str) -> int:
    if json:
        output.print_json(document)
    else:
        from touchstone.insight import side_tables

        output.stdout().print(getattr(side_tables, kind)(document))
    return output.OK
