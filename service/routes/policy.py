"""How the policy of a search has changed."""

from fastapi import APIRouter

from service import policies
from service.deps import DatabaseDep, Identity
from service.policies import PolicyView
from service.problems import documented

router = APIRouter(prefix="/api/v1/searches/{search_id}", tags=["trials"])


@router.get("/policy", responses=documented(404))
def view(database: DatabaseDep, search_id: Identity) -> PolicyView:
    """Give the probabilities of each decision over time, for controllers that learn a policy."""
    return policies.policy(database, search_id)
