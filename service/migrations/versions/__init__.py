"""One file a revision, numbered; the name begins with the revision."""
