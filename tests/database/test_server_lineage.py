"""A service that hides the server's lineage, which shows whether a permit can be lost, causes no error."""

import psycopg


def test_a_service_that_hides_its_identity_gives_no_lineage_instead_of_an_error(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        known = connection.execute("SELECT server_lineage()").fetchone()
        connection.execute("REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC")
        connection.execute("CREATE ROLE limited")
        connection.execute("SET LOCAL ROLE limited")
        hidden = connection.execute("SELECT server_lineage()").fetchone()
        connection.rollback()

    assert known is not None
    assert known[0]
    assert hidden == (None,)
