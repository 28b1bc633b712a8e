"""One module a section of the page: arrays of ``ampsim.result.analysis`` in, figures, captions and tables out."""

from __future__ import annotations
