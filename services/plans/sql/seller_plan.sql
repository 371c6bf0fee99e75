-- name: add_seller_plan
INSERT INTO seller_plan (seller_plan_id, revision, name, name_key, name_order, cadence, start_date,
                         end_date, created_at, scheduled_at, stopped_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)

-- name: replace_seller_plan
UPDATE seller_plan
SET revision = $2, name = $3, name_key = $4, name_order = $5, cadence = $6, start_date = $7,
    end_date = $8, created_at = $9, scheduled_at = $10, stopped_at = $11
WHERE seller_plan_id = $1

-- name: find_seller_plan
SELECT * FROM seller_plan WHERE seller_plan_id = $1

-- name: find_seller_plan_to_change
SELECT * FROM seller_plan WHERE seller_plan_id = $1 FOR UPDATE

-- name: find_default_names
-- The keys of names that begin as the default one does.
SELECT name_key FROM seller_plan WHERE starts_with(name_key, $1)

-- name: count_takers
-- How many take part in each plan; of a draft, how many have qualified.
SELECT seller_plan_id, count(*) AS takers
FROM (
    SELECT seller_plan_id FROM participant
    WHERE seller_plan_id = ANY ($1::uuid[]) AND person IS NOT NULL
    UNION ALL
    SELECT seller_plan_id FROM candidate WHERE seller_plan_id = ANY ($1::uuid[])
) AS taking_part
GROUP BY seller_plan_id

-- name: list_seller_plans_up
-- $1 day, $2 state, $3 sort key, $4 and $5 the last item's key and id, $6 limit
SELECT * FROM (
    SELECT *, CASE $3::text WHEN 'name' THEN name_order WHEN 'start_date' THEN start_date::text
              WHEN 'end_date' THEN end_date::text
              ELSE to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US') END
              AS sort_key
    FROM seller_plan
    WHERE $2::text IS NULL
       OR $2 = CASE WHEN stopped_at IS NOT NULL THEN 'stopped' WHEN scheduled_at IS NULL
                    THEN 'draft' WHEN start_date > $1::date THEN 'scheduled'
                    WHEN end_date > $1::date THEN 'active' ELSE 'completed' END
) AS sorted
WHERE $4::text IS NULL OR (sort_key, seller_plan_id) > ($4, $5::uuid)
ORDER BY sort_key, seller_plan_id
LIMIT $6

-- name: list_seller_plans_down
SELECT * FROM (
    SELECT *, CASE $3::text WHEN 'name' THEN name_order WHEN 'start_date' THEN start_date::text
              WHEN 'end_date' THEN end_date::text
              ELSE to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US') END
              AS sort_key
    FROM seller_plan
    WHERE $2::text IS NULL
       OR $2 = CASE WHEN stopped_at IS NOT NULL THEN 'stopped' WHEN scheduled_at IS NULL
                    THEN 'draft' WHEN start_date > $1::date THEN 'scheduled'
                    WHEN end_date > $1::date THEN 'active' ELSE 'completed' END
) AS sorted
WHERE $4::text IS NULL OR (sort_key, seller_plan_id) < ($4, $5::uuid)
ORDER BY sort_key DESC, seller_plan_id DESC
LIMIT $6
