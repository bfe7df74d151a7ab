"""Offer the server's endpoints under /v1, and the page."""

import asyncio
import importlib.metadata
import json
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import FastAPI, Query, Request, Response, WebSocket
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.routing import Match

from faceoff.live import answers, uploads, video_job, web_page
from faceoff.live.batching import Batcher, Room
from faceoff.live.frame_socket import Sockets
from faceoff.live.frames import FrameReader
from faceoff.live.gate import BodyError, Gate
from faceoff.live.jobs import Jobs
from faceoff.live.measured import Measured
from faceoff.live.pipelines import Pipeline, Pipelines
from faceoff.live.settings import Settings
from faceoff.live.uploads import RefusedError
from faceoff.media.images import AnimationError
from faceoff.plugins.protocols import RGB
from faceoff.storage.files import plain

_PROBLEMS: dict[int | str, dict[str, Any]] = {
    400: {"description": "the request is malformed"},
    401: {"description": "the token is missing or wrong"},
    403: {"description": "asked by a page of another address"},
    404: {"description": "no such job"},
    408: {"description": "the body did not come in time"},
    413: {"description": "too many bytes, pixels or pictures"},
    415: {"description": "neither a picture nor a video, by content"},
    421: {"description": "the Host is no name of this machine"},
    422: {"description": "a picture cannot be decoded, or a name is unknown"},
    429: {
        "description": "too much is waiting",
        "headers": {"Retry-After": {"schema": {"type": "integer"}, "description": "seconds"}},
    },
    500: {"description": "a network failed"},
    503: {"description": "the server does not work"},
    504: {"description": "not read in time"},
}
_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {
                            "type": "array",
                            "minItems": 1,
                            "items": {"type": "string", "format": "binary"},
                            "description": "pictures, or one video",
                        }
                    },
                }
            },
            "application/json": {"schema": answers.Upload.model_json_schema()},
        },
    }
}


