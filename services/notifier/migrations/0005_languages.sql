-- In which language somebody is written to: what the statement says of the recipient, and what the
-- recipient chose, which comes first.
ALTER TABLE delivery ADD COLUMN locale text;
ALTER TABLE subscription_link ADD COLUMN locale text;
