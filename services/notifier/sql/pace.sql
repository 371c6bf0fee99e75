-- name: claim_paced_deliveries
-- As claim_deliveries, but of each recipient domain no more than its pace allows. The paces of the
-- domains are locked: what another process claims meanwhile waits for its next turn. A domain that
-- is seen for the first time is given a row, and its mails are claimed in the next round.
-- $3, $4: domains and their bounds; $5: the bound of all others; $6: the first pace; $7: seconds
-- in which it doubles. Bounds and paces are mails a second; null is none.
WITH candidate AS MATERIALIZED (
    SELECT delivery_id, due_at, split_part(recipient, '@', -1) AS domain
    FROM delivery
    WHERE state = 'planned' AND next_try_at <= clock_timestamp()
        AND NOT EXISTS (
            SELECT FROM suppression AS s
            WHERE s.stream = delivery.stream AND s.recipient = delivery.recipient
        )
        AND split_part(recipient, '@', -1) NOT IN (
            SELECT domain FROM mail_pace
            WHERE greatest(next_at - interval '250 ms', quiet_until) > clock_timestamp()
        )
    ORDER BY due_at, delivery_id
    LIMIT $2 * 4
    FOR UPDATE SKIP LOCKED
),
opened AS (
    INSERT INTO mail_pace (domain)
    SELECT DISTINCT domain FROM candidate c
    WHERE NOT EXISTS (SELECT FROM mail_pace p WHERE p.domain = c.domain)
    ON CONFLICT DO NOTHING
),
pace AS MATERIALIZED (
    SELECT domain, next_at, least(
        coalesce((
            SELECT b.rate FROM unnest($3::text[], $4::float8[]) AS b (domain, rate)
            WHERE b.domain = p.domain
        ), $5::float8, 'infinity'),
        $6::float8 * power(2, least(
            extract(epoch FROM clock_timestamp() - started_at)::float8 / $7::float8, 40))
    ) AS rate
    FROM mail_pace p
    WHERE domain IN (SELECT domain FROM candidate)
        AND greatest(next_at - interval '250 ms', quiet_until) <= clock_timestamp()
    FOR UPDATE SKIP LOCKED
),
chosen AS MATERIALIZED (
    SELECT r.delivery_id, r.domain
    FROM (
        SELECT delivery_id, due_at, domain,
            row_number() OVER (PARTITION BY domain ORDER BY due_at, delivery_id) AS place
        FROM candidate
    ) r
    JOIN pace p ON p.domain = r.domain AND r.place <= greatest(floor(p.rate), 1)
    ORDER BY r.due_at, r.delivery_id
    LIMIT $2
),
claimed AS (
    UPDATE delivery
    SET state = 'claimed', claimed_by = $1, fence = fence + 1
    WHERE delivery_id = ANY (ARRAY(SELECT delivery_id FROM chosen))
        AND EXISTS (SELECT FROM worker WHERE worker_id = $1 AND alive_until > clock_timestamp())
    RETURNING delivery.*
),
used AS (
    UPDATE mail_pace m
    SET next_at = greatest(m.next_at, clock_timestamp())
        + make_interval(secs => CASE WHEN p.rate = 'infinity' THEN 0 ELSE c.number / p.rate END)
    FROM pace p
    JOIN (SELECT domain, count(*) AS number FROM chosen GROUP BY domain) c USING (domain)
    WHERE m.domain = p.domain
)
SELECT delivery_id, tick_id, stream, plan_id, period, recipient, recipient_name, message_id,
    attempts, fence, due_at, claimed.locale,
    (SELECT content FROM statement AS s WHERE s.tick_id = claimed.tick_id) AS content,
    link.token, link.locale AS chosen
FROM claimed
LEFT JOIN LATERAL (
    SELECT token, locale FROM subscription_link AS l
    WHERE l.stream = claimed.stream AND l.recipient = claimed.recipient
) AS link ON true
ORDER BY due_at, delivery_id

-- name: slow_down
-- Domains that asked for slower mails get none for a while, longer each time within an hour, and
-- begin again at the first pace. Those that are left alone already have said it before.
INSERT INTO mail_pace AS p (domain, quiet_until, deferrals)
SELECT domain, clock_timestamp() + $2::interval, 1
FROM unnest($1::text[]) AS d (domain)
ORDER BY domain
ON CONFLICT (domain) DO UPDATE
SET started_at = clock_timestamp(),
    deferrals = CASE
        WHEN p.quiet_until < clock_timestamp() - interval '1 hour' THEN 1 ELSE p.deferrals + 1
    END,
    quiet_until = clock_timestamp() + least($3::interval, $2::interval * power(2, CASE
        WHEN p.quiet_until < clock_timestamp() - interval '1 hour' THEN 0
        ELSE least(p.deferrals, 20)
    END))
WHERE p.quiet_until <= clock_timestamp()
