"""The addresses of an import. Each step is a page of its own, and what it needs stands in the database."""

from __future__ import annotations

from contextlib import suppress
from io import BytesIO
from typing import Any, Final
from uuid import UUID

from flask import Blueprint, Response, abort, current_app, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import RequestEntityTooLarge

from webapp.blueprints.imports import columns, files, queries, records, work
from webapp.blueprints.imports.files import BadFile, Encoding
from webapp.blueprints.imports.forms import ApplyForm, ColumnsForm, ReadingForm, UploadForm
from webapp.blueprints.imports.staging import Key
from webapp.models import new_id
from webapp.models.imports import ImportMode, ImportStatus
from webapp.rls.errors import DatabaseError
from webapp.web import access, errors
from webapp.web.scope import current
from webapp.web.streaming import stream_csv
from webapp.web.templating import render
from webapp.web.toasts import toast
from webapp.web.typed import line

bp = Blueprint("imports", __name__, url_prefix="/o/<slug>/products/import", template_folder="templates")

LONGEST_NAME: Final = 255  # of a file
NO_RUN: Final = "-"


@bp.get("")
@access.member("member")
def new() -> ResponseReturnValue:
    """Show where to upload a file."""
    return _new(UploadForm())


@bp.post("")
@access.member("member", body="IMPORT_MAX_BYTES")
def upload() -> ResponseReturnValue:
    """Keep a file that can be read."""
    form = UploadForm(request.files)
    if not form.validate():
        return _new(form, 422)
    org_id = current.tenant().id
    if running := queries.under_way(current.session, org_id):
        toast("Your import is still at work. Upload the next file when it has ended.")
        return redirect(url_for("imports.show", import_id=running.id), 303)
    stored = form.file.data
    try:
        looked = files.look(stored.stream)
        beginning = records.begin(stored.stream, looked.encoding or Encoding.WINDOWS)
        _refuse_too_little(beginning)
    except BadFile as exc:
        form.refuse(str(exc))
        return _new(form, 422)
    import_id = new_id()
    queries.sweep(current.session, org_id)
    queries.create(
        current.session,
        org_id,
        import_id,
        file_name=line(stored.filename)[-LONGEST_NAME:] or "products.csv",
        size=looked.size,
        encoding=looked.encoding,
        delimiter=beginning.delimiter,
        header=beginning.header,
        columns=columns.guess(beginning.header),
        lines=looked.line_ends,
    )
    queries.add_pieces(current.session, org_id, import_id, _viewer(), files.pieces(stored.stream))
    return redirect(url_for("imports.show", import_id=import_id), 303)


@bp.errorhandler(RequestEntityTooLarge)
def too_large(_: RequestEntityTooLarge) -> ResponseReturnValue:
    """Say how large a file may be; this one was refused by its announced size, before it was sent."""
    with suppress(DatabaseError):
        current.context()  # so that the page has its frame
    most = _megabytes(_most())
    words = errors.Words(
        "That file is too large",
        f"An import takes files of up to {most}. Nothing was saved. Leave out columns that it has no use for, or "
        "split the file and import one part after the other.",
    )
    return errors.page(413, words)


@bp.get("/<uuid:import_id>")
@access.member("member")
def show(import_id: UUID) -> ResponseReturnValue:
    """Show how far an import is, and what comes next."""
    return _show(_load(import_id))


@bp.get("/<uuid:import_id>/status")
@access.member("member")
def status(import_id: UUID) -> ResponseReturnValue:
    """Show the progress of the work alone; when that has ended, lead to the page.

    ``before`` is the work that the page knew of: as long as there is none after it, the new one has yet to begin.
    """
    found = _load(import_id)
    if request.headers.get("HX-Request") != "true":
        return redirect(url_for("imports.show", import_id=import_id), 303)
    before = request.args.get("before", "")
    if found.is_working or str(found.run or NO_RUN) == before:
        return render("imports/_progress.html", "import_progress", item=found, before=before)
    return Response(status=204, headers={"HX-Redirect": url_for("imports.show", import_id=import_id)})


@bp.post("/<uuid:import_id>/read")
@access.member("member")
def read(import_id: UUID) -> ResponseReturnValue:
    """Read the beginning of the file otherwise than it was guessed to be written."""
    found = _load(import_id)
    form = ReadingForm(_encoding(found), request.form)
    if not form.validate():
        return _show(found, 422, reading=form)
    encoding = Encoding(form.encoding.data)
    try:
        beginning = records.begin(_first_piece(found), encoding, form.delimiter.data)
        _refuse_too_little(beginning)
    except BadFile as exc:
        form.refuse(str(exc))
        return _show(found, 422, reading=form)
    queries.read_as(
        current.session,
        current.tenant().id,
        import_id,
        encoding=encoding,
        delimiter=beginning.delimiter,
        header=beginning.header,
        columns=columns.guess(beginning.header),
    )
    return redirect(url_for("imports.show", import_id=import_id), 303)


