-- The seller side: collaboration, organizational and CRM rows, participants, and who may read what.
--
-- Rows carry since when they are known and until when: as known at K are those with
-- known_from <= K < known_to. A version that was never the newest has no row.
-- What holds a person as a participant is behind row-level security, forced on the owner too. The
-- service's role reads it through one policy and never writes it but by the functions below.

-- Organizational rows, effective from a day on. Follow from the ledger of records.
CREATE TABLE person_row (
    person text COLLATE "C" NOT NULL,
    effective_on date NOT NULL,
    name text,
    manager text COLLATE "C",
    organization text,
    level text,
    function text,
    time_zone text,
    attributes jsonb NOT NULL,
    licensed boolean NOT NULL,
    opted_out boolean NOT NULL,
    known_from timestamptz NOT NULL,
    known_to timestamptz NOT NULL,
    PRIMARY KEY (person, effective_on, known_from)
);
COMMENT ON COLUMN person_row.person IS 'address, trimmed and in lower case';
COMMENT ON COLUMN person_row.time_zone IS 'IANA name; null when it is not known here';

CREATE TABLE account_row (
    account_id text COLLATE "C" NOT NULL,
    effective_on date NOT NULL,
    name text NOT NULL,
    annual_revenue numeric,
    currency text,
    type text,
    known_from timestamptz NOT NULL,
    known_to timestamptz NOT NULL,
    PRIMARY KEY (account_id, effective_on, known_from)
);

CREATE TABLE contact_row (
    contact_id text COLLATE "C" NOT NULL,
    effective_on date NOT NULL,
    account_id text COLLATE "C" NOT NULL,
    email text COLLATE "C" NOT NULL,
    known_from timestamptz NOT NULL,
    known_to timestamptz NOT NULL,
    PRIMARY KEY (contact_id, effective_on, known_from)
);
CREATE INDEX contact_row_email ON contact_row (email);

CREATE TABLE assignment_row (
    account_id text COLLATE "C" NOT NULL,
    seller text COLLATE "C" NOT NULL,
    effective_on date NOT NULL,
    known_from timestamptz NOT NULL,
    known_to timestamptz NOT NULL,
    PRIMARY KEY (account_id, seller, effective_on, known_from)
);

-- Every version of every interaction: the newest here, all others in the history.
CREATE TABLE interaction (
    interaction_id text COLLATE "C" PRIMARY KEY,
    version bigint NOT NULL,
    known_from timestamptz NOT NULL,
    body text COLLATE "C" NOT NULL
);
COMMENT ON COLUMN interaction.body IS 'canonical JSON; of a deletion its key and version alone';

CREATE TABLE interaction_history (
    interaction_id text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    digest bytea NOT NULL,
    known_from timestamptz NOT NULL,
    known_to timestamptz NOT NULL,
    body text COLLATE "C" NOT NULL,
    PRIMARY KEY (interaction_id, version, digest)
);
COMMENT ON COLUMN interaction_history.known_to IS 'at or before known_from: was never the newest';

-- One row a person who was there, of each interaction that counts (insight rules, section 3).
CREATE TABLE involvement (
    person text COLLATE "C" NOT NULL,
    starts timestamptz NOT NULL,
    interaction_id text COLLATE "C" NOT NULL,
    kind text NOT NULL,
    ends timestamptz,
    own_from timestamptz NOT NULL,
    own_until timestamptz,
    role_rank smallint NOT NULL,
    response_rank smallint NOT NULL,
    is_sender boolean NOT NULL,
    own_messages integer NOT NULL,
    all_messages integer NOT NULL,
    chat_id text COLLATE "C",
    people text[] COLLATE "C" NOT NULL,
    known_from timestamptz NOT NULL,
    known_to timestamptz NOT NULL,
    PRIMARY KEY (person, starts, interaction_id, known_from)
) WITH (fillfactor = 100);
COMMENT ON COLUMN involvement.own_from IS 'a call: joined, or its start; else the start';
COMMENT ON COLUMN involvement.own_until IS 'a call: left, or its end; a meeting: its end; else null';
COMMENT ON COLUMN involvement.role_rank IS '1 organizer, 2 sender, 3 recipient or attendee';
COMMENT ON COLUMN involvement.response_rank IS '1 organizer, 2 accepted, 3 tentative, 4 none';
COMMENT ON COLUMN involvement.all_messages IS 'of everybody who was there';
COMMENT ON COLUMN involvement.people IS 'everybody who was there, this person too, sorted';

CREATE TABLE seller_plan (
    seller_plan_id uuid PRIMARY KEY,
    version bigint NOT NULL,
    name text NOT NULL,
    cadence text NOT NULL,
    start_date date NOT NULL,
    end_date date NOT NULL,
    minimum_group_size integer NOT NULL,
    created_at timestamptz NOT NULL,
    scheduled_at timestamptz,
    stopped_at timestamptz
);

-- A random id a person and plan. Whose it is comes from the plans service, and goes on leaving.
CREATE TABLE participant (
    participant_id uuid PRIMARY KEY,
    seller_plan_id uuid NOT NULL,
    version bigint NOT NULL,
    taking_part boolean NOT NULL,
    known_from timestamptz NOT NULL,
    person text COLLATE "C",
    CHECK (taking_part OR person IS NULL)
);
COMMENT ON COLUMN participant.known_from IS 'since when it takes part, or does not any more';
COMMENT ON COLUMN participant.person IS 'address; null until it is resolved';
CREATE INDEX participant_plan ON participant (seller_plan_id);
CREATE INDEX participant_person ON participant (person) WHERE person IS NOT NULL;
CREATE INDEX participant_unresolved ON participant (participant_id)
    WHERE taking_part AND person IS NULL;

