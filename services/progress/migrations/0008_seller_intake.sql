-- How the seller side is written: by these functions and by nothing else. They give counts and ids
-- back, never what they have seen.

-- New interactions of which the batch holds one version. Gives the ids that were known
-- before with anything else; who says the same again changes nothing.
-- `at` says which of the interactions a part belongs to; without parts it counts for nobody. Own
-- bounds that are the interaction's are null.
CREATE FUNCTION add_interactions(
    ids text[], versions bigint[], moments timestamptz[], bodies text[], kinds text[],
    begins timestamptz[], finishes timestamptz[], chats text[], messages integer[], there text[],
    at integer[], persons text[], own_froms timestamptz[], own_untils timestamptz[],
    roles smallint[], responses smallint[], senders boolean[], own_messages integer[]
) RETURNS text[]
LANGUAGE sql SECURITY DEFINER
SET search_path = progress, pg_temp
AS $body$
    WITH given AS (
        SELECT g.*, string_to_array(there, E'\x1f') AS people
        FROM unnest(ids, versions, moments, bodies, kinds, begins, finishes, chats, messages, there)
            WITH ORDINALITY
            AS g (id, version, known_from, body, kind, starts, ends, chat_id, messages, there, n)
    ),
    added AS (
        INSERT INTO progress.interaction (interaction_id, version, known_from, body)
        SELECT id, version, known_from, body FROM given ORDER BY id
        ON CONFLICT (interaction_id) DO NOTHING
        RETURNING interaction_id
    ),
    placed AS (
        INSERT INTO progress.involvement
        SELECT p.person, g.starts, g.id, g.kind, g.ends, coalesce(p.own_from, g.starts),
            CASE WHEN g.kind IN ('meeting', 'call') THEN coalesce(p.own_until, g.ends) END, p.role,
            p.response, p.is_sender, p.own, g.messages, g.chat_id, g.people, g.known_from,
            'infinity'
        FROM unnest(at, persons, own_froms, own_untils, roles, responses, senders, own_messages)
            AS p (n, person, own_from, own_until, role, response, is_sender, own)
        JOIN given g ON g.n = p.n
        JOIN added a ON a.interaction_id = g.id COLLATE "C"
        ORDER BY p.person COLLATE "C", g.starts  -- neighbours in the index and on its pages
    )
    SELECT coalesce(array_agg(g.id), '{}')
    FROM given g
    WHERE NOT EXISTS (SELECT FROM added a WHERE a.interaction_id = g.id COLLATE "C")
        AND NOT EXISTS (
            SELECT FROM progress.interaction i
            WHERE i.interaction_id = g.id COLLATE "C" AND i.version = g.version
                AND i.body = g.body COLLATE "C" AND i.known_from <= g.known_from)
$body$;

-- Further versions of interactions, each body once. All versions of an interaction are put in order
-- anew: since when each was the newest, and until when. Gives how many versions have two bodies.
CREATE FUNCTION change_interactions(
    ids text[], versions bigint[], moments timestamptz[], bodies text[], kinds text[],
    begins timestamptz[], finishes timestamptz[], chats text[], messages integer[], there text[],
    at integer[], persons text[], own_froms timestamptz[], own_untils timestamptz[],
    roles smallint[], responses smallint[], senders boolean[], own_messages integer[]
) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = progress, pg_temp
AS $body$
DECLARE
    spans jsonb;
    moved progress.involvement[];
