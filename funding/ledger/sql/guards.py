"""What keeps everybody but the ledger's functions from writing, and writers out of each other's way.

Every writer takes one of `SLOTS` advisory locks, the first that is free, until its transaction
ends, and adds to the balance rows of that slot alone. So no two writers ever wait for one balance
row, be it that of the busiest account, and none can wait for another in a circle, however many
entries their transactions hold. A balance is the sum of the few slots that were ever needed at one
moment. Whoever must see the books stand still (closing a month, rebuilding the balances) takes
every slot and thus waits for all writers and they for him.
"""

SLOTS = 32
# The first number of our two-number advisory locks; the second is the slot, or 0 for the sealer.
WRITERS = 20_261
SEALER = 20_262

# Entries, postings and figures are written by the functions that post and by nobody else: a row put
# in past them would miss their checks. And what stands in the books is never changed. Whoever owns
# the tables can of course set the variable, as he can switch a trigger off; the portal's role has
# not even the right to insert.
WRITTEN_BY_POSTING = ("ledger_entry", "ledger_posting", "ledger_figure")
APPEND_ONLY = (
    *WRITTEN_BY_POSTING,
    "ledger_account",
    "ledger_leaf",
    "ledger_treehash",
    "ledger_checkpoint",
    "ledger_cosignature",
)
GUARD = (
    """
CREATE OR REPLACE FUNCTION public.ledger_guard() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('ledger.writing', true) IS DISTINCT FROM 'on' THEN
        RAISE EXCEPTION 'Only the ledger''s own functions write to %.', TG_TABLE_NAME
            USING ERRCODE = 'LG010';
    END IF;
    RETURN NULL;
END $$;
"""
    + "".join(
        f"CREATE OR REPLACE TRIGGER guard BEFORE INSERT ON {table}"
        " FOR EACH STATEMENT EXECUTE FUNCTION public.ledger_guard();\n"
        for table in WRITTEN_BY_POSTING
    )
    + """
CREATE OR REPLACE FUNCTION public.ledger_stays() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'The ledger is append-only: % on % is refused.', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'LG010', HINT = 'Post a reversing entry instead.';
END $$;
"""
    + "".join(
        f"CREATE OR REPLACE TRIGGER stays BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
        " FOR EACH STATEMENT EXECUTE FUNCTION public.ledger_stays();\n"
        for table in APPEND_ONLY
    )
)
GUARD_REVERSE = (
    "".join(f"DROP TRIGGER guard ON {table};\n" for table in WRITTEN_BY_POSTING)
    + "".join(f"DROP TRIGGER stays ON {table};\n" for table in APPEND_ONLY)
    + "DROP FUNCTION public.ledger_guard();\nDROP FUNCTION public.ledger_stays();"
)

# A table of its own, for it came after the migrations that run the text above.
STATEMENTS_STAY = """
CREATE OR REPLACE TRIGGER stays BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_statementhash
    FOR EACH STATEMENT EXECUTE FUNCTION public.ledger_stays();
"""
STATEMENTS_STAY_REVERSE = "DROP TRIGGER stays ON ledger_statementhash;"

# A snapshot from before the locks could show a month open that was closed meanwhile, or miss a
# balance, or an entry that is committed: whoever takes a lock here looks anew after it.
READ_COMMITTED = """
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'The ledger is written in read-committed transactions.';
    END IF;"""
SLOT = f"""
CREATE OR REPLACE FUNCTION public.ledger_take_slot() RETURNS int
LANGUAGE plpgsql AS $$
DECLARE
    slot int := 0;
BEGIN{READ_COMMITTED}
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
CREATE OR REPLACE FUNCTION public.ledger_stand_still() RETURNS void
LANGUAGE plpgsql AS $$
BEGIN{READ_COMMITTED}
    PERFORM pg_advisory_xact_lock({WRITERS}, slot) FROM generate_series(0, {SLOTS - 1}) AS slot;
END $$;
"""
SLOT_REVERSE = """
DROP FUNCTION public.ledger_stand_still();
DROP FUNCTION public.ledger_take_slot();
"""
