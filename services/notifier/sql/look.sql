-- name: find_look
-- The newest that is newer than a version.
SELECT version, name, sender_name, sender_address, accent, accent_dark, header, changed_by,
    changed_at, logo.media_type, logo.width, logo.height, logo.content
FROM look
LEFT JOIN logo ON logo.digest = look.logo
WHERE version > $1
ORDER BY version DESC
LIMIT 1

-- name: add_logo
INSERT INTO logo (digest, media_type, width, height, content)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (digest) DO NOTHING

-- name: add_look
-- Behind the version that it was made from; nothing where another came first.
INSERT INTO look (
    version, name, sender_name, sender_address, accent, accent_dark, header, logo, changed_by,
    changed_at
)
SELECT $1 + 1, $2, $3, $4, $5, $6, $7, $8, $9, $10
WHERE $1 = coalesce((SELECT max(version) FROM look), 0)
ON CONFLICT (version) DO NOTHING
RETURNING version

-- name: list_looks
-- The latest first, from behind a version.
SELECT version, name, sender_name, sender_address, accent, accent_dark, header,
    encode(logo, 'hex') AS logo, changed_by, changed_at
FROM look
WHERE $1::integer IS NULL OR version < $1
ORDER BY version DESC
LIMIT $2

-- name: one_test_at_a_time
SELECT pg_advisory_xact_lock(hashtext('test_mail'), hashtext($1))

-- name: add_test_mail
-- Unless there were as many as may be within the time.
INSERT INTO test_mail (who, template, locale)
SELECT $1, $2, $3
WHERE (
    SELECT count(*) FROM test_mail
    WHERE who = $1 AND sent_at > clock_timestamp() - $4::interval
) < $5::integer
RETURNING test_id