@bp.post("/<uuid:import_id>/check")
@access.member("member")
def check(import_id: UUID) -> ResponseReturnValue:
    """Read every line, and change nothing but the import itself. Sent twice, it is done once."""
    found = _load(import_id)
    form = ColumnsForm(found.header, _preview(found), found.columns, request.form)
    if not form.validate() or found.encoding is None:
        return _show(found, 422, columns=form)
    currency = current.tenant().currency
    current.session.close()  # its transaction would sit idle for as long as the work takes
    work.check(_job(found), found, form.columns, currency)
    return redirect(url_for("imports.show", import_id=import_id), 303)


@bp.post("/<uuid:import_id>/apply")
@access.member("member")
def apply(import_id: UUID) -> ResponseReturnValue:
    """Make and change products, in one transaction. Sent twice, it is done once."""
    found = _load(import_id)
    form = ApplyForm(found.bad, request.form)
    if not form.validate():
        return _show(found, 422, applying=form)
    current.session.close()
    work.apply(_job(found), ImportMode(form.mode.data))
    return redirect(url_for("imports.show", import_id=import_id), 303)


@bp.post("/<uuid:import_id>/discard")
@access.member("member")
def discard(import_id: UUID) -> ResponseReturnValue:
    """Remove an import; what it has done to products stays."""
    found = _load(import_id)
    if not queries.discard(current.session, current.tenant().id, import_id):
        toast("Your import is still at work. It can be removed when that has ended.")
        return redirect(url_for("imports.show", import_id=import_id), 303)
    toast("Removed the import." if found.status == ImportStatus.DONE else "Removed the import. Nothing was imported.")
    return redirect(url_for("imports.new"), 303)


@bp.get("/<uuid:import_id>/report.csv")
@access.member("member")
def report(import_id: UUID) -> ResponseReturnValue:
    """Give the faults of all lines as a file."""
    _load(import_id)
    return stream_csv(queries.report(current.tenant().id, import_id), "import-report")


def _load(import_id: UUID) -> queries.Import:
    """Return an import of the viewer's own, or answer 404: a colleague's is as absent as none."""
    found = queries.get(current.session, current.tenant().id, import_id)
    if found is None:
        abort(404)
    return found


def _viewer() -> UUID:
    viewer = current.viewer
    assert viewer is not None, "the gate has let nobody in"
    return viewer.id


def _job(found: queries.Import) -> work.Job:
    return work.Job(current.work, Key(current.tenant().id, found.id, found.created_by))


def _new(form: UploadForm, status: int = 200) -> Response:
    response = render(
        "imports/new.html",
        form=form,
        most=_most(),
        most_words=_megabytes(_most()),
        most_lines=records.MOST_LINES,
        earlier=queries.earlier(current.session, current.tenant().id),
    )
    response.status_code = status
    return response


def _show(
    found: queries.Import,
    status: int = 200,
    *,
    reading: ReadingForm | None = None,
    columns: ColumnsForm | None = None,
    applying: ApplyForm | None = None,
) -> Response:
    context: dict[str, Any] = {}
    if found.is_working:
        step = "working"
    elif found.status != ImportStatus.DONE and (
        not found.is_checked or reading is not None or columns is not None or "columns" in request.args
    ):
        step = "columns"
        rows = _preview(found)
        context["rows"] = rows
        context["columns"] = columns or ColumnsForm(found.header, rows, found.columns)
        context["reading"] = reading or ReadingForm(_encoding(found), delimiter=found.delimiter)
    else:
        step = "done" if found.status == ImportStatus.DONE else "checked"
        after = (request.args.get("after", 0, int), request.args.get("place", -1, int))
        context["page"] = queries.faults(current.session, current.tenant().id, found.id, after)
        context["is_first"] = after == (0, -1)
        context["applying"] = applying or ApplyForm(found.bad)
    before = NO_RUN if found.is_working else str(found.run or NO_RUN)
    response = render("imports/show.html", item=found, step=step, before=before, **context)
    response.status_code = status
    return response


def _encoding(found: queries.Import) -> Encoding | None:
    return Encoding(found.encoding) if found.encoding else None


def _first_piece(found: queries.Import) -> BytesIO:
    return BytesIO(queries.piece(current.session, current.tenant().id, found.id, 0) or b"")


def _preview(found: queries.Import) -> tuple[list[str], ...]:
    """Return the first lines; none where they do not lie within the first piece of the file."""
    try:
        return records.begin(_first_piece(found), _encoding(found) or Encoding.WINDOWS, found.delimiter).rows
    except BadFile:
        return ()


def _refuse_too_little(beginning: records.Beginning) -> None:
    if len(beginning.header) < 2:
        raise BadFile(
            f"Only one column was found, “{beginning.header[0] if beginning.header else ''}”. Columns are set apart by "
            "commas, semicolons, tabs or vertical bars."
        )
    if not beginning.rows:
        raise BadFile("The file has a first line, which names the columns, and nothing below it.")


def _most() -> int:
    most: int = current_app.config["IMPORT_MAX_BYTES"]
    return most


def _megabytes(size: int) -> str:
    return f"{size // 2**20} MB" if size >= 2**20 else f"{size // 1024} KB"
