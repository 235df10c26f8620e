"""What Prometheus is told: counts of what happened, and how long it took.

`counts` says what is counted and under which labels, `histogram` how durations are, `families` writes the text and
`lag` measures the event loop.
"""

from session_service.metrics.counts import Metrics as Metrics
from session_service.metrics.counts import Now as Now
from session_service.metrics.families import CONTENT_TYPE as CONTENT_TYPE
from session_service.metrics.lag import INTERVAL as LAG_INTERVAL
from session_service.metrics.lag import Lag as Lag

__all__ = ["CONTENT_TYPE", "LAG_INTERVAL", "Lag", "Metrics", "Now"]
