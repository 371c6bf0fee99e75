-- name: note_people
-- The newest version of a row counts, whatever the order; of one version the greater body.
INSERT INTO person_row (person, effective_on, version, body, deleted, manager, organization, level,
                        function, time_zone, attributes, licensed, opted_out, accepted_at)
SELECT DISTINCT ON (person, effective_on)
       person, effective_on, version, body, deleted, manager, organization, level, function,
       time_zone, attributes, licensed, opted_out, accepted_at
FROM jsonb_to_recordset($1) AS heard (
    person text, effective_on date, version bigint, body text, deleted boolean, manager text,
    organization text, level text, function text, time_zone text, attributes jsonb,
    licensed boolean, opted_out boolean, accepted_at timestamptz)
ORDER BY person, effective_on, version DESC, body COLLATE "C" DESC
ON CONFLICT (person, effective_on) DO UPDATE
SET version = excluded.version, body = excluded.body, deleted = excluded.deleted,
    manager = excluded.manager, organization = excluded.organization, level = excluded.level,
    function = excluded.function, time_zone = excluded.time_zone,
    attributes = excluded.attributes, licensed = excluded.licensed,
    opted_out = excluded.opted_out, accepted_at = excluded.accepted_at
WHERE (person_row.version, person_row.body) < (excluded.version, excluded.body COLLATE "C")

-- name: note_crm_records
INSERT INTO crm_record (kind, record_id, version, deleted)
SELECT DISTINCT ON (kind, record_id) kind, record_id, version, deleted
FROM jsonb_to_recordset($1) AS heard (kind text, record_id text, version bigint, deleted boolean)
ORDER BY kind, record_id, version DESC, deleted DESC
ON CONFLICT (kind, record_id) DO UPDATE SET version = excluded.version, deleted = excluded.deleted
WHERE (crm_record.version, crm_record.deleted) < (excluded.version, excluded.deleted)

-- name: find_what_is_there
SELECT EXISTS (SELECT FROM crm_record WHERE kind = 'crm_account' AND NOT deleted) AS accounts,
       EXISTS (SELECT FROM crm_record WHERE kind = 'crm_contact' AND NOT deleted) AS contacts,
       EXISTS (SELECT FROM person_row WHERE NOT deleted) AS people

-- name: find_custom_names
-- Which of these attributes some row about a person has
SELECT name FROM unnest($1::text[]) AS given (name)
WHERE EXISTS (SELECT FROM person_row WHERE NOT deleted AND attributes ? given.name)

-- name: list_custom_names
SELECT DISTINCT jsonb_object_keys(attributes) AS name
FROM person_row
WHERE NOT deleted
ORDER BY name
LIMIT $1

-- name: find_people_matching
-- $1 filters, $2 day: everybody whom each filter matches
SELECT person
FROM people_on($2::date) AS known
WHERE NOT EXISTS (
    SELECT
    FROM jsonb_to_recordset($1) AS asked (attribute text, field text, negated boolean,
                                          values text[])
    WHERE asked.negated = (coalesce(
        CASE asked.field
            WHEN 'manager' THEN known.manager
            WHEN 'organization' THEN known.organization
            WHEN 'level' THEN known.level
            WHEN 'function' THEN known.function
            WHEN 'time_zone' THEN known.time_zone
            ELSE known.attributes ->> asked.attribute
        END, '') = ANY (asked.values))
)
