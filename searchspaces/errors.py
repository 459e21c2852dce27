"""What a search space refuses. Apart from the contract, so that architectures need no contract."""


class SpaceError(ValueError):
    """A decision, architecture or option that the search space does not allow."""
