"""The ledger's database functions and rights, used by its migrations (and by `setup_roles`).

They hold the rules; Python holds the words. `funding.ledger.refusals` names each SQLSTATE (LG…).

How writers keep out of each other's way. Every writer takes one of `SLOTS` advisory locks, the
first that is free, until its transaction ends, and adds to the balance rows of that slot alone. So
no two writers ever wait for one balance row, be it that of the busiest account, and none can wait
for another in a circle, however many entries their transactions hold. A balance is the sum of the
few slots that were ever needed at one moment. Whoever must see the books stand still (closing a
month, rebuilding the balances) takes every slot and thus waits for all writers and they for him.
"""

from django.db.backends.base.base import BaseDatabaseWrapper

from funding.ledger.chart import FIGURE_SIGNS

SLOTS = 32
POST_SIGNATURE = (
    "public.ledger_post(text, text, text, date, text, text, bigint, boolean, text, text[], bytea,"
    " text[], text[], text[], bigint[], text[], text[], text[], bigint[])"
)
FIGURES = "{" + ",".join(FIGURE_SIGNS) + "}"
# The first number of our two-number advisory locks; the second is the slot, or 0 for the sealer.
WRITERS = 20_261
SEALER = 20_262

# Entries, postings and figures are written by the two functions that post and by nobody else: a row
# put in past them would miss their checks. Whoever owns the tables can of course set the variable,
# as he can switch a trigger off; the portal's role has not even the right to insert.
GUARDED = ("ledger_entry", "ledger_posting", "ledger_figure")
GUARD = """
CREATE FUNCTION public.ledger_guard() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('ledger.writing', true) IS DISTINCT FROM 'on' THEN
        RAISE EXCEPTION 'Only the ledger''s own functions write to %.', TG_TABLE_NAME
            USING ERRCODE = 'LG010';
    END IF;
    RETURN NULL;
END $$;
""" + "".join(
    f"CREATE TRIGGER guard BEFORE INSERT ON {table}"
    " FOR EACH STATEMENT EXECUTE FUNCTION public.ledger_guard();\n"
    for table in GUARDED
)
GUARD_REVERSE = (
    "".join(f"DROP TRIGGER guard ON {table};\n" for table in GUARDED)
    + "DROP FUNCTION public.ledger_guard();"
)

SLOT = f"""
CREATE FUNCTION public.ledger_take_slot() RETURNS int
LANGUAGE plpgsql AS $$
DECLARE
    slot int := 0;
BEGIN
    -- A snapshot from before the lock could show a month open that was closed meanwhile.
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'The ledger is written in read-committed transactions.';
    END IF;
    WHILE NOT pg_try_advisory_xact_lock({WRITERS}, slot) LOOP
        slot := slot + 1;
        IF slot = {SLOTS} THEN
            slot := pg_backend_pid() % {SLOTS};
            PERFORM pg_advisory_xact_lock({WRITERS}, slot);
            EXIT;
        END IF;
    END LOOP;
    RETURN slot;
END $$;
CREATE FUNCTION public.ledger_stand_still() RETURNS void
LANGUAGE sql AS $$
    SELECT pg_advisory_xact_lock({WRITERS}, slot) FROM generate_series(0, {SLOTS - 1}) AS slot
$$;
"""
SLOT_REVERSE = """
DROP FUNCTION public.ledger_stand_still();
DROP FUNCTION public.ledger_take_slot();
"""

# The first open month from the effective date on: months are closed in order, so that is the
# effective date's own, or the one after the last that is closed.
OPEN_MONTH = """
CREATE FUNCTION public.ledger_open_month(effective date) RETURNS date
LANGUAGE plpgsql AS $$
DECLARE
    wanted date := date_trunc('month', effective);
BEGIN
    SELECT greatest(wanted, max(p.month) + interval '1 month') INTO wanted
        FROM ledger_period p WHERE p.closed_at IS NOT NULL;
    IF wanted > current_date + interval '13 months' THEN
        RAISE EXCEPTION 'The date % lies too far in the future.', effective
            USING ERRCODE = 'LG005', DETAIL = json_build_object('date', effective)::text;
    END IF;
    INSERT INTO ledger_period (month) VALUES (wanted) ON CONFLICT (month) DO NOTHING;
    RETURN wanted;
END $$;
"""
OPEN_MONTH_REVERSE = "DROP FUNCTION public.ledger_open_month(date);"

