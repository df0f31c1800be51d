"""Programs that judge, break and measure Haru; nothing that trades imports them."""
