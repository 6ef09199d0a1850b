"""Posting many entries at once."""

from funding.ledger.sql.posting import FIGURES

POST_MANY_SIGNATURE = (
    "public.ledger_post_many(text[], text[], text[], date[], text[], text[], text[], text[],"
    " bytea[], int[], int[], int[], text[], text[], text[], bigint[],"
    " int[], text[], text[], text[], bigint[])"
)
# Many entries by a handful of statements, for imports: the same rules as `ledger_post`. Decisions and
# reversals are not for import, since each must be judged after the one before it.
#
# Entries, lines and figures come as columns; a line names its entry by its place, from 1. Numbers are
# taken before the entries are written, so that a place leads to its number; where a key stands
# already, the number is left unused. An element of `approvers` is an array as text.
POST_MANY = f"""
CREATE OR REPLACE FUNCTION public.ledger_post_many(
    keys text[], hashes text[], kinds text[], days date[], memos text[], sources text[],
    preparers text[], approvers text[], salts bytea[], line_counts int[], figure_counts int[],
    line_places int[], line_pools text[], line_accounts text[], line_currencies text[],
    line_amounts bigint[],
    figure_places int[], figure_pools text[], figure_currencies text[], figure_names text[],
    figure_amounts bigint[]
)
RETURNS TABLE (place int, entry_id bigint, replayed boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
-- As in `ledger_post`; and the plans are the same for every import, so they are made once.
SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
    entry_count int := cardinality(keys);
    the_slot int := ledger_take_slot();
    first_open date;
    ids bigint[];
    periods bigint[];
    added int;
    wanted int := cardinality(line_places);
    wanted_figures int := cardinality(figure_places);
    found_count int;
    wrong record;
    ignored text;
BEGIN
    IF 2 > ANY (line_counts) OR 200 < ANY (line_counts) OR 200 < ANY (figure_counts) THEN
        RAISE EXCEPTION 'An entry has 2 to 200 postings and at most 200 figures.'
            USING ERRCODE = 'LG007';
    END IF;
    PERFORM ledger_open_month(d.month) FROM (
        SELECT DISTINCT date_trunc('month', day)::date AS month FROM unnest(days) AS u (day)
    ) d ORDER BY d.month;
    SELECT max(p.month) + interval '1 month' INTO first_open FROM ledger_period p
        WHERE p.closed_at IS NOT NULL;
    SELECT array_agg(p.id ORDER BY u.place) INTO periods
        FROM unnest(days) WITH ORDINALITY AS u (day, place)
        JOIN ledger_period p ON p.month = greatest(date_trunc('month', u.day)::date, first_open);

    ids := ARRAY(
        SELECT nextval('public.ledger_entry_id_seq') FROM generate_series(1, entry_count)
    );
    ignored := set_config('ledger.writing', 'on', true);
    INSERT INTO ledger_entry (
        id, idempotency_key, content_hash, kind, period_id, effective_date, recorded_at, memo,
        source, posting_count, figure_count, prepared_by, approved_by, salt
    )
    SELECT ids[u.place], u.key, u.hash, u.kind, periods[u.place], u.day, clock_timestamp(), u.memo,
        u.source, u.lines, u.figures, u.preparer, u.approved::varchar[], u.salt
    FROM unnest(
        keys, hashes, kinds, days, memos, sources, preparers, approvers, salts, line_counts,
        figure_counts
    ) WITH ORDINALITY AS u (
        key, hash, kind, day, memo, source, preparer, approved, salt, lines, figures, place
    ) ORDER BY u.place
    ON CONFLICT (idempotency_key) DO NOTHING;
    GET DIAGNOSTICS added = ROW_COUNT;
    IF added < entry_count THEN
        -- What stands already is left out below: its lines name a number that no entry has.
        SELECT array_agg(CASE WHEN e.id IS NOT NULL THEN u.id END ORDER BY u.place) INTO ids
            FROM unnest(ids) WITH ORDINALITY AS u (id, place)
            LEFT JOIN ledger_entry e ON e.id = u.id;
        SELECT coalesce(sum(u.lines), 0), coalesce(sum(u.figures), 0) INTO wanted, wanted_figures
            FROM unnest(ids, line_counts, figure_counts) AS u (id, lines, figures)
            WHERE u.id IS NOT NULL;
    END IF;

    WITH line AS MATERIALIZED (
        SELECT ids[l.place] AS entry_id, periods[l.place] AS period_id, a.id, a.pool_id, a.currency,
            l.amount
        FROM unnest(line_places, line_pools, line_accounts, line_currencies, line_amounts)
            AS l (place, pool, account, currency, amount)
        JOIN ledger_account a
            ON a.pool_code = l.pool AND a.code = l.account AND a.currency = l.currency
        WHERE ids[l.place] IS NOT NULL
    ), posted AS (
        INSERT INTO ledger_posting (entry_id, account_id, pool_id, currency, amount)
        SELECT entry_id, id, pool_id, currency, amount FROM line
    ), balanced AS (
        INSERT INTO ledger_accountbalance AS b (account_id, period_id, slot, amount)
        SELECT id, period_id, the_slot, sum(amount) FROM line GROUP BY id, period_id
        ON CONFLICT (account_id, period_id, slot) DO UPDATE SET amount = b.amount + EXCLUDED.amount
    )
    SELECT count(*) INTO found_count FROM line;
    IF found_count <> wanted THEN
        SELECT json_build_object('pool', l.pool, 'account', l.account, 'currency', l.currency)::text
            AS words INTO wrong
            FROM unnest(line_pools, line_accounts, line_currencies) AS l (pool, account, currency)
            LEFT JOIN ledger_account a
                ON a.pool_code = l.pool AND a.code = l.account AND a.currency = l.currency
            WHERE a.id IS NULL LIMIT 1;
        RAISE EXCEPTION 'No such account.' USING ERRCODE = 'LG002', DETAIL = wrong.words;
    END IF;

    PERFORM ledger_check_lines(line_places, line_pools, line_accounts, line_currencies, line_amounts);

    WITH fed AS MATERIALIZED (
        SELECT ids[f.place] AS entry_id, periods[f.place] AS period_id, p.id AS pool_id,
            f.currency, f.name, f.amount
        FROM unnest(figure_places, figure_pools, figure_currencies, figure_names, figure_amounts)
            AS f (place, pool, currency, name, amount)
        JOIN ledger_pool p ON p.code = f.pool
        WHERE ids[f.place] IS NOT NULL
    ), figured AS (
        INSERT INTO ledger_figure (entry_id, pool_id, currency, name, amount)
        SELECT entry_id, pool_id, currency, name, amount FROM fed
    ), totalled AS (
        INSERT INTO ledger_figuretotal AS t (pool_id, currency, name, period_id, slot, amount)
        SELECT pool_id, currency, name, period_id, the_slot, sum(amount) FROM fed
        GROUP BY pool_id, currency, name, period_id
        ON CONFLICT (pool_id, currency, name, period_id, slot)
        DO UPDATE SET amount = t.amount + EXCLUDED.amount
    )
    SELECT count(*) INTO found_count FROM fed;
    IF found_count <> wanted_figures THEN
        SELECT json_build_object('pool', f.pool, 'account', f.name, 'currency', f.currency)::text
            AS words INTO wrong
            FROM unnest(figure_pools, figure_names, figure_currencies) AS f (pool, name, currency)
            LEFT JOIN ledger_pool p ON p.code = f.pool WHERE p.id IS NULL LIMIT 1;
        RAISE EXCEPTION 'No such pool.' USING ERRCODE = 'LG002', DETAIL = wrong.words;
    END IF;
    SELECT f.name, f.amount INTO wrong
        FROM unnest(figure_names, figure_amounts, figure_currencies) AS f (name, amount, currency)
        WHERE f.amount = 0 OR f.name <> ALL ('{FIGURES}'::text[])
            OR f.currency <> ALL (line_currencies)
        LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'No such figure: % %.', wrong.name, wrong.amount USING ERRCODE = 'LG015',
            DETAIL = json_build_object('figure', wrong.name, 'amount', wrong.amount)::text;
    END IF;
    ignored := set_config('ledger.writing', 'off', true);

    IF added = entry_count THEN
        RETURN QUERY SELECT u.place::int, u.id, false
            FROM unnest(ids) WITH ORDINALITY AS u (id, place);
    ELSE
        RETURN QUERY SELECT u.place::int, found.id, u.id IS NULL
            FROM unnest(ids, keys, hashes) WITH ORDINALITY AS u (id, key, hash, place)
            CROSS JOIN LATERAL ledger_entry_of_key(u.key, u.hash) AS found (id);
    END IF;
END $$;
REVOKE ALL ON FUNCTION {POST_MANY_SIGNATURE} FROM PUBLIC;

CREATE OR REPLACE FUNCTION public.ledger_check_lines(
    places int[], pools text[], accounts text[], currencies text[], amounts bigint[]
) RETURNS void
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    wrong record;
BEGIN
    SELECT l.pool, l.account INTO wrong FROM unnest(pools, accounts, amounts)
        AS l (pool, account, amount) WHERE l.amount = 0 LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'A posting of zero.' USING ERRCODE = 'LG008',
            DETAIL = json_build_object('pool', wrong.pool, 'account', wrong.account)::text;
    END IF;
    SELECT l.pool, l.currency, sum(l.amount) AS amount INTO wrong
        FROM unnest(places, pools, currencies, amounts) AS l (place, pool, currency, amount)
        GROUP BY l.place, l.pool, l.currency HAVING sum(l.amount) <> 0 LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'Pool % does not balance in %.', wrong.pool, wrong.currency
            USING ERRCODE = 'LG003', DETAIL = json_build_object(
                'pool', wrong.pool, 'currency', wrong.currency, 'amount', wrong.amount)::text;
    END IF;
END $$;
"""
POST_MANY_REVERSE = f"""
DROP FUNCTION public.ledger_check_lines(int[], text[], text[], text[], bigint[]);
DROP FUNCTION {POST_MANY_SIGNATURE};
"""
# As it was called before: by JSON.
POST_MANY_BEFORE = "DROP FUNCTION IF EXISTS public.ledger_post_many(jsonb);"
