"""The page that the browser shows at the end of a login: complete in itself, without scripts."""

_STYLE = (
    "body{margin:0;min-height:100vh;display:grid;place-items:center;font:16px/1.5 system-ui,sans-serif;"
    "background:#fff;color:#222}main{max-width:32rem;padding:2rem}h1{font-size:1.4rem;margin:0 0 .5rem}"
    "p{margin:0}@media(prefers-color-scheme:dark){body{background:#181818;color:#ddd}}"
)
_REASONS = {200: "OK", 400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed"}


def http_page(status: int, title: str, text: str) -> bytes:
    """An answer over HTTP/1.1, after which the connection closes; `title` and `text` are escaped."""
    from html import escape

    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>"
        f"<body><main><h1>{escape(title)}</h1><p>{escape(text)}</p></main></body></html>\n"
    ).encode()
    head = (
        f"HTTP/1.1 {status} {_REASONS[status]}\r\n"
        "content-type: text/html; charset=utf-8\r\n"
        f"content-length: {len(page)}\r\n"
        "cache-control: no-store\r\n"
        "content-security-policy: default-src 'none'; style-src 'unsafe-inline'\r\n"
        "referrer-policy: no-referrer\r\n"  # the page's address has the code in it
        "x-content-type-options: nosniff\r\n"
        "connection: close\r\n\r\n"
    )
    return head.encode() + page
