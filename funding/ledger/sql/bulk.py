"""Posting many entries at once."""

from funding.ledger.sql.posting import FIGURES

# Many entries by one statement, for imports: the same rules as `ledger_post`. Decisions and reversals
# are not for import, since each must be judged after the one before it.
POST_MANY = """
CREATE OR REPLACE FUNCTION public.ledger_post_many(contents jsonb)
RETURNS TABLE (place bigint, entry_id bigint, replayed boolean)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public AS $$
#variable_conflict use_column
DECLARE
    the_slot int := ledger_take_slot();
    months date[];
    wrong record;
BEGIN
    SELECT c ->> 'key' AS key,
            (c ->> 'decision')::boolean OR c ->> 'reverses' IS NOT NULL AS is_single
        INTO wrong FROM jsonb_array_elements(contents) c
        WHERE (c ->> 'decision')::boolean OR c ->> 'reverses' IS NOT NULL
            OR jsonb_array_length(c -> 'lines') NOT BETWEEN 2 AND 200
            OR jsonb_array_length(c -> 'figures') > 200;
    IF wrong.is_single THEN
        RAISE EXCEPTION 'Decisions and reversals are posted one by one: %.', wrong.key;
    ELSIF wrong.key IS NOT NULL THEN
        RAISE EXCEPTION 'An entry has 2 to 200 postings and at most 200 figures.'
            USING ERRCODE = 'LG007';
    END IF;

    -- The months must be there before the one statement that uses them begins.
    SELECT array_agg(month) INTO months FROM (
        SELECT DISTINCT date_trunc('month', (c ->> 'date')::date)::date AS month
        FROM jsonb_array_elements(contents) c
    ) AS wanted;
    PERFORM ledger_open_month(month) FROM unnest(months) AS m (month) ORDER BY month;

    PERFORM set_config('ledger.writing', 'on', true);
    WITH item AS MATERIALIZED (
        SELECT c, place, c ->> 'key' AS key, (c ->> 'date')::date AS day
        FROM jsonb_array_elements(contents) WITH ORDINALITY AS i (c, place)
    ), opened AS MATERIALIZED (
        SELECT m.month, p.id AS period_id
        FROM unnest(months) AS m (month)
        JOIN ledger_period p ON p.month = ledger_open_month(m.month)
    ), entry AS (
        -- Entries of a key that stands already are left out here and judged at the end.
        INSERT INTO ledger_entry (
            idempotency_key, content_hash, kind, period_id, effective_date, recorded_at, memo,
            source, posting_count, figure_count, prepared_by, approved_by, salt
        )
        SELECT key, c ->> 'hash', c ->> 'kind',
            opened.period_id, day, clock_timestamp(), c ->> 'memo', c ->> 'source',
            jsonb_array_length(c -> 'lines'), jsonb_array_length(c -> 'figures'),
            c ->> 'prepared_by', ledger_texts(c -> 'approved_by'),
            decode(c ->> 'salt', 'hex')
        FROM item JOIN opened ON opened.month = date_trunc('month', day)::date
        ORDER BY place
        ON CONFLICT (idempotency_key) DO NOTHING
        RETURNING id, idempotency_key, period_id
    ), fresh AS MATERIALIZED (
        SELECT DISTINCT ON (entry.id) entry.id, entry.period_id, c -> 'lines' AS lines,
            c -> 'figures' AS figures
        FROM entry JOIN item ON item.key = entry.idempotency_key
        ORDER BY entry.id, place
    ), line AS MATERIALIZED (
        SELECT fresh.id AS entry_id, fresh.period_id, a.pool_id, a.id AS account_id,
            l ->> 0 AS pool, l ->> 1 AS account, l ->> 2 AS currency, (l ->> 3)::bigint AS amount
        FROM fresh CROSS JOIN jsonb_array_elements(fresh.lines) AS l
        LEFT JOIN ledger_account a
            ON a.pool_code = l ->> 0 AND a.code = l ->> 1 AND a.currency = l ->> 2
    ), fed AS MATERIALIZED (
        SELECT fresh.id AS entry_id, fresh.period_id, p.id AS pool_id,
            f ->> 0 AS pool, f ->> 1 AS currency, f ->> 2 AS name, (f ->> 3)::bigint AS amount
        FROM fresh CROSS JOIN jsonb_array_elements(fresh.figures) AS f
        LEFT JOIN ledger_pool p ON p.code = f ->> 0
    ), posted AS (
        INSERT INTO ledger_posting (entry_id, account_id, pool_id, currency, amount)
        SELECT entry_id, account_id, pool_id, currency, amount FROM line
        WHERE account_id IS NOT NULL AND amount <> 0
    ), balanced AS (
        INSERT INTO ledger_accountbalance AS b (account_id, period_id, slot, amount)
        SELECT account_id, period_id, the_slot, sum(amount) FROM line
        WHERE account_id IS NOT NULL GROUP BY account_id, period_id ORDER BY account_id
        ON CONFLICT (account_id, period_id, slot) DO UPDATE SET amount = b.amount + EXCLUDED.amount
    ), figured AS (
        INSERT INTO ledger_figure (entry_id, pool_id, currency, name, amount)
        SELECT entry_id, pool_id, currency, name, amount FROM fed WHERE pool_id IS NOT NULL
    ), totalled AS (
        INSERT INTO ledger_figuretotal AS t (pool_id, currency, name, period_id, slot, amount)
        SELECT pool_id, currency, name, period_id, the_slot, sum(amount) FROM fed
        WHERE pool_id IS NOT NULL GROUP BY pool_id, currency, name, period_id
        ORDER BY pool_id, currency, name
        ON CONFLICT (pool_id, currency, name, period_id, slot)
        DO UPDATE SET amount = t.amount + EXCLUDED.amount
    )
    SELECT (
        SELECT json_build_object('pool', pool, 'account', account, 'currency', currency)
        FROM (
            SELECT pool, account, currency FROM line WHERE account_id IS NULL
            UNION ALL SELECT pool, name, currency FROM fed WHERE pool_id IS NULL LIMIT 1
        ) AS u
    ) AS unknown, (
        SELECT json_build_object('pool', pool, 'account', account)
        FROM line WHERE amount = 0 LIMIT 1
    ) AS zero, (
        SELECT json_build_object('figure', name, 'amount', amount)
        FROM fed WHERE amount = 0 OR name <> ALL ('{FIGURES}'::text[]) LIMIT 1
    ) AS figure, (
        SELECT json_build_object('pool', pool, 'currency', currency, 'amount', sum(amount))
        FROM line GROUP BY entry_id, pool, currency HAVING sum(amount) <> 0 LIMIT 1
    ) AS unbalanced, (SELECT array_agg(id) FROM fresh) AS fresh INTO wrong;
    PERFORM set_config('ledger.writing', 'off', true);
    IF wrong.unknown IS NOT NULL THEN
        RAISE EXCEPTION 'No such account.' USING ERRCODE = 'LG002', DETAIL = wrong.unknown::text;
    ELSIF wrong.zero IS NOT NULL THEN
        RAISE EXCEPTION 'A posting of zero.' USING ERRCODE = 'LG008', DETAIL = wrong.zero::text;
    ELSIF wrong.figure IS NOT NULL THEN
        RAISE EXCEPTION 'No such figure.' USING ERRCODE = 'LG015', DETAIL = wrong.figure::text;
    ELSIF wrong.unbalanced IS NOT NULL THEN
        RAISE EXCEPTION 'An entry does not balance.'
            USING ERRCODE = 'LG003', DETAIL = wrong.unbalanced::text;
    END IF;

    -- A statement does not see the rows it writes: so the answer is one of its own.
    RETURN QUERY
        SELECT found.place, found.id,
            new.id IS NULL OR row_number() OVER (PARTITION BY found.id ORDER BY found.place) > 1
        FROM (
            SELECT i.place, ledger_entry_of_key(c ->> 'key', c ->> 'hash') AS id
            FROM jsonb_array_elements(contents) WITH ORDINALITY AS i (c, place)
        ) AS found LEFT JOIN unnest(wrong.fresh::bigint[]) AS new (id) USING (id)
        ORDER BY found.place;
END $$;
REVOKE ALL ON FUNCTION public.ledger_post_many(jsonb) FROM PUBLIC;
""".replace("{FIGURES}", FIGURES)
POST_MANY_REVERSE = "DROP FUNCTION public.ledger_post_many(jsonb);"