# The left side of rule 5, in the database: what the last closed month left, and all since.
# The signs are those of funding.ledger.chart.FIGURE_SIGNS; a test holds them equal.
AVAILABLE = """
CREATE OR REPLACE FUNCTION public.ledger_available(pool bigint, of_currency text) RETURNS numeric
LANGUAGE sql STABLE SET search_path = pg_catalog, public AS $$
    WITH closed AS (
        SELECT p.id, p.month FROM ledger_period p WHERE p.closed_at IS NOT NULL
        ORDER BY p.month DESC LIMIT 1
    ), part AS (
        SELECT c.name, c.amount FROM ledger_closingfigure c JOIN closed ON closed.id = c.period_id
        WHERE c.pool_id = pool AND c.currency = of_currency
        UNION ALL
        SELECT t.name, t.amount FROM ledger_figuretotal t JOIN ledger_period p ON p.id = t.period_id
        WHERE t.pool_id = pool AND t.currency = of_currency
            AND p.month > coalesce((SELECT month FROM closed), '-infinity')
    )
    SELECT coalesce(sum(ledger_figure_sign(part.name) * part.amount), 0) FROM part
$$;
"""

# One round trip per entry. It runs with the owner's rights (SECURITY DEFINER), since the portal's
# role may not write these tables itself. Lines come in order of pool and currency; an amount is
# minor units, debit positive; `hash` is the caller's over all he asks for.
#
# What is unusual here is measured (`make bench-ledger`): typed arguments and single-row statements,
# since an entry has two or three lines and the start of a plan over sets, or of an expression over
# JSON, costs more than it saves; and no CHECK on the three tables, since PostgreSQL reads the text
# of each again in every statement: the checks stand here, and once more where entries are sealed.
# Imports have the other way, `ledger_post_many`.
POST = f"""
CREATE FUNCTION public.ledger_post(
    the_key text, hash text, the_kind text, day date, the_memo text, the_source text,
    reversed bigint, is_decision boolean, preparer text, approvers text[], salt bytea,
    pools text[], accounts text[], currencies text[], amounts bigint[],
    figure_pools text[], figure_currencies text[], figure_names text[], figure_amounts bigint[],
    OUT entry_id bigint, OUT replayed boolean
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
-- Every look is by a key, also where the plan is made while the tables are small.
SET enable_seqscan = off SET enable_bitmapscan = off AS $$
#variable_conflict use_column
DECLARE
    line_count int := cardinality(amounts);
    figure_count int := cardinality(figure_amounts);
    the_slot int := ledger_take_slot();
    the_month date := date_trunc('month', day);
    the_period bigint;
    pool bigint;
    account bigint;
    change bigint;
    balance bigint := 0;
BEGIN
    IF line_count NOT BETWEEN 2 AND 200 OR figure_count > 200 THEN
        RAISE EXCEPTION 'An entry has 2 to 200 postings and at most 200 figures.'
            USING ERRCODE = 'LG007';
    END IF;
    -- Decisions on a pool wait for each other, so that two cannot spend the same money. They do
    -- not wait for facts, which only read the pool.
    IF is_decision THEN
        PERFORM p.id FROM ledger_pool p WHERE p.code = ANY (pools) ORDER BY p.id
            FOR NO KEY UPDATE;
    END IF;

    PERFORM set_config('ledger.writing', 'on', true);
    LOOP
        INSERT INTO ledger_entry (
            idempotency_key, content_hash, kind, period_id, effective_date, recorded_at, memo,
            source, reverses_id, posting_count, figure_count, prepared_by, approved_by, salt
        )
        SELECT the_key, hash, the_kind, p.id, day, clock_timestamp(), the_memo,
            the_source, reversed, line_count, figure_count, preparer, approvers, ledger_post.salt
        FROM ledger_period p WHERE p.month = the_month AND p.closed_at IS NULL
        ON CONFLICT (idempotency_key) DO NOTHING
        RETURNING id, period_id INTO entry_id, the_period;
        EXIT WHEN FOUND;
        entry_id := ledger_entry_of_key(the_key, hash);
        IF entry_id IS NOT NULL THEN
            PERFORM set_config('ledger.writing', 'off', true);
            replayed := true;
            RETURN;
        END IF;
        the_month := ledger_open_month(day);
    END LOOP;
    replayed := false;

    FOR i IN 1 .. line_count LOOP
        change := amounts[i];
        IF change = 0 THEN
            RAISE EXCEPTION 'A posting of zero.' USING ERRCODE = 'LG008', DETAIL =
                json_build_object('pool', pools[i], 'account', accounts[i])::text;
        END IF;
        INSERT INTO ledger_posting (entry_id, account_id, pool_id, currency, amount)
            SELECT ledger_post.entry_id, a.id, a.pool_id, a.currency, change
            FROM ledger_account a WHERE a.pool_code = pools[i] AND a.code = accounts[i]
                AND a.currency = currencies[i]
            RETURNING account_id INTO account;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'No such account.' USING ERRCODE = 'LG002', DETAIL =
                json_build_object('pool', pools[i], 'account', accounts[i], 'currency',
                    currencies[i])::text;
        END IF;
        UPDATE ledger_accountbalance b SET amount = b.amount + change
            WHERE b.account_id = account AND b.period_id = the_period AND b.slot = the_slot;
        IF NOT FOUND THEN
            INSERT INTO ledger_accountbalance (account_id, period_id, slot, amount)
                VALUES (account, the_period, the_slot, change);
        END IF;
        balance := balance + change;
        IF balance <> 0 AND (
            i = line_count OR pools[i + 1] <> pools[i] OR currencies[i + 1] <> currencies[i]
        ) THEN
            RAISE EXCEPTION 'Pool % does not balance in %.', pools[i], currencies[i]
                USING ERRCODE = 'LG003', DETAIL = json_build_object(
                    'pool', pools[i], 'currency', currencies[i], 'amount', balance)::text;
        END IF;
    END LOOP;

    FOR i IN 1 .. figure_count LOOP
        change := figure_amounts[i];
        IF change = 0 OR figure_names[i] <> ALL ('{FIGURES}'::text[]) THEN
            RAISE EXCEPTION 'No such figure: % %.', figure_names[i], change
                USING ERRCODE = 'LG015', DETAIL = json_build_object(
                    'figure', figure_names[i], 'amount', change)::text;
        END IF;
        INSERT INTO ledger_figure (entry_id, pool_id, currency, name, amount)
            SELECT ledger_post.entry_id, p.id, figure_currencies[i], figure_names[i], change
            FROM ledger_pool p WHERE p.code = figure_pools[i]
            RETURNING pool_id INTO pool;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'No such pool.' USING ERRCODE = 'LG002', DETAIL =
                json_build_object('pool', figure_pools[i], 'account', figure_names[i],
                    'currency', figure_currencies[i])::text;
        END IF;
        UPDATE ledger_figuretotal t SET amount = t.amount + change
            WHERE t.pool_id = pool AND t.currency = figure_currencies[i]
                AND t.name = figure_names[i] AND t.period_id = the_period AND t.slot = the_slot;
        IF NOT FOUND THEN
            INSERT INTO ledger_figuretotal (pool_id, currency, name, period_id, slot, amount)
                VALUES (pool, figure_currencies[i], figure_names[i], the_period, the_slot, change);
        END IF;
    END LOOP;
    PERFORM set_config('ledger.writing', 'off', true);

    IF reversed IS NOT NULL THEN
        PERFORM ledger_check_reversal(entry_id, reversed);
    END IF;
    IF is_decision THEN
        PERFORM ledger_check_decision(entry_id);
    END IF;
END $$;
REVOKE ALL ON FUNCTION {POST_SIGNATURE} FROM PUBLIC;
"""
POST_REVERSE = f"DROP FUNCTION {POST_SIGNATURE};"

