-- How fast each recipient domain is written to, shared by all processes; by the database's clock.
-- Nothing is lost with a row: a domain without one begins anew.
CREATE TABLE mail_pace (
    domain text PRIMARY KEY,
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    next_at timestamptz NOT NULL DEFAULT '-infinity',
    quiet_until timestamptz NOT NULL DEFAULT '-infinity',
    deferrals integer NOT NULL DEFAULT 0
);
COMMENT ON COLUMN mail_pace.started_at IS 'the pace doubles from then on, up to its bound';
COMMENT ON COLUMN mail_pace.next_at IS 'until then the pace is used up by what was claimed';
COMMENT ON COLUMN mail_pace.quiet_until IS 'it asked for slower mails: until then it gets none';
