"""The public form of an entry, and its place in the Merkle tree."""

from funding.ledger.sql.guards import READ_COMMITTED, SEALER, WRITERS

# The bytes that anyone may check: docs/ledger-format.md. What is salted binds what is not public.
PUBLIC_FORM = r"""
CREATE OR REPLACE FUNCTION public.ledger_json_texts(list text[]) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT '[' || coalesce(string_agg(to_json(item)::text, ',' ORDER BY place), '') || ']'
    FROM unnest(list) WITH ORDINALITY AS l (item, place)
$$;
CREATE OR REPLACE VIEW public.ledger_private_form AS
    SELECT e.id AS entry_id, concat(
        '{"approved_by":', ledger_json_texts(e.approved_by::text[]),
        ',"key":', to_json(e.idempotency_key),
        ',"prepared_by":', to_json(e.prepared_by), '}') AS form
    FROM ledger_entry e;
CREATE OR REPLACE VIEW public.ledger_public_form AS
    SELECT e.id AS entry_id, concat(
        '{"effective_date":"', to_char(e.effective_date, 'YYYY-MM-DD'),
        '","figures":[', (
            SELECT string_agg(concat('["', p.code, '","', f.currency, '","', f.name, '",',
                f.amount, ']'), ',' ORDER BY f.pool_id, f.currency, f.name COLLATE "C")
            FROM ledger_figure f JOIN ledger_pool p ON p.id = f.pool_id WHERE f.entry_id = e.id
        ),
        '],"format":1,"kind":', to_json(e.kind),
        ',"memo":', to_json(e.memo),
        ',"number":', e.id,
        ',"period":"', (
            SELECT to_char(p.month, 'YYYY-MM') FROM ledger_period p WHERE p.id = e.period_id
        ),
        '","postings":[', (
            SELECT string_agg(concat('["', l.code, '","', a.code, '","', p.currency, '",',
                p.amount, ']'), ',' ORDER BY p.account_id)
            FROM ledger_posting p JOIN ledger_account a ON a.id = p.account_id
            JOIN ledger_pool l ON l.id = p.pool_id WHERE p.entry_id = e.id
        ),
        '],"private":"', encode(sha256(e.salt || convert_to(v.form, 'UTF8')), 'hex'),
        '","recorded_at":"',
        to_char(e.recorded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        '","reverses":', coalesce(e.reverses_id::text, 'null'),
        ',"source":', to_json(e.source), '}') AS form
    FROM ledger_entry e JOIN ledger_private_form v ON v.entry_id = e.id;
"""
PUBLIC_FORM_REVERSE = """
DROP VIEW public.ledger_public_form;
DROP VIEW public.ledger_private_form;
DROP FUNCTION public.ledger_json_texts(text[]);
"""

