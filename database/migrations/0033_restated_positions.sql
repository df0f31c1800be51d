-- A split, a reverse split or bonus shares change how many shares a carried position has, and not what they cost.

CREATE TABLE share_restatements (
    position_id text NOT NULL REFERENCES positions,
    session_date date NOT NULL,
    held_before bigint NOT NULL CHECK (held_before > 0),
    held_after bigint NOT NULL CHECK (held_after > 0),
    restated_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (position_id, session_date),
    CONSTRAINT something_changed CHECK (held_before <> held_after)
);
COMMENT ON TABLE share_restatements IS 'Corporate actions in carried positions: shares held before and after, at an unchanged cost';
COMMENT ON COLUMN share_restatements.session_date IS 'KST calendar date of the session before which the shares changed';
COMMENT ON COLUMN share_restatements.restated_at IS 'Market time';
COMMENT ON COLUMN share_restatements.recorded_at IS 'Real time (database clock)';

ALTER TABLE positions
    ADD COLUMN restated_bought bigint NOT NULL DEFAULT 0,
    ADD COLUMN restated_sold bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN positions.bought_quantity IS 'Shares ever bought, in shares of today: corporate actions restate it';
COMMENT ON COLUMN positions.sold_quantity IS 'Shares sold or gone, in shares of today';
COMMENT ON COLUMN positions.restated_bought IS 'Of the bought shares, those that corporate actions added (negative: took away), beyond the buys'' fills';
COMMENT ON COLUMN positions.restated_sold IS 'Of the sold shares, those that corporate actions added (negative: took away), beyond the sales'' fills';
