-- What only pages ask for.

-- name: list_partners
-- Partners known now, by name; $1: part of a name or id; $2, $3: after this name and id.
SELECT p.record_id AS partner_id, p.name, p.plans
FROM (
    SELECT r.record_id, r.body::jsonb ->> 'name' AS name,
        (SELECT count(*) FROM plan WHERE plan.partner_id = r.record_id AND plan.counts) AS plans
    FROM record r
    WHERE r.kind = 'partner' AND NOT r.deleted
) p
WHERE ($1 = '' OR strpos(lower(p.name || ' ' || p.record_id), lower($1)) > 0)
    AND ($2::text IS NULL OR (lower(p.name), p.record_id) > (lower($2), $3::text))
ORDER BY lower(p.name), p.record_id
LIMIT $4

-- name: name_partner
SELECT r.body::jsonb ->> 'name'
FROM record r
WHERE r.kind = 'partner' AND r.record_id = $1 AND NOT r.deleted

-- name: list_records
-- Records of a partner that a goal's kind is about, the latest first, with what the goal makes of
-- them: $1 plans, $2 goals, $3 known at, $4 the last day that counts, $5 and $6 after this day
-- (-infinity: without one) and record, $7 limit.
SELECT name_of(a.kind, a.record_id) AS record, a.record_id, a.day, a.amount, a.quarter,
    coalesce(a.refusal, CASE WHEN a.day > $4 THEN 'It is dated after the day shown.' END) AS refusal,
    r.body::jsonb ->> 'name' AS name
FROM (
    SELECT *, coalesce(day, '-infinity') AS placed FROM appraisal($1::plan[], $2::goal[], $3)
) a
JOIN record r ON r.kind = a.kind AND r.record_id = a.record_id
WHERE $5::date IS NULL OR a.placed < $5 OR (a.placed = $5 AND a.record_id > $6)
ORDER BY a.placed DESC, a.record_id
LIMIT $7
