-- Channels belong to the fleet. A host that does not know an address leaves its channel alone; only an operator removes
-- a channel. A channel whose address no living host knows is reported.
ALTER TABLE alert_channels
    ADD COLUMN known_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ADD COLUMN tells_trades boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN alert_channels.known_at IS 'Real time (database clock) at which a host last knew the address';
COMMENT ON COLUMN alert_channels.tells_trades IS 'Whether each buy and sale is sent to it';
COMMENT ON COLUMN alert_channels.is_active IS 'False once an operator has removed it';

CREATE OR REPLACE FUNCTION put_into_outbox() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO alerts (account_id, channel, event_id)
    SELECT account_id, channel, NEW.event_id FROM alert_channels
    WHERE account_id = NEW.account_id AND is_active
        AND (NEW.level = ANY (levels) OR (tells_days AND NEW.kind = 'day_summed_up')
            OR (tells_trades AND NEW.kind IN ('position_bought', 'position_sold')));
    RETURN NULL;
END
$$;
DROP TRIGGER alerts_follow_events ON events;
CREATE TRIGGER alerts_follow_events AFTER INSERT ON events
    FOR EACH ROW WHEN (NEW.level <> 'info' OR NEW.kind IN ('day_summed_up', 'position_bought', 'position_sold'))
    EXECUTE FUNCTION put_into_outbox();