# What `ledger_post` asks where an entry is special: apart, for most entries are not.
POST_PARTS = """
CREATE FUNCTION public.ledger_texts(list jsonb) RETURNS text[]
LANGUAGE sql IMMUTABLE AS $$
    SELECT ARRAY(SELECT jsonb_array_elements_text(list))
$$;

CREATE FUNCTION public.ledger_entry_of_key(of_key text, hash text) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    found bigint;
    is_same boolean;
BEGIN
    SELECT e.id, e.content_hash = hash INTO found, is_same FROM ledger_entry e
        WHERE e.idempotency_key = of_key;
    IF NOT is_same THEN
        RAISE EXCEPTION 'Key % is in the books with other content.', of_key
            USING ERRCODE = 'LG001', DETAIL = json_build_object('key', of_key)::text;
    END IF;
    RETURN found;
END $$;

CREATE FUNCTION public.ledger_check_reversal(reversal bigint, reversed bigint) RETURNS void
LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF EXISTS (
        SELECT FROM (SELECT * FROM ledger_posting p WHERE p.entry_id = reversal) ours
        FULL JOIN (SELECT * FROM ledger_posting p WHERE p.entry_id = reversed) theirs
            USING (account_id)
        WHERE ours.amount IS DISTINCT FROM -theirs.amount
    ) OR EXISTS (
        SELECT FROM (SELECT * FROM ledger_figure f WHERE f.entry_id = reversal) ours
        FULL JOIN (SELECT * FROM ledger_figure f WHERE f.entry_id = reversed) theirs
            USING (pool_id, currency, name)
        WHERE ours.amount IS DISTINCT FROM -theirs.amount
    ) THEN
        RAISE EXCEPTION 'Entry % is not the opposite of entry %.', reversal, reversed
            USING ERRCODE = 'LG009', DETAIL = json_build_object('entry', reversed)::text;
    END IF;
END $$;

-- Money promised out never exceeds money held (rule 6): no decision takes from a pool what it has
-- not.
CREATE FUNCTION public.ledger_check_decision(decision bigint) RETURNS void
LANGUAGE plpgsql STABLE AS $$
DECLARE
    short record;
BEGIN
    SELECT p.name, taken.currency, taken.amount, ledger_available(p.id, taken.currency) AS rest
        INTO short
        FROM (
            SELECT f.pool_id, f.currency, -sum(ledger_figure_sign(f.name) * f.amount) AS amount
            FROM ledger_figure f WHERE f.entry_id = decision GROUP BY 1, 2
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
END $$;
"""
POST_PARTS_REVERSE = """
DROP FUNCTION public.ledger_check_decision(bigint);
DROP FUNCTION public.ledger_check_reversal(bigint, bigint);
DROP FUNCTION public.ledger_entry_of_key(text, text);
DROP FUNCTION public.ledger_texts(jsonb);
"""