def _problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return what OpenAPI says of these statuses, and of those that any request can have."""
    known = (401, 403, 421, *statuses)
    return {status: {"model": answers.Problem, **_PROBLEMS[status]} for status in known}


class Service:
    """Hold what the endpoints work with: pipelines, batches, jobs and sockets of one server."""

    def __init__(self, settings: Settings):
        self.settings, self.measured = settings, Measured()
        self.pipelines = Pipelines(settings)
        self.batcher = Batcher(self.pipelines.read, self.measured.batch.observe)
        self.room = Room(settings.limits)
        self._thread = ThreadPoolExecutor(1, "frames")
        reader = FrameReader(settings)
        self.sockets = Sockets(settings, self.pipelines, reader, self._thread, self.measured)
        options = {"device": settings.device, "signals": settings.signals}
        self.jobs = Jobs(settings.limits, options)
        states: Sequence[Any] = ("waiting", "running", "done", "failed", "cancelled")
        gauge = self.measured.gauge
        gauge("waiting_pictures", "Pictures that are read or wait", lambda: self.room.pictures)
        gauge("open_sockets", "Sockets that are open", lambda: self.sockets.open)
        self.measured.gauges(
            "jobs", "Videos that are read, wait, or are kept", "state",
            {state: partial(self.jobs.count, state) for state in states},
        )  # fmt: skip

    async def close(self) -> None:
        """End jobs, and the threads once they have read what waits."""
        await self.jobs.close()
        await asyncio.to_thread(self.batcher.close)
        self._thread.shutdown()

    async def uploaded(self, request: Request) -> list[bytes]:
        """Return the files of a request. Raises RefusedError for a body that is none."""
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        most = self.settings.limits.pictures
        if kind == "application/json":
            body = await request.body()
            found = await asyncio.to_thread(_from_json, body)
        elif kind == "multipart/form-data":
            try:
                async with request.form(max_files=most, max_fields=8) as form:
                    parts = [part for _, part in form.multi_items() if isinstance(part, UploadFile)]
                    found = [await part.read() for part in parts]
            except HTTPException as error:
                many = "Too many files" in str(error.detail)
                raise RefusedError(413 if many else 400, str(error.detail)) from None
        else:
            raise RefusedError(415, "send multipart/form-data or application/json")
        if not found:
            raise RefusedError(422, "no file: give one or more as `file`")
        if len(found) > most:
            raise RefusedError(413, f"{len(found)} pictures: at most {most} are read at once")
        return found

    def pixels(self, files: Sequence[bytes]) -> int:
        """Return how many pixels the pictures among these files state.

        Raises RefusedError (413) for more than a request may have.
        """
        stated = sum(map(uploads.pixels_of, files))
        if stated > (most := self.settings.limits.pixels):
            raise RefusedError(413, f"pictures of {stated} pixels: at most {most} are read at once")
        return stated

    def stills(self, files: Sequence[bytes]) -> list[RGB] | None:
        """Return the pictures of these files, None where the one file is a video or animation.

        Raises RefusedError that names the file.
        """
        images = []
        for number, data in enumerate(files):
            try:
                kind = uploads.kind_of(data[: uploads.HEAD])
                if kind == "picture":
                    images.append(uploads.still(data, self.settings.limits.pixels))
                    continue
            except AnimationError:
                pass
            except RefusedError as error:
                where = f"file {number}: " if len(files) > 1 else ""
                raise RefusedError(error.status, where + error.reason) from None
            if len(files) > 1:
                raise RefusedError(422, f"file {number}: a video: send it alone")
            return None
        if self.settings.keep is not None:
            for data in files:
                uploads.keep(data, self.settings.keep)
        return images

    async def read(
        self, images: Sequence[RGB], chosen: Sequence[Pipeline], as_document: bool
    ) -> Response:
        """Return what pipelines see in pictures, as `answers.Answer` has it."""
        found = await asyncio.gather(
            *(self.batcher.analyses(one.name, images) for one in chosen), return_exceptions=True
        )
        pictures: list[dict[str, Any]] = [
            {"width": image.shape[1], "height": image.shape[0], "results": {}} for image in images
        ]
        for pipeline, analyses in zip(chosen, found, strict=True):
            if isinstance(analyses, BaseException):
                raise analyses
            for picture, analysis in zip(pictures, analyses, strict=True):
                picture["results"][pipeline.name] = video_job.told(analysis, as_document)
        return _json({"pictures": pictures})


def _from_json(body: bytes) -> list[bytes]:
    try:
        upload = answers.Upload.model_validate_json(body)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise RefusedError(422, f"{where + ': ' if where else ''}{first['msg']}") from None
    return [uploads.from_base64(text) for text in upload.pictures]


def _json(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    text = json.dumps(plain(value), ensure_ascii=False, allow_nan=False)
    return Response(text, status, headers, "application/json")


PipelineNames = Annotated[
    tuple[str, ...],
    Query(alias="pipeline", description="name of /v1/pipelines; may be repeated", max_length=32),
]
Form = Annotated[
    Literal["rows", "document"],
    Query(alias="as", description="rows of `faceoff analyze`, or its analysis.json"),
]


def make(settings: Settings) -> Gate:
    """Return the server as an ASGI application; its networks are loaded.

    Raises ValueError for names that are unknown or cannot run here, AssetError for missing weights.
    """
    service = Service(settings)

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        yield
        await service.close()

    app = FastAPI(
        title="Faceoff", version=importlib.metadata.version("faceoff"), lifespan=life,
        docs_url=None, redoc_url=None,  # their pages load scripts of other addresses
        description="Read the emotions that faces show, by pairs of face detector and emotion "
        "model. What is read is perceived, not felt.",
    )  # fmt: skip
    _add_errors(app)
    _add_endpoints(app, service)
    web_page.add(app, settings)
    return Gate(app, settings, service.measured.request)


def _add_errors(app: FastAPI) -> None:
    """Answer every failure by a status and a reason, never by a traceback."""

    def refused(_: Request, error: Any) -> Response:
        retry = {} if error.retry_s is None else {"Retry-After": str(error.retry_s)}
        return _json({"error": error.reason}, error.status, retry)

    def too_large(_: Request, error: Any) -> Response:
        retry = {"Retry-After": "1"} if error.status == 429 else {}
        return _json({"error": error.reason}, error.status, {"Connection": "close", **retry})

    def invalid(_: Request, error: Any) -> Response:
        first = error.errors()[0]
        return _json({"error": f"{'.'.join(map(str, first['loc']))}: {first['msg']}"}, 422)

    def http(request: Request, error: Any) -> Response:
        headers = dict(error.headers or {})
        if error.status_code == 405:  # Starlette names the methods of one endpoint of the path
            found = [one for one in app.routes if one.matches(request.scope)[0] is not Match.NONE]
            methods = {method for one in found for method in getattr(one, "methods", ())}
            headers["Allow"] = ", ".join(sorted(methods))
        return _json({"error": str(error.detail)}, error.status_code, headers)

    def broken(_: Request, error: Any) -> Response:
        return _json({"error": f"the server failed: {type(error).__name__}"}, 500)

    def late(_: Request, error: Any) -> Response:
        return _json({"error": "not read in time"}, 504)

    app.add_exception_handler(RefusedError, refused)
    app.add_exception_handler(BodyError, too_large)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(TimeoutError, late)
    app.add_exception_handler(Exception, broken)  # the server's log has the traceback


def _add_endpoints(app: FastAPI, service: Service) -> None:
    limits = service.settings.limits

    @app.get("/v1/health", response_model=answers.Health, responses=_problems(503))
    async def health() -> Response:
        """Say whether the server works. It asks for no token."""
        works = service.batcher.alive
        told = {
            "state": "ok" if works else "failed", "version": app.version,
            "waiting": service.room.pictures,
        }  # fmt: skip
        return _json(told, 200 if works else 503)

    @app.get("/v1/pipelines", response_model=answers.PipelineList, responses=_problems())
    async def pipelines() -> Response:
        """List the pairs of detector and model that are served."""
        return _json({"pipelines": [one.to_json() for one in service.pipelines]})

    @app.get(
        "/v1/metrics",
        response_class=Response,
        responses={**_problems(), 200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
    )
    async def metrics() -> Response:
        """Return counters in Prometheus' text format."""
        return Response(service.measured.text(), media_type="text/plain; version=0.0.4")

    @app.post(
        "/v1/analyze",
        response_model=answers.Answer,
        responses={
            202: {"model": answers.JobState, "description": "a video: ask for the job later"},
            **_problems(400, 408, 413, 415, 422, 429, 500, 504),
        },
        openapi_extra=_BODY,
    )
    async def analyze(request: Request, names: PipelineNames = (), form: Form = "rows") -> Response:
        """Read the faces of pictures, or begin to read a video.

        The answer holds the rows that `faceoff analyze` writes of the same files.
        """
        chosen = service.pipelines.chosen(names)
        try:
            async with asyncio.timeout(limits.request_s):
                with service.batcher.announced():
                    files = await service.uploaded(request)
        except TimeoutError:
            raise RefusedError(408, "the body did not come in time") from None
        async with asyncio.timeout(limits.request_s):
            pixels = await asyncio.to_thread(service.pixels, files)
            with service.room.taken(len(files), pixels):
                with service.batcher.announced():
                    images = await asyncio.to_thread(service.stills, files)
                if images is not None:
                    return await service.read(images, chosen, form == "document")
            job = service.jobs.new(chosen, form == "document")
            await asyncio.to_thread(job.video.write_bytes, files[0])
            service.jobs.begin(job)
            return _json(job.to_json(), 202, {"Location": f"/v1/jobs/{job.id}"})

    @app.get("/v1/jobs/{name}", response_model=answers.JobState, responses=_problems(404))
    async def job_state(name: str) -> Response:
        """Return how far the reading of a video is, and its result once it is done."""
        job = service.jobs.get(name)
        return _json(await asyncio.to_thread(job.to_json))

    @app.delete("/v1/jobs/{name}", status_code=204, responses=_problems(404))
    async def cancel(name: str) -> Response:
        """End a job, or forget a finished one with its result."""
        await service.jobs.cancel(service.jobs.get(name))
        return Response(status_code=204)

    @app.websocket("/v1/live")
    async def live(socket: WebSocket) -> None:
        """Read JPEG frames as they come; docs/live.md describes the messages."""
        # The gate has checked a token that stands in the header.
        await service.sockets.serve(socket, "authorization" in socket.headers)
