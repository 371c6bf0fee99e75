-- Organizational and CRM rows by the spans in which they were known; $1 are ids of records.

-- name: forget_person_rows
DELETE FROM person_row p
USING unnest($1::text[]) AS one
WHERE p.person = split_part(one, E'\x1f', 1) COLLATE "C"
    AND p.effective_on = split_part(one, E'\x1f', 2)::date

-- name: add_person_rows
INSERT INTO person_row (
    person, effective_on, name, manager, organization, level, function, time_zone, attributes,
    licensed, opted_out, known_from, known_to)
SELECT s.body ->> 'person_id', (s.body ->> 'effective_on')::date, s.body ->> 'name',
    s.body ->> 'manager_id', s.body ->> 'organization', s.body ->> 'level', s.body ->> 'function',
    known_zone(s.body ->> 'time_zone'), coalesce(s.body -> 'attributes', '{}'),
    (s.body ->> 'licensed')::boolean, (s.body ->> 'opted_out')::boolean, s.known_from, s.known_to
FROM spans_of('person', $1) s

-- name: forget_account_rows
DELETE FROM account_row a
USING unnest($1::text[]) AS one
WHERE a.account_id = split_part(one, E'\x1f', 1) COLLATE "C"
    AND a.effective_on = split_part(one, E'\x1f', 2)::date

-- name: add_account_rows
INSERT INTO account_row (
    account_id, effective_on, name, annual_revenue, currency, type, known_from, known_to)
SELECT s.body ->> 'account_id', (s.body ->> 'effective_on')::date, s.body ->> 'name',
    (s.body ->> 'annual_revenue')::numeric, s.body ->> 'currency', s.body ->> 'type',
    s.known_from, s.known_to
FROM spans_of('crm_account', $1) s

-- name: forget_contact_rows
DELETE FROM contact_row c
USING unnest($1::text[]) AS one
WHERE c.contact_id = split_part(one, E'\x1f', 1) COLLATE "C"
    AND c.effective_on = split_part(one, E'\x1f', 2)::date

-- name: add_contact_rows
INSERT INTO contact_row (contact_id, effective_on, account_id, email, known_from, known_to)
SELECT s.body ->> 'contact_id', (s.body ->> 'effective_on')::date, s.body ->> 'account_id',
    s.body ->> 'email', s.known_from, s.known_to
FROM spans_of('crm_contact', $1) s

-- name: forget_assignment_rows
DELETE FROM assignment_row a
USING unnest($1::text[]) AS one
WHERE a.account_id = split_part(one, E'\x1f', 1) COLLATE "C"
    AND a.seller = split_part(one, E'\x1f', 2) COLLATE "C"
    AND a.effective_on = split_part(one, E'\x1f', 3)::date

-- name: add_assignment_rows
INSERT INTO assignment_row (account_id, seller, effective_on, known_from, known_to)
SELECT s.body ->> 'account_id', s.body ->> 'seller', (s.body ->> 'effective_on')::date,
    s.known_from, s.known_to
FROM spans_of('seller_assignment', $1) s

-- name: settle_seller_plans
INSERT INTO seller_plan AS p (
    seller_plan_id, version, name, cadence, start_date, end_date, minimum_group_size, created_at,
    scheduled_at, stopped_at)
SELECT r.record_id::uuid, r.version, b.name, b.cadence, b.start_date, b.end_date,
    b.minimum_group_size, b.created_at, b.scheduled_at, b.stopped_at
FROM record r, jsonb_to_record(r.body::jsonb) AS b (
    name text, cadence text, start_date date, end_date date, minimum_group_size integer,
    created_at timestamptz, scheduled_at timestamptz, stopped_at timestamptz)
WHERE r.kind = 'seller_plan' AND r.record_id = ANY ($1)
ON CONFLICT (seller_plan_id) DO UPDATE SET version = excluded.version, name = excluded.name,
    cadence = excluded.cadence, start_date = excluded.start_date, end_date = excluded.end_date,
    minimum_group_size = excluded.minimum_group_size, scheduled_at = excluded.scheduled_at,
    stopped_at = excluded.stopped_at

-- name: settle_participants
SELECT settle_participants($1)

-- name: note_seller_ticks
SELECT note_seller_ticks($1, $2, $3, $4, $5)

-- name: list_unresolved
SELECT unresolved_participants($1)

-- name: resolve_participants
SELECT resolve_participants($1, $2)

-- name: move_positions
INSERT INTO consumed AS c (topic, partition, next_offset)
SELECT * FROM unnest($1::text[], $2::integer[], $3::bigint[]) ORDER BY 1, 2
ON CONFLICT (topic, partition)
    DO UPDATE SET next_offset = greatest(c.next_offset, excluded.next_offset)

-- name: add_interactions
SELECT add_interactions($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)

-- name: change_interactions
SELECT change_interactions($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)