# Many entries by one statement, for imports: the same rules as `ledger_post`. Decisions and reversals
# are not for import, since each must be judged after the one before it.
POST_MANY = """
CREATE FUNCTION public.ledger_post_many(contents jsonb)
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

# A month is closed once all before it are. What each account and figure stood at is kept then, so
# that a balance needs the last closed month and those since, however old the books are.
CLOSE = """
CREATE FUNCTION public.ledger_close_month(wanted date) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public AS $$
DECLARE
    this_period bigint;
    last_closed date;
    oldest_open date;
    is_closed boolean;
BEGIN
    PERFORM ledger_stand_still();
    SELECT max(p.month) FILTER (WHERE p.closed_at IS NOT NULL),
            min(p.month) FILTER (WHERE p.closed_at IS NULL)
        INTO last_closed, oldest_open FROM ledger_period p;
    IF last_closed >= wanted THEN
        RAISE EXCEPTION 'The month % is closed.', wanted USING ERRCODE = 'LG011';
    ELSIF wanted >= date_trunc('month', current_date) THEN
        RAISE EXCEPTION 'The month % is not over.', wanted USING ERRCODE = 'LG012';
    END IF;
    oldest_open := least(oldest_open, last_closed + interval '1 month');
    IF oldest_open < wanted THEN
        RAISE EXCEPTION 'The month % is open.', oldest_open
            USING ERRCODE = 'LG013', DETAIL = json_build_object('month', oldest_open)::text;
    END IF;

    INSERT INTO ledger_period (month) VALUES (wanted) ON CONFLICT (month) DO NOTHING;
    UPDATE ledger_period SET closed_at = clock_timestamp() WHERE month = wanted
        RETURNING id INTO this_period;
    -- Nothing is added to a closed month: one row an account will do.
    WITH folded AS (
        DELETE FROM ledger_accountbalance WHERE period_id = this_period
        RETURNING account_id, amount
    )
    INSERT INTO ledger_accountbalance (account_id, period_id, slot, amount)
        SELECT account_id, this_period, -1, sum(amount) FROM folded GROUP BY account_id;
    WITH folded AS (
        DELETE FROM ledger_figuretotal WHERE period_id = this_period
        RETURNING pool_id, currency, name, amount
    )
    INSERT INTO ledger_figuretotal (pool_id, currency, name, period_id, slot, amount)
        SELECT pool_id, currency, name, this_period, -1, sum(amount) FROM folded
        GROUP BY pool_id, currency, name;
    PERFORM ledger_carry_forward(this_period, last_closed);
    RETURN this_period;