# Committed entries take their places in the tree here. An entry that commits late, after others with
# higher numbers were sealed, is sealed by the next run: nothing can slip behind.
#
# How the entries that wait are found without a mark on each: all numbers up to `sealed_through` are
# sealed or will never be used, and those above are looked at one by one. It may rise to a number L
# that was handed out once every writer who was at work at that time (each holds a slot's lock from
# before he takes a number until his transaction ends) is done; so each run notes L and who was at
# work, and a later run, when none of them is left, lets `sealed_through` rise to it.
#
# Only one sealer at a time numbers the leaves. Each entry is checked once more: what was changed
# past the functions never enters the tree.
SEAL = (
    r"""
CREATE OR REPLACE FUNCTION public.ledger_seal(at_most int) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    state record;
    last_number bigint;
    writers text[];
    sealed bigint;
    added int;
    wrong bigint;
BEGIN{READ_COMMITTED}
    PERFORM pg_advisory_xact_lock({SEALER}, 0);
    SELECT * INTO STRICT state FROM ledger_sealer;
    -- In this order: who had a number by now is among those at work, or done.
    last_number := coalesce(pg_sequence_last_value(
        pg_get_serial_sequence('public.ledger_entry', 'id')::regclass), 0);
    SELECT coalesce(array_agg(l.virtualtransaction), '{}') INTO writers FROM pg_locks l
        WHERE l.locktype = 'advisory' AND l.classid = {WRITERS} AND l.objsubid = 2
            AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database());

    SELECT coalesce(max(l.sequence) + 1, 0) INTO sealed FROM ledger_leaf l;
    INSERT INTO ledger_leaf (sequence, entry_id, hash)
        SELECT sealed + row_number() OVER (ORDER BY w.id) - 1, w.id,
            sha256('\x00'::bytea || convert_to(f.form, 'UTF8'))
        FROM (
            SELECT e.id FROM ledger_entry e WHERE e.id > state.sealed_through
                AND NOT EXISTS (SELECT FROM ledger_leaf l WHERE l.entry_id = e.id)
            ORDER BY e.id LIMIT at_most
        ) w JOIN ledger_public_form f ON f.entry_id = w.id;
    GET DIAGNOSTICS added = ROW_COUNT;
    SELECT l.entry_id INTO wrong FROM ledger_leaf l
        WHERE l.sequence >= sealed AND NOT ledger_is_whole(l.entry_id) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'Entry % is not whole.', wrong
            USING ERRCODE = 'LG014', DETAIL = json_build_object('entry', wrong)::text;
    END IF;
    PERFORM ledger_grow_tree(sealed, sealed + added);
    IF added < at_most AND last_number > state.sealed_through
        AND NOT state.at_work && writers
    THEN
        UPDATE ledger_sealer SET sealed_through = state.handed_out, handed_out = last_number,
            at_work = writers;
    END IF;
    RETURN added;
END $$;
REVOKE ALL ON FUNCTION public.ledger_seal(int) FROM PUBLIC;

CREATE OR REPLACE FUNCTION public.ledger_is_whole(entry bigint) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT e.posting_count BETWEEN 2 AND 200
        AND e.posting_count = (
            SELECT count(*) FROM ledger_posting p JOIN ledger_account a
                ON a.id = p.account_id AND a.pool_id = p.pool_id AND a.currency = p.currency
            WHERE p.entry_id = entry AND p.amount <> 0
        )
        AND e.figure_count = (
            SELECT count(*) FROM ledger_figure f WHERE f.entry_id = entry AND f.amount <> 0
        )
        AND NOT EXISTS (
            SELECT FROM ledger_posting p WHERE p.entry_id = entry
            GROUP BY p.pool_id, p.currency HAVING sum(p.amount) <> 0
        )
    FROM ledger_entry e WHERE e.id = entry
$$;

-- RFC 9162, 2.1.1, of a perfect tree: the root over `hashes`, 2^n of 32 bytes each.
CREATE OR REPLACE FUNCTION public.ledger_root(hashes bytea) RETURNS bytea
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    WHILE length(hashes) > 32 LOOP
        SELECT string_agg(sha256('\x01'::bytea || substr(hashes, place, 64)), '' ORDER BY place)
            INTO hashes FROM generate_series(1, length(hashes), 64) AS place;
    END LOOP;
    RETURN hashes;
END $$;

-- The root of every tile of 256 leaves that is now full is a hash of the level above, and so on
-- upward (C2SP tlog-tiles): all that is kept of the tree beside its leaves.
CREATE OR REPLACE FUNCTION public.ledger_grow_tree(before bigint, after bigint) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    level_above int := 1;
BEGIN
    WHILE before / 256 < after / 256 LOOP
        INSERT INTO ledger_treehash (level, index, hash)
            SELECT level_above, tile, ledger_root(CASE WHEN level_above = 1 THEN (
                SELECT string_agg(l.hash, '' ORDER BY l.sequence) FROM ledger_leaf l
                WHERE l.sequence >= tile * 256 AND l.sequence < (tile + 1) * 256
            ) ELSE (
                SELECT string_agg(h.hash, '' ORDER BY h.index) FROM ledger_treehash h
                WHERE h.level = level_above - 1
                    AND h.index >= tile * 256 AND h.index < (tile + 1) * 256
            ) END)
            FROM generate_series(before / 256, after / 256 - 1) AS tile;
        before := before / 256;
        after := after / 256;
        level_above := level_above + 1;
    END LOOP;
END $$;
""".replace("{SEALER}", str(SEALER))
    .replace("{WRITERS}", str(WRITERS))
    .replace("{READ_COMMITTED}", READ_COMMITTED)
)
SEAL_REVERSE = """
DROP FUNCTION public.ledger_grow_tree(bigint, bigint);
DROP FUNCTION public.ledger_root(bytea);
DROP FUNCTION public.ledger_is_whole(bigint);
DROP FUNCTION public.ledger_seal(int);
"""
