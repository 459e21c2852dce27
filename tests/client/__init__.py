"""Tests of the client and of commands through a server; they share one service."""