END $$;
REVOKE ALL ON FUNCTION public.ledger_close_month(date) FROM PUBLIC;

-- What the month before left, and what this one brought.
CREATE FUNCTION public.ledger_carry_forward(this_period bigint, last_closed date) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, public AS $$
    INSERT INTO ledger_closingbalance (account_id, period_id, amount)
    SELECT account_id, this_period, sum(amount) FROM (
        SELECT account_id, amount FROM ledger_accountbalance WHERE period_id = this_period
        UNION ALL
        SELECT c.account_id, c.amount FROM ledger_closingbalance c
        JOIN ledger_period p ON p.id = c.period_id WHERE p.month = last_closed
    ) part GROUP BY account_id;
    INSERT INTO ledger_closingfigure (pool_id, currency, name, period_id, amount)
    SELECT pool_id, currency, name, this_period, sum(amount) FROM (
        SELECT pool_id, currency, name, amount FROM ledger_figuretotal
        WHERE period_id = this_period
        UNION ALL
        SELECT c.pool_id, c.currency, c.name, c.amount FROM ledger_closingfigure c
        JOIN ledger_period p ON p.id = c.period_id WHERE p.month = last_closed
    ) part GROUP BY pool_id, currency, name;
$$;
"""
CLOSE_REVERSE = """
DROP FUNCTION public.ledger_carry_forward(bigint, date);
DROP FUNCTION public.ledger_close_month(date);
"""

# Every balance and total anew from the postings and figures, while all writers wait. For the owner.
REBUILD = """
CREATE FUNCTION public.ledger_rebuild_balances() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
DECLARE
    closed record;
    last_closed date;
BEGIN
    PERFORM ledger_stand_still();
    DELETE FROM ledger_accountbalance;
    DELETE FROM ledger_figuretotal;
    DELETE FROM ledger_closingbalance;
    DELETE FROM ledger_closingfigure;
    INSERT INTO ledger_accountbalance (account_id, period_id, slot, amount)
        SELECT p.account_id, e.period_id, CASE WHEN m.closed_at IS NULL THEN 0 ELSE -1 END,
            sum(p.amount)
        FROM ledger_posting p JOIN ledger_entry e ON e.id = p.entry_id
        JOIN ledger_period m ON m.id = e.period_id GROUP BY 1, 2, 3;
    INSERT INTO ledger_figuretotal (pool_id, currency, name, period_id, slot, amount)
        SELECT f.pool_id, f.currency, f.name, e.period_id,
            CASE WHEN m.closed_at IS NULL THEN 0 ELSE -1 END, sum(f.amount)
        FROM ledger_figure f JOIN ledger_entry e ON e.id = f.entry_id
        JOIN ledger_period m ON m.id = e.period_id GROUP BY 1, 2, 3, 4, 5;
    FOR closed IN SELECT id, month FROM ledger_period WHERE closed_at IS NOT NULL ORDER BY month
    LOOP
        PERFORM ledger_carry_forward(closed.id, last_closed);
        last_closed := closed.month;
    END LOOP;
