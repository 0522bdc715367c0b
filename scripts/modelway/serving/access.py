"""The access log: one JSON object a line on standard output, for each answer."""

from __future__ import annotations

import contextlib
import json
import os
import time
from datetime import UTC, datetime

from modelway.serving.messages import HttpAnswer, HttpRequest

STDOUT = 1


class Access:
    """headers, bodies and queries are not in it: they may hold what is personal or secret."""

    def note(self, request: HttpRequest, answer: HttpAnswer, seconds: float) -> None:
        said = {
            "time": datetime.fromtimestamp(time.time(), UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "client": request.client,
            "method": request.method,
            "path": request.path[:200],
            "status": answer.status,
            "seconds": round(seconds, 6),
            "bytes_in": len(request.body),
            "bytes_out": len(answer.body),
        }
        if request.request_id:
            said["request_id"] = request.request_id
        if request.trace_id:
            said["trace_id"] = request.trace_id
        with contextlib.suppress(
            OSError
        ):  # nobody reads it any more; whole in one call, since workers share the stream
            os.write(STDOUT, json.dumps(said).encode() + b"\n")
