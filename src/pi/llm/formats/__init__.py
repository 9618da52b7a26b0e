"""What the protocols are made of: requests and answers in each vendor's format, and the quirks of hosts."""
