"""Tests of sessions in the terminal interface."""
