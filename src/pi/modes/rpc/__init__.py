"""RPC mode: a program drives Pi by JSON lines on stdin and stdout."""
