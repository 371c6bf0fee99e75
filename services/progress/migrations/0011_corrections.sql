-- What went out is found by plan, the latest before a moment: the next statement says what was
-- corrected since.
ALTER TABLE statement ADD COLUMN went_out boolean;
UPDATE statement
SET went_out = convert_from(body, 'UTF8')::jsonb -> 'recipients' <> '[]';
ALTER TABLE statement ALTER COLUMN went_out SET NOT NULL;
COMMENT ON COLUMN statement.went_out IS 'whether it names anybody to be told';
CREATE INDEX tick_of_plan ON tick (plan_id, due_at);
