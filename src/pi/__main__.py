"""`python -m pi` is the command `pi`."""

from pi.cli import main

raise SystemExit(main())
