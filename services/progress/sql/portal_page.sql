-- Pages of the portal that the supplier writes.

-- name: list_portal_pages
-- Every page with what a list shows of it, in the order of the navigation.
SELECT page_id::text, slug, name, template, place, position, active, version, changed_at
FROM portal_page
ORDER BY active DESC, place, position, lower(name), page_id
LIMIT $1

-- name: list_navigation
SELECT slug, name, place
FROM portal_page
WHERE active AND place <> 'none'
ORDER BY position, lower(name), page_id

-- name: find_portal_page
SELECT page_id::text, slug, name, template, content, aside, place, position, active, version,
    changed_at, changed_by
FROM portal_page
WHERE page_id = $1::uuid

-- name: find_active_page
SELECT slug, name, template, content, aside
FROM portal_page
WHERE slug = $1 AND active

-- name: add_portal_page
-- Nothing when the address is taken, or when there are as many pages as there may be ($11).
INSERT INTO portal_page (page_id, slug, name, template, content, aside, place, position, active,
    version, changed_at, changed_by)
SELECT $1::uuid, $2, $3, $4, $5, $6, $7, $8, $9, 1, $10, $12
WHERE (SELECT count(*) FROM portal_page) < $11
ON CONFLICT (slug) DO NOTHING
RETURNING slug

-- name: change_portal_page
-- Nothing unless the page still has the version that the change was made from ($9).
UPDATE portal_page
SET name = $2, template = $3, content = $4, aside = $5, place = $6, position = $7, active = $8,
    version = version + 1, changed_at = $10, changed_by = $11
WHERE page_id = $1::uuid AND version = $9
RETURNING version

-- name: delete_portal_page
DELETE FROM portal_page WHERE page_id = $1::uuid AND version = $2 RETURNING name

-- name: count_portal_pages
SELECT count(*) FROM portal_page
