-- name: lock
-- One migration run at a time; the others wait for it.
SELECT pg_advisory_lock(7216452131);

-- name: make_journal
CREATE SCHEMA IF NOT EXISTS migration;
CREATE TABLE IF NOT EXISTS migration.applied (
    service    text        NOT NULL,
    name       text        NOT NULL,
    checksum   text        NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (service, name)
);
REVOKE ALL ON SCHEMA migration FROM PUBLIC;

-- name: list_applied
SELECT name, checksum FROM migration.applied WHERE service = $1;

-- name: write_down
INSERT INTO migration.applied (service, name, checksum) VALUES ($1, $2, $3);

-- name: create_database
-- Sorts by code point, so that every server gives the same order.
CREATE DATABASE {database} TEMPLATE template0 ENCODING 'UTF8'
    LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8' LOCALE 'C';

-- name: create_roles
-- The owner has the tables and never logs in; the service logs in and has no tables.
DO $body$
BEGIN
    CREATE ROLE {owner} NOLOGIN;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $body$;
DO $body$
BEGIN
    CREATE ROLE {user} LOGIN;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $body$;

-- name: let_admin_act_as_owner
-- Managed databases have no superuser: their administrator must be a member to act as the owner.
GRANT {owner} TO CURRENT_USER;

-- name: set_password
ALTER ROLE {user} PASSWORD {password};

-- name: set_role_settings
ALTER ROLE {user} SET search_path = {schema};
ALTER ROLE {user} SET jit = off;

-- name: set_progress_settings
-- Its statements see batches of very different sizes: a generic plan fits none of them.
ALTER ROLE {user} SET plan_cache_mode = force_custom_plan;

-- name: make_schema
CREATE SCHEMA IF NOT EXISTS {schema} AUTHORIZATION {owner};
REVOKE ALL ON SCHEMA {schema} FROM PUBLIC;
GRANT USAGE ON SCHEMA {schema} TO {user};

-- name: grant_rights
-- A table whose row-level security is forced has rights of its own, which its migration gives.
DO $body$
DECLARE
    one regclass;
BEGIN
    FOR one IN SELECT oid FROM pg_class WHERE relnamespace = '{schema}'::regnamespace
        AND relkind IN ('r', 'p') AND NOT relforcerowsecurity
    LOOP
        EXECUTE format(
            'GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE, MAINTAIN ON %s TO {user}', one);
    END LOOP;
END $body$;
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {schema} TO {user};
ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA {schema}
    GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE, MAINTAIN ON TABLES TO {user};
ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA {schema}
    GRANT USAGE, SELECT ON SEQUENCES TO {user};

-- name: close_database
-- Nobody is let in by default, and nobody makes things outside their own schema.
REVOKE ALL ON DATABASE {database} FROM PUBLIC;
REVOKE ALL ON SCHEMA public FROM PUBLIC;

-- name: open_database
GRANT CONNECT, TEMPORARY ON DATABASE {database} TO {user};
