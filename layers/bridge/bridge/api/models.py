"""What all of the API's records are made of."""

from pydantic import BaseModel, ConfigDict


class Model(BaseModel):
    """A record of the API.

    How it is read or written is worked out when it first is: a call uses two or three of them, and a cold start would
    wait for all that its function knows.
    """

    model_config = ConfigDict(defer_build=True)
