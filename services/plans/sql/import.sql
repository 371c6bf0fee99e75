-- name: forget_old_imports
DELETE FROM import_file WHERE uploaded_at < $1

-- name: add_import
INSERT INTO import_file (import_id, strategy_id, strategy_revision, header, uploaded_at, uploaded_by)
VALUES ($1, $2, $3, $4, $5, $6)

-- name: find_rows_subjects
-- What a row is judged by: the partner it names and the plan that partner has.
SELECT named.partner_id, partner.name, partner.groups, partner.active,
       plan.plan_id, plan.revision AS plan_revision,
       (SELECT jsonb_object_agg(goal_id, jsonb_build_array(q1::text, q2::text, q3::text, q4::text))
        FROM target WHERE target.plan_id = plan.plan_id) AS targets
FROM unnest($2::text[]) AS named (partner_id)
LEFT JOIN partner ON partner.partner_id = named.partner_id AND NOT partner.deleted
LEFT JOIN plan ON plan.strategy_id = $1 AND plan.partner_id = named.partner_id

-- name: learn_about_rows
-- Rows come in great numbers at once; without fresh statistics the import would be planned for few.
ANALYZE import_row

-- name: count_rows
UPDATE import_file
SET new = counted.new, updates = counted.updates, unchanged = counted.unchanged,
    errors = counted.errors
FROM (
    SELECT count(*) FILTER (WHERE outcome = 'new') AS new,
           count(*) FILTER (WHERE outcome = 'updates') AS updates,
           count(*) FILTER (WHERE outcome = 'unchanged') AS unchanged,
           count(*) FILTER (WHERE outcome = 'errors') AS errors
    FROM import_row WHERE import_id = $1
) AS counted
WHERE import_id = $1
RETURNING import_file.*

-- name: find_import
SELECT * FROM import_file WHERE import_id = $1

-- name: find_import_to_commit
SELECT * FROM import_file WHERE import_id = $1 FOR UPDATE

-- name: list_rows
SELECT row, cells, error FROM import_row
WHERE import_id = $1 AND outcome = $2 AND row > $3
ORDER BY row
LIMIT $4

-- name: lock_plans_to_update
SELECT plan.plan_id
FROM import_row JOIN plan USING (plan_id)
WHERE import_id = $1 AND outcome = 'updates'
ORDER BY plan.plan_id
FOR UPDATE OF plan

-- name: count_outdated_rows
-- Rows that would not do now what the preview said. $2 strategy, $3 its partner groups
SELECT count(*)
FROM import_row
LEFT JOIN plan ON plan.strategy_id = $2 AND plan.partner_id = import_row.partner_id
LEFT JOIN partner ON partner.partner_id = import_row.partner_id AND NOT partner.deleted
WHERE import_id = $1
  AND (outcome = 'new'
       AND (plan.plan_id IS NOT NULL OR partner.partner_id IS NULL OR NOT partner.active
            OR NOT ($3::text[] = '{}' OR partner.groups && $3))
       OR outcome = 'updates'
       AND (plan.plan_id, plan.revision)
           IS DISTINCT FROM (import_row.plan_id, import_row.plan_revision))

-- name: import_new_plans
INSERT INTO plan (plan_id, strategy_id, partner_id, revision, created_at, label, labelled_at)
SELECT plan_id, $2, partner_id, 1, $3, 'new', $3
FROM import_row WHERE import_id = $1 AND outcome = 'new'
ORDER BY row

-- name: import_plan_updates
UPDATE plan SET revision = plan.revision + 1, label = 'updated', labelled_at = $2
FROM import_row
WHERE import_id = $1 AND outcome = 'updates' AND plan.plan_id = import_row.plan_id

-- name: clear_changed_targets
DELETE FROM target
USING import_row, jsonb_to_recordset(import_row.changes) AS change (goal_id uuid)
WHERE import_id = $1 AND outcome = 'updates'
  AND target.plan_id = import_row.plan_id AND target.goal_id = change.goal_id

-- name: import_targets
INSERT INTO target (plan_id, goal_id, annual, q1, q2, q3, q4)
SELECT plan_id, change.goal_id, (new->>'annual')::numeric, (new->>'q1')::numeric,
       (new->>'q2')::numeric, (new->>'q3')::numeric, (new->>'q4')::numeric
FROM import_row, jsonb_to_recordset(import_row.changes) AS change (goal_id uuid, new jsonb)
WHERE import_id = $1 AND outcome IN ('new', 'updates') AND jsonb_typeof(change.new) = 'object'

-- name: write_import_history
INSERT INTO target_change (plan_id, goal_id, who, changed_at, old, new)
SELECT plan_id, change.goal_id, $2, $3, nullif(change.old, 'null'), nullif(change.new, 'null')
FROM import_row,
     jsonb_to_recordset(import_row.changes) AS change (goal_id uuid, old jsonb, new jsonb)
WHERE import_id = $1 AND outcome = 'updates'
ORDER BY row

-- name: list_imported_plans
-- Whole plans as they stand after the import, in pages.
SELECT row, plan.plan_id, plan.partner_id, plan.revision, plan.created_at,
       (SELECT jsonb_object_agg(goal_id, jsonb_build_object(
               'annual', annual::text, 'q1', q1::text, 'q2', q2::text, 'q3', q3::text,
               'q4', q4::text))
        FROM target WHERE target.plan_id = plan.plan_id) AS targets
FROM import_row JOIN plan USING (plan_id)
WHERE import_id = $1 AND outcome IN ('new', 'updates') AND row > $2
ORDER BY row
LIMIT $3

-- name: note_commit
UPDATE import_file SET committed_at = $2 WHERE import_id = $1

-- name: list_template_partners
-- Eligible partners, and those that have a plan although they are eligible no more. $1 strategy,
-- $2 its groups, $3 the groups asked for, $4 $5 the last item's name order and id, $6 limit
SELECT partner.partner_id, name, name_order,
       (SELECT jsonb_object_agg(goal_id, jsonb_build_array(q1::text, q2::text, q3::text, q4::text))
        FROM target WHERE target.plan_id = plan.plan_id) AS targets
FROM partner LEFT JOIN plan ON plan.partner_id = partner.partner_id AND plan.strategy_id = $1
WHERE NOT deleted
  AND (plan_id IS NOT NULL OR active AND ($2::text[] = '{}' OR groups && $2))
  AND ($3::text[] = '{}' OR groups && $3)
  AND ($4::text IS NULL OR (name_order, partner.partner_id) > ($4, $5))
ORDER BY name_order, partner.partner_id
LIMIT $6
