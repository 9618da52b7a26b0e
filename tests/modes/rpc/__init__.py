"""Tests of RPC mode, with real processes."""
