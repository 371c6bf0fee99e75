-- Ticks as they stand: a planned one none of whose deliveries is open is done. Nowhere stored.
CREATE VIEW tick_standing AS
SELECT tick_id, stream, plan_id, strategy_id, partner_id, period, due_at, CASE
        WHEN tick.state <> 'planned' THEN tick.state
        WHEN EXISTS (
            SELECT FROM delivery
            WHERE delivery.tick_id = tick.tick_id
                AND delivery.state IN ('planned', 'claimed', 'sending', 'unknown')
        ) THEN 'planned'
        ELSE 'done'
    END AS state, reason, attempts, last_error, received_at, planned_at
FROM tick;
GRANT SELECT ON tick_standing TO milepost_notifier;
