-- Mails that are planned and due, laid into the notifier's tables: ticks of ten recipients each.

-- name: lay_ticks
INSERT INTO notifier.tick (
    tick_id, stream, plan_id, strategy_id, partner_id, period, due_at, state, received_at, planned_at
)
SELECT $1 || n, 'partner_progress', $1 || n, 'bench', 'bench-' || n, '2026-03', $3, 'planned', $3, $3
FROM generate_series(1, $2::integer) AS n;

-- name: lay_statements
INSERT INTO notifier.statement (tick_id, content)
SELECT $1 || n, replace($3, 'PLAN', $1 || n) FROM generate_series(1, $2::integer) AS n;

-- name: lay_links
INSERT INTO notifier.subscription_link (stream, recipient)
SELECT 'partner_progress', 'admin' || r || '@' || $1 || n || '.example'
FROM generate_series(1, $2::integer) AS n, generate_series(1, $3::integer) AS r;

-- name: lay_deliveries
INSERT INTO notifier.delivery (
    delivery_id, tick_id, stream, plan_id, period, recipient, recipient_name, message_id, template,
    due_at, state, planned_at
)
SELECT id, $1 || n, 'partner_progress', $1 || n, '2026-03', 'admin' || r || '@' || $1 || n || '.example',
    'Admin ' || r, '<' || id || '@bench.example>', 'partner_progress/1', $4, 'planned', $4
FROM generate_series(1, $2::integer) AS n, generate_series(1, $3::integer) AS r,
    LATERAL (SELECT md5($1 || n || '/' || r)::uuid AS id) AS named;

-- name: count_accepted
SELECT count(*) FROM notifier.delivery WHERE starts_with(plan_id, $1) AND state = 'accepted';

-- name: forget_laid
DELETE FROM notifier.delivery WHERE starts_with(plan_id, $1);

-- name: forget_laid_links
DELETE FROM notifier.subscription_link WHERE recipient LIKE 'admin%@' || $1 || '%';

-- name: forget_laid_statements
DELETE FROM notifier.statement WHERE starts_with(tick_id, $1);

-- name: forget_laid_ticks
DELETE FROM notifier.tick WHERE starts_with(tick_id, $1);
