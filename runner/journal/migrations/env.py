"""Where Alembic finds the connection: the caller's transaction, so that a migration is whole or not at all.

In: the configuration's attribute `connection`. Out: nothing.
Refuses to know: URLs.
"""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    transactional_ddl=True,  # SQLite's too: the transaction was begun by hand
    transaction_per_migration=False,
)
context.run_migrations()
