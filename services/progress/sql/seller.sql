-- What the doors ask for about sellers. Rows of people are there only within a scope.

-- name: set_person
SELECT set_config('milepost.person', $1, true)

-- name: hold_participants
SELECT hold_participants()

-- name: set_ticks
SELECT set_config('milepost.ticks', $1::uuid[]::text, true),
    set_config('milepost.now', $2::timestamptz::text, true)

-- name: set_peers
SELECT set_config('milepost.peers', $1::uuid::text, true),
    set_config('milepost.now', $2::timestamptz::text, true)

-- name: find_seller_ticks
-- Ticks that were heard; the address only within their scope.
SELECT t.tick_id, t.seller_plan_id, t.participant_id, t.period, t.due_at, t.done_at, s.cadence,
    s.name, s.minimum_group_size, p.person
FROM seller_tick t
JOIN seller_plan s USING (seller_plan_id)
LEFT JOIN participant p ON p.participant_id = t.participant_id AND p.known_from <= t.due_at
WHERE t.tick_id = ANY ($1)

-- name: count_unresolved
SELECT unresolved_of_ticks($1)

-- name: finish_ticks
SELECT finish_seller_ticks($1, $2)

-- name: find_rows_in_force
-- $1 people, $2 the day, $3 known at: each one's row of that day.
SELECT DISTINCT ON (r.person) r.person, r.name, r.licensed, r.opted_out,
    coalesce(r.attributes ->> 'Locale', r.attributes ->> 'locale') AS locale
FROM person_row r
WHERE r.person = ANY ($1) AND r.known_from <= $3 AND r.known_to > $3
ORDER BY r.person, r.effective_on <= $2::date DESC,
    CASE WHEN r.effective_on <= $2 THEN r.effective_on END DESC, r.effective_on

-- name: find_participations
-- Within the person's own scope: the plans it takes part in.
SELECT p.participant_id, s.seller_plan_id, s.name, s.cadence, s.start_date, s.end_date,
    s.scheduled_at, s.stopped_at, p.known_from
FROM participant p
JOIN seller_plan s USING (seller_plan_id)
WHERE p.person = $1 AND p.taking_part
ORDER BY s.start_date DESC, s.seller_plan_id

-- name: list_cohort
-- Within the scope of a plan's peers: who takes part at the due.
SELECT p.participant_id, p.person
FROM participant p
WHERE p.seller_plan_id = $1 AND p.taking_part AND p.known_from <= $2
ORDER BY p.participant_id

-- name: take_peers_lock
-- One split of a plan at a time.
SELECT pg_advisory_xact_lock(7216452, hashtext($1::uuid::text))

-- name: find_split
SELECT published, external_percent, internal_percent FROM peer_split
WHERE seller_plan_id = $1 AND period = $2

-- name: find_last_split
-- The last published one of a plan that fell due before.
SELECT period, external_percent, internal_percent, cohort FROM peer_split
WHERE seller_plan_id = $1 AND published AND due_at < $2
ORDER BY due_at DESC LIMIT 1

-- name: add_split
INSERT INTO peer_split (
    seller_plan_id, period, due_at, published, external_percent, internal_percent, cohort, too_few
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT DO NOTHING

-- name: list_splits
-- What was published of some plans, and where too few were left for it, the latest first.
SELECT seller_plan_id, period, due_at, external_percent, internal_percent, too_few
FROM peer_split
WHERE seller_plan_id = ANY ($1) AND (published OR too_few)
ORDER BY due_at DESC

-- name: add_reads
INSERT INTO insight_read (read_id, person, read_at, kind, period, who)
SELECT read_id, person, $3, $4, period, $5
FROM unnest($1::uuid[], $2::text[], $6::text[]) AS given (read_id, person, period)

-- name: list_reads
SELECT read_id, read_at, kind, period, who FROM insight_read
WHERE person = $1 AND ($2::timestamptz IS NULL OR (read_at, read_id) < ($2, $3::uuid))
ORDER BY read_at DESC, read_id DESC
LIMIT $4

-- name: list_own_involvements
-- Everything known now of a person's part in collaboration, for the person's export.
SELECT interaction_id, kind, starts, ends, own_from, own_until, own_messages, chat_id,
    cardinality(people) AS people
FROM involvement
WHERE person = $1 AND known_to = 'infinity'
ORDER BY starts, interaction_id

-- name: list_own_rows
SELECT effective_on, name, manager, organization, level, function, time_zone, attributes,
    licensed, opted_out
FROM person_row
WHERE person = $1 AND known_to = 'infinity'
ORDER BY effective_on

-- name: list_own_assignments
SELECT account_id, effective_on
FROM assignment_row
WHERE seller = $1 AND known_to = 'infinity'
ORDER BY effective_on, account_id
