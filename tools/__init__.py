"""Programs that verify, break and measure Haru. No trading code imports them."""
