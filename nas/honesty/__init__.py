"""Whether a search did anything: random arm, verdict, finals, audit of the proxy."""
