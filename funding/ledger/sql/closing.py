"""Closing a month, and making the balances anew."""

# A month is closed once all before it are. What each account and figure stood at is kept then, so
# that a balance needs the last closed month and those since, however old the books are.
CLOSE = """
CREATE OR REPLACE FUNCTION public.ledger_close_month(wanted date) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    this_period bigint;
    last_closed date;
    oldest_open date;
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
    -- A closed December takes no entry that could still do it.
    IF extract(month FROM wanted) = 12 AND EXISTS (
        SELECT FROM ledger_closingbalance c JOIN ledger_account a ON a.id = c.account_id
        WHERE c.period_id = this_period AND a.kind IN ('income', 'expense') AND c.amount <> 0
    ) THEN
        RAISE EXCEPTION 'The result of % is not part of the fund balance.', wanted
            USING ERRCODE = 'LG004', DETAIL = json_build_object('month', wanted)::text;
    END IF;
    RETURN this_period;
END $$;
REVOKE ALL ON FUNCTION public.ledger_close_month(date) FROM PUBLIC;

-- What the month before left, and what this one brought.
CREATE OR REPLACE FUNCTION public.ledger_carry_forward(this_period bigint, last_closed date) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, public, pg_temp AS $$
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
CREATE OR REPLACE FUNCTION public.ledger_rebuild_balances() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
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
