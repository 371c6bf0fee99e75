-- Sellers: a tick is about a participant (a random id), and progress is told when it is dealt with.
ALTER TABLE tick ADD COLUMN finished_at timestamptz;
COMMENT ON COLUMN tick.partner_id IS 'whom it is about: a partner, or a participant''s random id';
COMMENT ON COLUMN tick.finished_at IS 'when progress was told that a seller''s tick is dealt with';
CREATE INDEX tick_unfinished ON tick (due_at, tick_id)
    WHERE stream = 'seller_insights' AND state <> 'waiting' AND finished_at IS NULL;
CREATE INDEX tick_participant ON tick (partner_id) WHERE stream = 'seller_insights';