END $$;
REVOKE ALL ON FUNCTION public.ledger_rebuild_balances() FROM PUBLIC;
"""
REBUILD_REVERSE = "DROP FUNCTION public.ledger_rebuild_balances();"

# The bytes that anyone may check: docs/ledger-format.md. What is salted binds what is not public.
PUBLIC_FORM = r"""
CREATE FUNCTION public.ledger_json_texts(list text[]) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT '[' || coalesce(string_agg(to_json(item)::text, ',' ORDER BY place), '') || ']'
    FROM unnest(list) WITH ORDINALITY AS l (item, place)
$$;
CREATE VIEW public.ledger_private_form AS
    SELECT e.id AS entry_id, concat(
        '{"approved_by":', ledger_json_texts(e.approved_by::text[]),
        ',"key":', to_json(e.idempotency_key),
        ',"prepared_by":', to_json(e.prepared_by), '}') AS form
    FROM ledger_entry e;
CREATE VIEW public.ledger_public_form AS
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
SEAL = r"""
CREATE FUNCTION public.ledger_seal(at_most int) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
    state record;
    last_number bigint;
    writers text[];
    sealed bigint;
    added int;
    wrong bigint;
BEGIN
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
        UPDATE ledger_sealer SET sealed_through = state.handed_out, handed_out = last_number, at_work = writers;
    END IF;
    RETURN added;
END $$;
REVOKE ALL ON FUNCTION public.ledger_seal(int) FROM PUBLIC;

CREATE FUNCTION public.ledger_is_whole(entry bigint) RETURNS boolean
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
CREATE FUNCTION public.ledger_root(hashes bytea) RETURNS bytea
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
CREATE FUNCTION public.ledger_grow_tree(before bigint, after bigint) RETURNS void
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
""".replace("{SEALER}", str(SEALER)).replace("{WRITERS}", str(WRITERS))
SEAL_REVERSE = """
DROP FUNCTION public.ledger_grow_tree(bigint, bigint);
DROP FUNCTION public.ledger_root(bytea);
DROP FUNCTION public.ledger_is_whole(bigint);
DROP FUNCTION public.ledger_seal(int);
"""

WRITTEN_BY_FUNCTION = (
    "ledger_period",
    "ledger_entry",
    "ledger_posting",
    "ledger_figure",
    "ledger_accountbalance",
    "ledger_figuretotal",
    "ledger_closingbalance",
    "ledger_closingfigure",
    "ledger_sealer",
    "ledger_leaf",
    "ledger_treehash",
)
FUNCTIONS = (
    POST_SIGNATURE,
    "public.ledger_post_many(jsonb)",
    "public.ledger_close_month(date)",
    "public.ledger_seal(int)",
)


def restrict_app_role(connection: BaseDatabaseWrapper, role: str) -> None:
    """Leave the portal's ``role`` no way to write the books but the ledger's functions; idempotent.

    Pools, accounts and checkpoints it may add; a pool's row it may lock (which PostgreSQL counts as
    UPDATE of a column) and rename, never recode.
    """
    name = connection.ops.quote_name(role)
    tables = ", ".join(WRITTEN_BY_FUNCTION)
    added = "ledger_pool, ledger_account, ledger_checkpoint, ledger_cosignature"
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_user = %s, EXISTS (SELECT FROM pg_roles WHERE rolname = %s)",
            [role, role],
        )
        is_owner, exists = cursor.fetchone()
        if is_owner or not exists:
            return  # The system check portal.E… refuses to serve with an owner's rights.
        cursor.execute(f"REVOKE ALL ON {tables}, {added} FROM {name}")
        cursor.execute(f"GRANT SELECT ON {tables}, {added} TO {name}")
        cursor.execute(f"GRANT INSERT ON {added} TO {name}")
        cursor.execute(f"GRANT UPDATE (name) ON ledger_pool TO {name}")
        for function in FUNCTIONS:
            cursor.execute(f"GRANT EXECUTE ON FUNCTION {function} TO {name}")
