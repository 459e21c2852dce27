"""The Python client of a Nasturtium service: typed, synchronous, without torch or Ray.

>>> from nas.client import Client
>>> client = Client("http://127.0.0.1:8000")
>>> search = client.create(name="first", limits={"trials": 20}).wait(progress=True)
>>> search.export("best")
"""

from nas.client.answers import Event
from nas.client.client import Client
from nas.client.errors import ClientError, NoConnection
from nas.client.model import Model
from nas.client.search import Search
from nas.client.trial import Trial

__all__ = ["Client", "ClientError", "Event", "Model", "NoConnection", "Search", "Trial"]