CREATE TABLE seller_tick (
    tick_id uuid PRIMARY KEY,
    seller_plan_id uuid NOT NULL,
    participant_id uuid NOT NULL,
    period text NOT NULL,
    due_at timestamptz NOT NULL,
    done_at timestamptz
);
CREATE INDEX seller_tick_participant ON seller_tick (participant_id);
CREATE INDEX seller_tick_plan ON seller_tick (seller_plan_id, period);

-- The split of people in similar roles, once a plan and period, for ever.
CREATE TABLE peer_split (
    seller_plan_id uuid NOT NULL,
    period text NOT NULL,
    due_at timestamptz NOT NULL,
    published boolean NOT NULL,
    external_percent integer,
    internal_percent integer,
    cohort uuid[] NOT NULL,
    PRIMARY KEY (seller_plan_id, period),
    CHECK (published = (external_percent IS NOT NULL))
);
COMMENT ON COLUMN peer_split.cohort IS 'participants it was made of, by random ids; never shown';

-- Every read of a person's insight, for the person to see.
CREATE TABLE insight_read (
    read_id uuid PRIMARY KEY,
    person text COLLATE "C" NOT NULL,
    read_at timestamptz NOT NULL,
    kind text NOT NULL,
    period text,
    who text NOT NULL
);
COMMENT ON COLUMN insight_read.kind IS 'page, export or email';
COMMENT ON COLUMN insight_read.who IS 'the person itself, or the service that mails';
CREATE INDEX insight_read_person ON insight_read (person, read_at DESC, read_id DESC);

-- Who may be read in this transaction ----------------------------------------------------------

-- The one set by milepost.person, if it takes part in a plan; those whose ticks are named in
-- milepost.ticks; and all of the plan whose tick milepost.peers names. Ticks open only when they
-- were heard, are due at milepost.now and not done. Left or unresolved: nobody.
CREATE FUNCTION people_in_scope() RETURNS SETOF text
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE ROWS 1000
SET search_path = progress, pg_temp
AS $body$
    SELECT p.person
    FROM progress.participant p
    JOIN progress.seller_plan s ON s.seller_plan_id = p.seller_plan_id
    WHERE p.person = nullif(current_setting('milepost.person', true), '')
        AND p.taking_part AND s.scheduled_at IS NOT NULL
    UNION
    SELECT p.person
    FROM progress.seller_tick t
    JOIN progress.participant p ON p.participant_id = t.participant_id
    WHERE t.tick_id = ANY (nullif(current_setting('milepost.ticks', true), '')::uuid[])
        AND t.due_at <= nullif(current_setting('milepost.now', true), '')::timestamptz
        AND t.done_at IS NULL AND p.taking_part AND p.person IS NOT NULL
    UNION
    SELECT p.person
    FROM progress.seller_tick t
    JOIN progress.participant p ON p.seller_plan_id = t.seller_plan_id
    WHERE t.tick_id = nullif(current_setting('milepost.peers', true), '')::uuid
        AND t.due_at <= nullif(current_setting('milepost.now', true), '')::timestamptz
        AND t.done_at IS NULL AND p.taking_part AND p.person IS NOT NULL
$body$;

-- Whether a time zone's name means something to this server.
CREATE FUNCTION known_zone(zone text) RETURNS text
LANGUAGE plpgsql STABLE STRICT
AS $body$
BEGIN
    PERFORM now() AT TIME ZONE zone;
    RETURN zone;
EXCEPTION WHEN invalid_parameter_value THEN
    RETURN NULL;
END $body$;

-- Rights and policies --------------------------------------------------------------------------

-- What is forced below is granted here and nowhere else (`grant_rights` of the migration passes it
-- over). Nobody but the owner's functions writes it; reads of the record are added, never changed.
REVOKE ALL ON interaction, interaction_history, involvement, participant, seller_tick, peer_split,
    insight_read FROM milepost_progress;
GRANT SELECT ON involvement, participant, seller_tick, peer_split, insight_read
    TO milepost_progress;
GRANT INSERT ON peer_split, insight_read TO milepost_progress;
REVOKE ALL ON FUNCTION people_in_scope() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION people_in_scope() TO milepost_progress;

ALTER TABLE interaction ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE interaction_history ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE involvement ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE participant ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE seller_tick ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE peer_split ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE insight_read ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

-- The owner never logs in: this is for its functions.
CREATE POLICY owner_works ON interaction TO milepost_progress_owner USING (true);
CREATE POLICY owner_works ON interaction_history TO milepost_progress_owner USING (true);
CREATE POLICY owner_works ON involvement TO milepost_progress_owner USING (true);
CREATE POLICY owner_works ON participant TO milepost_progress_owner USING (true);
CREATE POLICY owner_works ON seller_tick TO milepost_progress_owner USING (true);
CREATE POLICY owner_works ON insight_read TO milepost_progress_owner USING (true);

-- The set of people is found once a statement, not once a row.
CREATE POLICY in_scope ON involvement FOR SELECT TO milepost_progress
    USING (person IN (SELECT one FROM people_in_scope() AS one));
CREATE POLICY in_scope ON participant FOR SELECT TO milepost_progress
    USING (person IN (SELECT one FROM people_in_scope() AS one));
CREATE POLICY in_scope ON insight_read FOR SELECT TO milepost_progress
    USING (person IN (SELECT one FROM people_in_scope() AS one));
CREATE POLICY of_those_in_scope ON insight_read FOR INSERT TO milepost_progress
    WITH CHECK (person IN (SELECT one FROM people_in_scope() AS one));

-- These hold random ids and no people.
CREATE POLICY no_people ON seller_tick FOR SELECT TO milepost_progress USING (true);
CREATE POLICY no_people ON peer_split TO milepost_progress USING (true);
