"""The SQL of the first migration, as it was. What is in force: `funding.ledger.sql`."""

# An account's pool and currency and its posting's cannot differ (a rule across two tables).
COMPOSITE_KEY = """
ALTER TABLE ledger_posting
    ADD CONSTRAINT posting_of_the_accounts_pool_and_currency
    FOREIGN KEY (account_id, pool_id, currency)
    REFERENCES ledger_account (id, pool_id, currency);
"""
COMPOSITE_KEY_REVERSE = """
ALTER TABLE ledger_posting DROP CONSTRAINT posting_of_the_accounts_pool_and_currency;
"""

# Run at commit for each new entry, posting and figure: whatever wrote them, the entry must be
# whole. The counts stop anyone from adding balanced lines to an entry that stands already.
CHECK_ENTRY = """
CREATE FUNCTION public.ledger_check_entry(checked_entry bigint) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public AS $$
BEGIN
    IF EXISTS (
        SELECT FROM ledger_posting WHERE entry_id = checked_entry
        GROUP BY pool_id, currency HAVING sum(amount) <> 0
    ) THEN
        RAISE EXCEPTION 'Entry % does not balance in each pool and currency.', checked_entry
            USING ERRCODE = 'LG003';
    END IF;
    IF NOT EXISTS (
        SELECT FROM ledger_entry e WHERE e.id = checked_entry
        AND e.posting_count = (SELECT count(*) FROM ledger_posting p WHERE p.entry_id = e.id)
        AND e.figure_count = (SELECT count(*) FROM ledger_figure f WHERE f.entry_id = e.id)
    ) THEN
        RAISE EXCEPTION 'Entry % does not hold the postings and figures it counts.', checked_entry
            USING ERRCODE = 'LG003';
    END IF;
END $$;
"""
CHECK_ENTRY_REVERSE = "DROP FUNCTION public.ledger_check_entry(bigint);"

# The left side of rule 5, in the database.
AVAILABLE = """
CREATE FUNCTION public.ledger_figure_sign(figure text) RETURNS int
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN figure IN ('opening', 'received', 'exchange', 'transfers', 'returned') THEN 1
        ELSE -1
    END
$$;
CREATE FUNCTION public.ledger_available(pool bigint, of_currency text) RETURNS numeric
LANGUAGE sql STABLE SET search_path = pg_catalog, public AS $$
    SELECT coalesce(sum(ledger_figure_sign(t.name) * t.amount), 0)
    FROM ledger_figuretotal t WHERE t.pool_id = pool AND t.currency = of_currency
$$;
"""
AVAILABLE_REVERSE = """
DROP FUNCTION public.ledger_available(bigint, text);
DROP FUNCTION public.ledger_figure_sign(text);
"""

