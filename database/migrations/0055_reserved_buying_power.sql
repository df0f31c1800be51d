-- Two workers that ask the broker for buying power at the same moment are shown the same won; only one may spend them.

ALTER TABLE orders ADD COLUMN answered_at timestamptz;
COMMENT ON COLUMN orders.answered_at IS
    'Real time (database clock) at which the broker''s number was recorded: an answer about buying power asked for '
    'later knows the order. Null before, and for orders of earlier versions';
CREATE INDEX orders_by_answer ON orders (account_id, answered_at);
