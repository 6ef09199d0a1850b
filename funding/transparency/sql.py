"""What the database does itself for this package; migrations put it there."""

# The entries that the sums of who gave (`GiverProgress`) do not hold yet: sealed since, or not
# sealed. A function, so that the planner knows that these are few, and one statement still reads
# sums and rest at one moment.
UNSUMMED = """
CREATE OR REPLACE FUNCTION public.transparency_unsummed() RETURNS SETOF bigint
LANGUAGE plpgsql STABLE ROWS 50 SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    begin_at bigint;
    sealed bigint;
BEGIN
    SELECT coalesce(max(p.through), 0) INTO begin_at FROM transparency_giverprogress p;
    SELECT coalesce(max(s.sealed_through), 0) INTO sealed FROM ledger_sealer s;
    RETURN QUERY SELECT l.entry_id FROM ledger_leaf l WHERE l.sequence >= begin_at;
    RETURN QUERY SELECT e.id FROM ledger_entry e WHERE e.id > sealed
        AND NOT EXISTS (SELECT FROM ledger_leaf l WHERE l.entry_id = e.id);
END $$;
"""
UNSUMMED_REVERSE = "DROP FUNCTION public.transparency_unsummed();"
# The row that whoever writes the sums locks.
ONE_ROW = "INSERT INTO public.transparency_giverprogress (through) VALUES (0);"