# One round trip per entry. It runs with the owner's rights (SECURITY DEFINER), since the
# portal's role may not write these tables itself. `content` is NewEntry.content().
POST = """
CREATE FUNCTION public.ledger_post(content jsonb, OUT entry_id bigint, OUT replayed boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
    hash text := encode(sha256(convert_to(content::text, 'UTF8')), 'hex');
    day date := (content ->> 'date')::date;
    posting_period bigint;
    short record;
BEGIN
    -- Decisions on a pool wait for each other, so that two cannot spend the same money. They do
    -- not wait for facts: a fact's foreign key locks the pool only at its commit, and would meet us
    -- in a circle.
    IF (content ->> 'decision')::boolean THEN
        PERFORM p.id FROM ledger_pool p
            WHERE p.code IN (SELECT line ->> 0 FROM jsonb_array_elements(content -> 'lines') line)
            ORDER BY p.id FOR NO KEY UPDATE;
    END IF;

    -- The first open month from the effective date on. The shared lock makes a close wait for
    -- entries under way, and entries wait for a close under way.
    LOOP
        INSERT INTO ledger_period (month) VALUES (date_trunc('month', day)::date)
            ON CONFLICT (month) DO NOTHING;
        SELECT p.id INTO posting_period FROM ledger_period p
            WHERE p.month = date_trunc('month', day)::date AND p.closed_at IS NULL FOR SHARE;
        EXIT WHEN FOUND;
        day := (date_trunc('month', day) + interval '1 month')::date;
        IF day > (current_date + interval '1 month') THEN
            RAISE EXCEPTION 'No open period from % on.', content ->> 'date'
                USING ERRCODE = 'LG005';
        END IF;
    END LOOP;

    BEGIN
        INSERT INTO ledger_entry (
            idempotency_key, content_hash, kind, period_id, effective_date, recorded_at, memo,
            source, reverses_id, posting_count, figure_count
        ) VALUES (
            content ->> 'key', hash, content ->> 'kind', posting_period,
            (content ->> 'date')::date, clock_timestamp(), content ->> 'memo',
            content ->> 'source', (content ->> 'reverses')::bigint,
            jsonb_array_length(content -> 'lines'), jsonb_array_length(content -> 'figures')
        ) ON CONFLICT (idempotency_key) DO NOTHING RETURNING id INTO entry_id;
    EXCEPTION WHEN unique_violation THEN
        RAISE EXCEPTION 'Entry % has been reversed before.', content ->> 'reverses'
            USING ERRCODE = 'LG004';
    END;

    IF entry_id IS NULL THEN
        SELECT e.id INTO entry_id FROM ledger_entry e
            WHERE e.idempotency_key = content ->> 'key' AND e.content_hash = hash;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'Key % is in the books with other content.', content ->> 'key'
                USING ERRCODE = 'LG001';
        END IF;
        replayed := true;
        RETURN;
    END IF;
    replayed := false;

    INSERT INTO ledger_posting (entry_id, account_id, pool_id, currency, amount)
        SELECT ledger_post.entry_id, a.id, a.pool_id, a.currency, (line ->> 3)::bigint
        FROM jsonb_array_elements(content -> 'lines') WITH ORDINALITY AS l (line, place)
        JOIN ledger_pool p ON p.code = line ->> 0
        JOIN ledger_account a
            ON a.pool_id = p.id AND a.code = line ->> 1 AND a.currency = line ->> 2
        ORDER BY place;
    INSERT INTO ledger_figure (entry_id, pool_id, currency, name, amount)
        SELECT ledger_post.entry_id, p.id, figure ->> 1, figure ->> 2, (figure ->> 3)::bigint
        FROM jsonb_array_elements(content -> 'figures') WITH ORDINALITY AS f (figure, place)
        JOIN ledger_pool p ON p.code = figure ->> 0
        ORDER BY place;
    IF EXISTS (
        SELECT FROM ledger_entry e WHERE e.id = ledger_post.entry_id AND (
            e.posting_count <> (SELECT count(*) FROM ledger_posting p WHERE p.entry_id = e.id)
            OR e.figure_count <> (SELECT count(*) FROM ledger_figure f WHERE f.entry_id = e.id)
        )
    ) THEN
        RAISE EXCEPTION 'The entry names an account or a pool that does not exist.'
            USING ERRCODE = 'LG002';
    END IF;
    PERFORM ledger_check_entry(ledger_post.entry_id);

    -- In account order, so that two writers can never wait for each other in a circle.
    INSERT INTO ledger_accountbalance AS b (account_id, period_id, amount)
        SELECT p.account_id, posting_period, sum(p.amount) FROM ledger_posting p
        WHERE p.entry_id = ledger_post.entry_id
        GROUP BY p.account_id ORDER BY p.account_id
        ON CONFLICT (account_id, period_id) DO UPDATE SET amount = b.amount + EXCLUDED.amount;
    INSERT INTO ledger_figuretotal AS t (pool_id, currency, name, period_id, amount)
        SELECT f.pool_id, f.currency, f.name, posting_period, f.amount FROM ledger_figure f
        WHERE f.entry_id = ledger_post.entry_id
        ORDER BY f.pool_id, f.currency, f.name
        ON CONFLICT (pool_id, currency, name, period_id)
        DO UPDATE SET amount = t.amount + EXCLUDED.amount;

    -- Money promised out never exceeds money held (rule 6): no decision takes from a pool what it
    -- has not. The signs are those of funding.ledger.chart.FIGURE_SIGNS; a test holds them equal.
    IF (content ->> 'decision')::boolean THEN
        SELECT p.name, taken.currency, taken.amount, ledger_available(p.id, taken.currency) AS rest
            INTO short
            FROM (
                SELECT f.pool_id, f.currency, -sum(ledger_figure_sign(f.name) * f.amount) AS amount
                FROM ledger_figure f WHERE f.entry_id = ledger_post.entry_id GROUP BY 1, 2
            ) taken
            JOIN ledger_pool p ON p.id = taken.pool_id
            WHERE taken.amount > 0 AND ledger_available(p.id, taken.currency) < 0
            ORDER BY p.id LIMIT 1;
        IF FOUND THEN
            RAISE EXCEPTION 'Pool % has not that much available.', short.name
                USING ERRCODE = 'LG006', DETAIL = json_build_object(
                    'pool', short.name, 'currency', short.currency,
                    'wanted', short.amount, 'available', short.rest + short.amount
                )::text;
        END IF;
    END IF;
END $$;
REVOKE ALL ON FUNCTION public.ledger_post(jsonb) FROM PUBLIC;
"""
POST_REVERSE = "DROP FUNCTION public.ledger_post(jsonb);"
