-- KIS counts costs per stock, side and day: a trade's costs need all orders of its stock on its days.

CREATE INDEX orders_of_a_session ON orders (account_id, session_date, symbol);
