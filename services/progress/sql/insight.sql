-- What the measures read. Rows of people are there only within a scope (migration 0005).

-- name: list_involvements
-- $1 people, $2 known at, $3 and $4 the first and the last moment of a start. Those who were there
-- come as one text, which is read several times as fast as an array.
SELECT person, interaction_id, kind, starts, own_from, own_until, response_rank, is_sender,
    own_messages, all_messages, chat_id, array_to_string(people, E'\x1f') AS people
FROM involvement
WHERE person = ANY ($1) AND starts >= $3 AND starts <= $4
    AND known_from <= $2 AND known_to > $2

-- name: list_person_rows
-- $1 addresses, $2 known at: their rows and those of all managers above them.
WITH RECURSIVE wanted AS (
    SELECT one COLLATE "C" AS person FROM unnest($1::text[]) AS one
    UNION
    SELECT r.manager
    FROM wanted w
    JOIN person_row r ON r.person = w.person
    WHERE r.manager IS NOT NULL AND r.known_from <= $2 AND r.known_to > $2
)
SELECT r.person, r.effective_on, r.name, r.manager, r.organization, r.function, r.time_zone
FROM wanted w
JOIN person_row r ON r.person = w.person
WHERE r.known_from <= $2 AND r.known_to > $2

-- name: list_own_domains
-- $1 domains, $2 known at: those in which the organization has told about people.
SELECT one
FROM unnest($1::text[]) AS one
WHERE EXISTS (
    SELECT FROM person_row r
    WHERE domain_of(r.person) = one AND r.known_from <= $2 AND r.known_to > $2)

-- name: list_contact_rows
-- $1 addresses, $2 domains, $3 known at: all rows of the contacts that name one of them.
SELECT r.contact_id, r.effective_on, r.account_id, r.email
FROM contact_row r
WHERE r.known_from <= $3 AND r.known_to > $3 AND r.contact_id IN (
    SELECT c.contact_id FROM contact_row c WHERE c.email = ANY ($1)
    UNION
    SELECT c.contact_id FROM contact_row c WHERE domain_of(c.email) = ANY ($2))

-- name: list_account_rows
SELECT r.account_id, r.effective_on, r.name, r.annual_revenue, r.currency
FROM account_row r
WHERE r.account_id = ANY ($1) AND r.known_from <= $2 AND r.known_to > $2
