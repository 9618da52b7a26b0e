"""Images from the clipboard as files, so that the prompt can name them."""

import os
import tempfile
from pathlib import Path

_ENDINGS = {
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/webp": ".webp",
    "image/gif": ".gif",
    "image/bmp": ".bmp",
}


def save_image(data: bytes, mime_type: str) -> Path:
    """A new file in the folder for temporary files that nobody else can read."""
    descriptor, name = tempfile.mkstemp(prefix="pi-clipboard-", suffix=_ENDINGS.get(mime_type, ".img"))
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    return Path(name)
