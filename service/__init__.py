"""The service: database, API, supervisor and runners. They meet in the database alone."""
