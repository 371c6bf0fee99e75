-- Who has left a seller plan, by the random id: what comes later of them is not taken up again.
CREATE TABLE former_participant (
    participant_id text PRIMARY KEY,
    left_at timestamptz NOT NULL
);

-- The other side's words often quote the address, and nobody needs more than the status.
ALTER TABLE returned DROP COLUMN said;
