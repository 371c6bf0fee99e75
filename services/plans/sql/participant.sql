-- name: take_the_lists
-- One list is validated and taken at a time: nobody gets into two plans at once.
SELECT pg_advisory_xact_lock($1)

-- name: judge_candidates
-- $1 plan, $2 addresses, $3 day: the first check that fails counts; NULL = qualified
SELECT given.person, CASE
    WHEN known.person IS NULL THEN 'unknown'
    WHEN NOT known.licensed THEN 'unlicensed'
    WHEN known.opted_out OR EXISTS (
        SELECT FROM opt_out WHERE hash = hash_of(given.person) AND opt_out.opted_out
    ) THEN 'opted_out'
    WHEN EXISTS (
        SELECT FROM participant JOIN seller_plan USING (seller_plan_id)
        WHERE participant.person = given.person AND seller_plan_id <> $1::uuid
          AND stopped_at IS NULL AND end_date > $3::date
    ) THEN 'in_another_plan'
END AS error
FROM unnest($2::text[]) AS given (person)
LEFT JOIN LATERAL person_on(given.person, $3::date) AS known ON true

-- name: clear_candidates
DELETE FROM candidate WHERE seller_plan_id = $1

-- name: add_candidates
INSERT INTO candidate (seller_plan_id, person)
SELECT $1, person FROM unnest($2::text[]) AS given (person)

-- name: list_candidates
SELECT person FROM candidate WHERE seller_plan_id = $1

-- name: list_participations
SELECT participant_id, seller_plan_id, name, joined_at
FROM participant JOIN seller_plan USING (seller_plan_id)
WHERE person = $1
ORDER BY joined_at, participant_id

-- name: list_candidacies
SELECT seller_plan_id, name
FROM candidate JOIN seller_plan USING (seller_plan_id)
WHERE person = $1
ORDER BY created_at, seller_plan_id

-- name: add_participants
-- Under random ids: who takes part already does so on.
INSERT INTO participant (participant_id, seller_plan_id, person, version, joined_at)
SELECT gen_random_uuid(), $1, person, 1, $3 FROM unnest($2::text[]) AS given (person)
ON CONFLICT (seller_plan_id, person) WHERE person IS NOT NULL DO NOTHING
RETURNING participant_id, seller_plan_id, version

-- name: end_others
-- $1 plan, $2 the addresses that stay, $3 when: a new list replaces the one before
UPDATE participant
SET person = NULL, version = version + 1, ended_at = $3, ended_by = 'replaced'
WHERE seller_plan_id = $1 AND person IS NOT NULL
  AND NOT EXISTS (SELECT FROM unnest($2::text[]) AS stays (address) WHERE address = person)
RETURNING participant_id, seller_plan_id, version

-- name: end_participations
-- $1 addresses, $2 when, $3 why: the address goes from everything that holds it
WITH withdrawn AS (
    DELETE FROM candidate WHERE person = ANY ($1::text[])
)
UPDATE participant
SET person = NULL, version = version + 1, ended_at = $2, ended_by = $3
WHERE person = ANY ($1::text[])
RETURNING participant_id, seller_plan_id, version

-- name: end_participation
-- $1 participant, $2 when: of this plan alone
UPDATE participant
SET person = NULL, version = version + 1, ended_at = $2, ended_by = 'left'
WHERE participant_id = $1 AND person IS NOT NULL
RETURNING participant_id, seller_plan_id, version

-- name: find_participant
SELECT participant_id, person, ended_by FROM participant WHERE participant_id = $1

-- name: resolve_participants
SELECT participant_id, seller_plan_id, person
FROM participant
WHERE participant_id = ANY ($1::uuid[]) AND person IS NOT NULL
ORDER BY participant_id

-- name: note_opt_outs
-- $1 addresses, $2 when each was told. What was told before somebody opted in again is past.
INSERT INTO opt_out (hash, opted_out, changed_at)
SELECT hash_of(person), true, max(told_at)
FROM unnest($1::text[], $2::timestamptz[]) AS told (person, told_at)
GROUP BY person
ON CONFLICT (hash) DO UPDATE SET opted_out = true, changed_at = excluded.changed_at
WHERE NOT opt_out.opted_out AND opt_out.changed_at < excluded.changed_at

-- name: opt_in
UPDATE opt_out SET opted_out = false, changed_at = $2 WHERE hash = hash_of($1) AND opted_out

-- name: has_opted_out
SELECT EXISTS (SELECT FROM opt_out WHERE hash = hash_of($1) AND opted_out)

-- name: find_opted_out
-- Which of these have opted out, by their own word or that of their newest row
SELECT given.person
FROM unnest($1::text[]) AS given (person)
LEFT JOIN LATERAL person_on(given.person, $2::date) AS known ON true
WHERE known.opted_out OR EXISTS (
    SELECT FROM opt_out WHERE hash = hash_of(given.person) AND opt_out.opted_out
)

-- name: find_takers_opted_out
-- $1 day: who takes part, or is to, although a row that has come into force says otherwise
SELECT DISTINCT person, accepted_at
FROM person_row
WHERE opted_out AND NOT deleted AND effective_on <= $1::date
  AND (person IN (SELECT person FROM participant WHERE person IS NOT NULL)
       OR person IN (SELECT person FROM candidate))