BEGIN
    WITH whole AS (
        SELECT id, version, body, min(known_from) AS known_from,
            min(known_from) FILTER (WHERE was_there) AS was
        FROM (
            SELECT interaction_id AS id, version, body, known_from, true AS was_there
            FROM progress.interaction WHERE interaction_id = ANY (ids)
            UNION ALL
            SELECT interaction_id, version, body, known_from, true
            FROM progress.interaction_history WHERE interaction_id = ANY (ids)
            UNION ALL
            SELECT g.id COLLATE "C", g.version, g.body COLLATE "C", g.known_from, false
            FROM unnest(ids, versions, moments, bodies) AS g (id, version, known_from, body)
        ) every
        GROUP BY id, version, body
    )
    -- Of versions accepted at the same moment only the greatest was ever the newest: only it can
    -- have parts that are known from then.
    SELECT jsonb_agg(jsonb_build_object('id', id, 'version', version, 'body', body,
        'known_from', known_from, 'was', CASE WHEN place_then = 1 THEN was END,
        'known_to', coalesce(earlier, 'infinity'), 'newest', place = 1))
    INTO spans
    FROM (
        SELECT *, row_number() OVER newer AS place,
            row_number() OVER (
                PARTITION BY id, was ORDER BY version DESC, body DESC) AS place_then,
            min(known_from) OVER (
                newer ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS earlier
        FROM whole
        WINDOW newer AS (PARTITION BY id ORDER BY version DESC, body DESC)
    ) placed;

    INSERT INTO progress.interaction AS i (interaction_id, version, known_from, body)
    SELECT s.id, s.version, s.known_from, s.body
    FROM jsonb_to_recordset(spans) AS s (
        id text, version bigint, body text, known_from timestamptz, newest boolean)
    WHERE s.newest
    ON CONFLICT (interaction_id) DO UPDATE SET version = excluded.version,
        known_from = excluded.known_from, body = excluded.body;

    INSERT INTO progress.interaction_history AS h (
        interaction_id, version, digest, known_from, known_to, body)
    SELECT s.id, s.version, substring(sha256(convert_to(s.body, 'UTF8')), 1, 16), s.known_from,
        s.known_to, s.body
    FROM jsonb_to_recordset(spans) AS s (
        id text, version bigint, body text, known_from timestamptz, known_to timestamptz,
        newest boolean)
    WHERE NOT s.newest
    ON CONFLICT (interaction_id, version, digest) DO UPDATE SET known_from = excluded.known_from,
        known_to = excluded.known_to;

    -- Parts of versions that were there: taken out first, since spans may move past each other.
    WITH gone AS (
        DELETE FROM progress.involvement i
        USING jsonb_to_recordset(spans) AS s (id text, body text, was timestamptz),
            LATERAL (
                SELECT DISTINCT p ->> 'address' AS person
                FROM jsonb_array_elements(s.body::jsonb -> 'participants') p
            ) a
        WHERE s.was IS NOT NULL AND i.person = a.person COLLATE "C"
            AND i.starts = (s.body::jsonb ->> 'started_at')::timestamptz
            AND i.interaction_id = s.id COLLATE "C" AND i.known_from = s.was
        RETURNING i.*
    )
    SELECT array_agg(gone::progress.involvement) INTO moved FROM gone;

    INSERT INTO progress.involvement
    SELECT m.person, m.starts, m.interaction_id, m.kind, m.ends, m.own_from, m.own_until,
        m.role_rank, m.response_rank, m.is_sender, m.own_messages, m.all_messages, m.chat_id,
        m.people, s.known_from, s.known_to
    FROM unnest(moved) m
    JOIN jsonb_to_recordset(spans) AS s (
        id text, known_from timestamptz, was timestamptz, known_to timestamptz)
        ON s.id = m.interaction_id AND s.was = m.known_from
    WHERE s.known_to > s.known_from;

    INSERT INTO progress.involvement
    SELECT p.person, g.starts, g.id, g.kind, g.ends, coalesce(p.own_from, g.starts),
        CASE WHEN g.kind IN ('meeting', 'call') THEN coalesce(p.own_until, g.ends) END, p.role,
        p.response, p.is_sender, p.own, g.messages, g.chat_id,
        string_to_array(g.there, E'\x1f'), s.known_from, s.known_to
    FROM unnest(at, persons, own_froms, own_untils, roles, responses, senders, own_messages)
        AS p (n, person, own_from, own_until, role, response, is_sender, own)
    JOIN unnest(ids, versions, bodies, kinds, begins, finishes, chats, messages, there)
        WITH ORDINALITY
        AS g (id, version, body, kind, starts, ends, chat_id, messages, there, n) ON g.n = p.n
    JOIN jsonb_to_recordset(spans) AS s (
        id text, version bigint, body text, known_from timestamptz, known_to timestamptz)
        ON s.id = g.id AND s.version = g.version AND s.body = g.body
    WHERE s.known_to > s.known_from
    ON CONFLICT DO NOTHING;

    RETURN (
        SELECT count(*) FROM (
            SELECT FROM jsonb_to_recordset(spans) AS s (id text, version bigint)
            GROUP BY s.id, s.version HAVING count(*) > 1
        ) twice);
END $body$;

-- Participants as the newest of what was told says. Who does not take part any more is forgotten,
-- with the record of reads, unless it takes part in another plan.
CREATE FUNCTION settle_participants(ids uuid[]) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = progress, pg_temp
AS $body$
DECLARE
    leaving text[];
    settled bigint;
BEGIN
    -- In the order of those that hold participants to read them.
    PERFORM FROM progress.participant
    WHERE participant_id = ANY (ids) ORDER BY participant_id FOR UPDATE;

    SELECT coalesce(array_agg(p.person), '{}') INTO leaving
    FROM progress.participant p
    JOIN progress.record r ON r.kind = 'participant' AND r.record_id = p.participant_id::text
    WHERE p.participant_id = ANY (ids) AND p.person IS NOT NULL
        AND NOT (r.body::jsonb ->> 'taking_part')::boolean;

    INSERT INTO progress.participant AS p (
        participant_id, seller_plan_id, version, taking_part, known_from)
    SELECT r.record_id::uuid, (r.body::jsonb ->> 'seller_plan_id')::uuid, r.version,
        (r.body::jsonb ->> 'taking_part')::boolean, r.known_from
    FROM progress.record r
    WHERE r.kind = 'participant' AND r.record_id = ANY (ids::text[])
    ON CONFLICT (participant_id) DO UPDATE SET version = excluded.version,
        taking_part = excluded.taking_part, known_from = excluded.known_from,
        person = CASE WHEN excluded.taking_part THEN p.person END
    WHERE p.version <> excluded.version;
    GET DIAGNOSTICS settled = ROW_COUNT;

    DELETE FROM progress.insight_read d
    WHERE d.person = ANY (leaving)
        AND NOT EXISTS (SELECT FROM progress.participant o WHERE o.person = d.person);
    RETURN settled;
END $body$;

-- Who is read cannot leave half-way: leaving waits until the reading transaction has ended, and then
-- forgets what that noted, too. Who had left before is in scope no more.
CREATE FUNCTION hold_participants() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = progress, pg_temp
AS $body$
BEGIN
    PERFORM FROM progress.participant
    WHERE taking_part AND person IN (SELECT one FROM progress.people_in_scope() AS one)
    ORDER BY participant_id FOR SHARE;
END $body$;

-- Participants whose person is not known here yet.
CREATE FUNCTION unresolved_participants(most integer) RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = progress, pg_temp
AS $body$
    SELECT participant_id FROM progress.participant
    WHERE taking_part AND person IS NULL
    ORDER BY participant_id LIMIT most
$body$;

CREATE FUNCTION resolve_participants(ids uuid[], people text[]) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = progress, pg_temp
AS $body$
DECLARE
    resolved bigint;
BEGIN
    UPDATE progress.participant p SET person = g.person
    FROM unnest(ids, people) AS g (participant_id, person)
    WHERE p.participant_id = g.participant_id AND p.taking_part AND p.person IS NULL;
    GET DIAGNOSTICS resolved = ROW_COUNT;
    RETURN resolved;
END $body$;

CREATE FUNCTION note_seller_ticks(
    ids uuid[], plans uuid[], participants uuid[], periods text[], dues timestamptz[]
) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = progress, pg_temp
AS $body$
DECLARE
    noted bigint;
BEGIN
    INSERT INTO progress.seller_tick (tick_id, seller_plan_id, participant_id, period, due_at)
    SELECT * FROM unnest(ids, plans, participants, periods, dues)
    ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS noted = ROW_COUNT;
    RETURN noted;
END $body$;

DO $body$
DECLARE
    one regprocedure;
BEGIN
    FOR one IN SELECT oid FROM pg_proc
        WHERE pronamespace = 'progress'::regnamespace AND prosecdef
    LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', one);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO milepost_progress', one);
    END LOOP;
END $body$;

-- The versions of records that were the newest for a while, with since when and until when; of
-- deleted ones nothing. What is effective from a day on is kept by these spans.
CREATE FUNCTION spans_of(of_kind text, ids text[])
RETURNS TABLE (record_id text, body jsonb, known_from timestamptz, known_to timestamptz)
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT s.record_id, s.body::jsonb, s.known_from, coalesce(s.earlier, 'infinity')
    FROM (
        SELECT v.record_id, v.body, v.deleted, v.known_from, min(v.known_from) OVER (
            PARTITION BY v.record_id ORDER BY v.version DESC, v.body DESC
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS earlier
        FROM (
            SELECT r.record_id, r.version, r.body, r.deleted, r.known_from FROM record r
            WHERE r.kind = of_kind AND r.record_id = ANY (ids)
            UNION ALL
            SELECT h.record_id, h.version, h.body, h.deleted, h.known_from FROM record_history h
            WHERE h.kind = of_kind AND h.record_id = ANY (ids)
        ) v
    ) s
    WHERE NOT s.deleted AND (s.earlier IS NULL OR s.earlier > s.known_from);
END;
