-- How far the consumer under test has brought a topic into its database.
-- name: consumed
SELECT partition, next_offset FROM progress.consumed WHERE topic = $1;
