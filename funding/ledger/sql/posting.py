"""Posting one entry."""

from funding.ledger.chart import FIGURE_SIGNS

POST_SIGNATURE = (
    "public.ledger_post(text, text, text, date, text, text, bigint, boolean, text, text[], bytea,"
    " text[], text[], text[], bigint[], text[], text[], text[], bigint[])"
)
FIGURES = "{" + ",".join(FIGURE_SIGNS) + "}"

# The first open month from the effective date on: months are closed in order, so that is the
# effective date's own, or the one after the last that is closed. Whoever posts first in a month makes
# its row, and others wait for him to commit; so a job makes it in good time. A date that is decades
# away is a slip of the pen, and each month back to it would have to be closed.
OPEN_MONTH = """
CREATE OR REPLACE FUNCTION public.ledger_open_month(effective date) RETURNS date
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    wanted date := date_trunc('month', effective);
BEGIN
    PERFORM ledger_take_slot();
    SELECT greatest(wanted, max(p.month) + interval '1 month') INTO wanted
        FROM ledger_period p WHERE p.closed_at IS NOT NULL;
    IF effective < current_date - interval '20 years'
        OR wanted > current_date + interval '13 months'
    THEN
        RAISE EXCEPTION 'The date % lies too far from today.', effective
            USING ERRCODE = 'LG005', DETAIL = json_build_object('date', effective)::text;
    END IF;
    INSERT INTO ledger_period (month) VALUES (wanted) ON CONFLICT (month) DO NOTHING;
    RETURN wanted;
END $$;
REVOKE ALL ON FUNCTION public.ledger_open_month(date) FROM PUBLIC;
"""
OPEN_MONTH_REVERSE = "DROP FUNCTION public.ledger_open_month(date);"

# The left side of rule 5, in the database: what the last closed month left, and all since.
# The signs are those of funding.ledger.chart.FIGURE_SIGNS; a test holds them equal.
AVAILABLE = """
CREATE OR REPLACE FUNCTION public.ledger_available(pool bigint, of_currency text) RETURNS numeric
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
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

# What `ledger_post` asks where an entry is special: apart, for most entries are not.
POST_PARTS = """
CREATE OR REPLACE FUNCTION public.ledger_entry_of_key(of_key text, hash text) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    found bigint;
    is_same boolean;
BEGIN
    SELECT e.id, e.content_hash = hash INTO STRICT found, is_same FROM ledger_entry e
        WHERE e.idempotency_key = of_key;
    IF NOT is_same THEN
        RAISE EXCEPTION 'Key % is in the books with other content.', of_key
            USING ERRCODE = 'LG001', DETAIL = json_build_object('key', of_key)::text;
    END IF;
    RETURN found;
END $$;

CREATE OR REPLACE FUNCTION public.ledger_check_reversal(reversal bigint, reversed bigint) RETURNS void
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
CREATE OR REPLACE FUNCTION public.ledger_check_decision(decision bigint) RETURNS void
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
DROP FUNCTION IF EXISTS public.ledger_texts(jsonb);
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
CREATE OR REPLACE FUNCTION public.ledger_post(
    the_key text, hash text, the_kind text, day date, the_memo text, the_source text,
    reversed bigint, is_decision boolean, preparer text, approvers text[], salt bytea,
    pools text[], accounts text[], currencies text[], amounts bigint[],
    figure_pools text[], figure_currencies text[], figure_names text[], figure_amounts bigint[],
    OUT entry_id bigint, OUT replayed boolean
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
-- Every look is by a key, also where the plan is made while the tables are small.
SET enable_seqscan = off SET enable_bitmapscan = off AS $$
#variable_conflict use_column
DECLARE
    line_count int := cardinality(amounts);
    figure_count int := cardinality(figure_amounts);
    the_slot int := ledger_take_slot();
    the_month date;
    the_period bigint;
    pool bigint;
    account bigint;
    change bigint;
    balance bigint := 0;
    ignored text;
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

    ignored := set_config('ledger.writing', 'on', true);
    SELECT p.id INTO the_period FROM ledger_period p
        WHERE p.month = date_trunc('month', day) AND p.closed_at IS NULL;
    IF NOT FOUND THEN
        the_month := ledger_open_month(day);
        SELECT p.id INTO STRICT the_period FROM ledger_period p WHERE p.month = the_month;
    END IF;
    INSERT INTO ledger_entry (
        idempotency_key, content_hash, kind, period_id, effective_date, recorded_at, memo, source,
        reverses_id, posting_count, figure_count, prepared_by, approved_by, salt
    ) VALUES (
        the_key, hash, the_kind, the_period, day, clock_timestamp(), the_memo, the_source,
        reversed, line_count, figure_count, preparer, approvers, ledger_post.salt
    ) ON CONFLICT (idempotency_key) DO NOTHING RETURNING id INTO entry_id;
    replayed := entry_id IS NULL;
    IF replayed THEN
        entry_id := ledger_entry_of_key(the_key, hash);
        ignored := set_config('ledger.writing', 'off', true);
        RETURN;
    END IF;

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
        IF change = 0 OR figure_names[i] <> ALL ('{FIGURES}'::text[])
            OR figure_currencies[i] <> ALL (currencies)
        THEN
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
    ignored := set_config('ledger.writing', 'off', true);

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
