-- Orders of the markets after the regular session, and summaries that are written while those still sell.
ALTER TABLE orders
    DROP CONSTRAINT orders_order_type_check,
    DROP CONSTRAINT limit_order_has_a_price,
    ADD CONSTRAINT orders_order_type_check CHECK (order_type IN ('limit', 'market', 'post_close', 'after_market')),
    ADD CONSTRAINT limit_order_has_a_price
        CHECK ((order_type IN ('limit', 'after_market')) = (limit_price IS NOT NULL));

ALTER TABLE daily_summaries ADD COLUMN is_final boolean NOT NULL DEFAULT true;
COMMENT ON COLUMN daily_summaries.is_final IS 'False while the close still sells what the session left';
