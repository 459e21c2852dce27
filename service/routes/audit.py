"""The audit of the score that a search goes by."""

from fastapi import APIRouter

from service import auditlog
from service.deps import DatabaseDep, Identity
from service.problems import documented
from service.schemas import AuditView

router = APIRouter(prefix="/api/v1/searches/{search_id}", tags=["finals"])


@router.get("/audit", responses=documented(404))
def audit(database: DatabaseDep, search_id: Identity) -> AuditView | None:
    """Give the newest audit with the space, the evaluator and the images of the search, or null.

    Audits are made by the command nas audit.
    """
    return auditlog.latest(database, search_id)
