-- name: add_upload
INSERT INTO upload (upload_id, record, mode, state, day, received_at) VALUES ($1, $2, $3, 'receiving', $4, $5)

-- name: add_part
INSERT INTO upload_part (upload_id, part, content) VALUES ($1, $2, $3)

-- name: set_received
-- Gives it a version that is greater than that of every earlier upload of the same record.
UPDATE upload
SET state = 'received', size = $2, received_at = $3,
    version = greatest($4, (SELECT 1 + coalesce(max(other.version), -1) FROM upload AS other WHERE other.record = upload.record))
WHERE upload_id = $1

-- name: forget_upload
DELETE FROM upload WHERE upload_id = $1

-- name: forget_unfinished_uploads
-- Their senders went away, or the process that was receiving them did.
DELETE FROM upload WHERE state = 'receiving' AND received_at < $1

-- name: find_upload
SELECT
    upload_id, record, mode, state, stage, version, day, header, size, rows_read, accepted, rejected,
    retracted, dealt_with, received_at, finished_at
FROM upload WHERE upload_id = $1 AND state <> 'receiving'

-- name: list_uploads
SELECT
    upload_id, record, mode, state, stage, version, day, header, size, rows_read, accepted, rejected,
    retracted, dealt_with, received_at, finished_at
FROM upload
WHERE state <> 'receiving' AND ($1::timestamptz IS NULL OR (received_at, upload_id) < ($1, $2))
ORDER BY received_at DESC, upload_id DESC
LIMIT $3

-- name: list_open_records
SELECT DISTINCT record FROM upload WHERE state IN ('received', 'processing')

-- name: try_lock_record
-- Held by the session that processes a record's uploads, so that they are processed in order.
SELECT pg_try_advisory_lock(hashtextextended('ingest.uploads.' || $1, 0))

-- name: oldest_open_upload
SELECT
    upload_id, record, mode, state, stage, version, day, header, size, rows_read, accepted, rejected,
    retracted, dealt_with, received_at, finished_at
FROM upload WHERE record = $1 AND state IN ('received', 'processing') ORDER BY version LIMIT 1

-- name: begin_check
UPDATE upload SET state = 'processing', header = $2, rows_read = 0, rejected = 0 WHERE upload_id = $1

-- name: read_part
SELECT content FROM upload_part WHERE upload_id = $1 AND part = $2

-- name: forget_checked_rows
DELETE FROM checked_row WHERE upload_id = $1

-- name: forget_rejected_rows
DELETE FROM rejected_row WHERE upload_id = $1

-- name: note_rows_read
UPDATE upload SET rows_read = $2 WHERE upload_id = $1

-- name: find_repeated_rows
-- Every row whose key stands in an earlier row, too.
SELECT row, first
FROM (
    SELECT row, min(row) OVER (PARTITION BY key) AS first FROM checked_row WHERE upload_id = $1
) AS keyed
WHERE row > first
ORDER BY row
LIMIT $2

-- name: find_manager_loops
-- Rows from whose day on a person is, over some managers, their own manager. In force on a day is
-- the latest row up to it.
WITH RECURSIVE chain AS (
    SELECT row, day, person AS start, manager AS boss
    FROM checked_row
    WHERE upload_id = $1 AND manager IS NOT NULL
    UNION ALL
    SELECT chain.row, chain.day, chain.start, next.manager
    FROM chain
    CROSS JOIN LATERAL (
        SELECT manager
        FROM checked_row
        WHERE upload_id = $1 AND person = chain.boss AND day <= chain.day
        ORDER BY day DESC
        LIMIT 1
    ) AS next
    WHERE chain.boss <> chain.start AND next.manager IS NOT NULL
) CYCLE boss SET passed USING bosses
SELECT DISTINCT row FROM chain WHERE boss = start AND NOT passed ORDER BY row LIMIT $2

-- name: pass_check
UPDATE upload SET stage = 'publish', rows_read = 0, dealt_with = 0 WHERE upload_id = $1

-- name: fail
UPDATE upload
SET state = 'failed', finished_at = $2, accepted = CASE stage WHEN 'check' THEN 0 ELSE accepted END,
    rejected = (SELECT count(DISTINCT row) FROM rejected_row WHERE upload_id = $1 AND row > 1)
WHERE upload_id = $1

-- name: find_keys_of_upload
SELECT key FROM uploaded_key WHERE record = $1 AND upload_id = $2 AND key = ANY ($3::text[])

-- name: keep_keys
INSERT INTO uploaded_key AS kept (record, key, version, upload_id)
SELECT $1, key, version, $2 FROM unnest($3::text[], $4::bigint[]) AS given (key, version)
ON CONFLICT (record, key) DO UPDATE
SET version = greatest(kept.version, excluded.version), upload_id = excluded.upload_id

-- name: spare_keys
-- Rows that are there but broken: what they tell is not taken, and not taken back either.
UPDATE uploaded_key SET upload_id = $2 WHERE record = $1 AND key = ANY ($3::text[])

-- name: add_account_references
INSERT INTO account_reference AS kept (upload_id, account_id, rows)
SELECT $1, account_id, count(*) FROM unnest($2::text[]) AS account_id GROUP BY account_id
ON CONFLICT (upload_id, account_id) DO UPDATE SET rows = kept.rows + excluded.rows

-- name: advance
UPDATE upload
SET rows_read = rows_read + $2, accepted = accepted + $3, rejected = rejected + $4, dealt_with = $5
WHERE upload_id = $1

-- name: begin_retracting
UPDATE upload SET stage = 'retract' WHERE upload_id = $1

-- name: next_keys_to_retract
SELECT key, version FROM uploaded_key WHERE record = $1 AND upload_id <> $2 ORDER BY key LIMIT $3

-- name: forget_keys
DELETE FROM uploaded_key WHERE record = $1 AND key = ANY ($2::text[])

-- name: note_retracted
UPDATE upload SET retracted = retracted + $2 WHERE upload_id = $1

-- name: finish
UPDATE upload SET state = 'processed', finished_at = $2 WHERE upload_id = $1

-- name: forget_parts
DELETE FROM upload_part WHERE upload_id = $1

-- name: list_rejected_rows
SELECT row, fault, "column", error, cells
FROM rejected_row
WHERE upload_id = $1 AND (row, fault) > ($2, $3)
ORDER BY row, fault
LIMIT $4

-- name: measure_join_coverage
SELECT
    coalesce(sum(rows) FILTER (
        WHERE EXISTS (
            SELECT FROM uploaded_key
            WHERE record = 'crm_account' AND key::jsonb ->> 'account_id' = account_reference.account_id
        )
    ), 0)::bigint AS joined,
    coalesce(sum(rows), 0)::bigint AS rows
FROM account_reference
WHERE upload_id = $1

-- name: ping
SELECT 1
