-- Digests of weeks and months go to the channels that want them.
ALTER TABLE alert_channels ADD COLUMN tells_digests boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN alert_channels.tells_digests IS 'Whether the digests of weeks and months are sent to it';

CREATE OR REPLACE FUNCTION put_into_outbox() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO alerts (account_id, channel, event_id)
    SELECT account_id, channel, NEW.event_id FROM alert_channels
    WHERE account_id = NEW.account_id AND is_active
        AND (NEW.level = ANY (levels) OR (tells_days AND NEW.kind = 'day_summed_up')
            OR (tells_digests AND NEW.kind = 'digest_written')
            OR (tells_trades AND NEW.kind IN ('position_bought', 'position_sold')));
    RETURN NULL;
END
$$;
DROP TRIGGER alerts_follow_events ON events;
CREATE TRIGGER alerts_follow_events AFTER INSERT ON events
    FOR EACH ROW
    WHEN (NEW.level <> 'info' OR NEW.kind IN ('day_summed_up', 'digest_written', 'position_bought', 'position_sold'))
    EXECUTE FUNCTION put_into_outbox();
